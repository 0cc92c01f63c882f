//! Rules for every page, checked with the real documents.

use std::collections::BTreeSet;

use super::view::Word;
use super::*;

fn page(name: &str) -> String {
    files().into_iter().find(|one| one.name == file(name)).unwrap().content
}

fn part(name: &str) -> &'static Part {
    PARTS.iter().find(|one| one.document.name == name).unwrap()
}

#[test]
fn every_operation_status_and_schema_has_its_place() {
    for part in PARTS.iter() {
        let (reference, page) = (&part.reference, page(part.document.name));
        assert_eq!(reference.operations().count(), part.document.operations.len());
        for operation in part.document.operations {
            assert!(page.contains(&format!("<section class=\"operation\" id=\"{}\"", operation.id)));
            let shown = reference.operations().find(|one| one.id == operation.id).unwrap();
            let statuses: BTreeSet<&str> = shown.answers.iter().map(|answer| answer.status.as_str()).collect();
            assert_eq!(
                statuses,
                operation.responses.iter().map(|response| response.status).collect(),
                "{}",
                operation.id
            );
            let parameters: BTreeSet<&str> = shown.parameters.iter().map(|one| one.name.as_str()).collect();
            assert_eq!(parameters, operation.parameters.iter().map(|one| one.name).collect(), "{}", operation.id);
            // An operation with a JSON answer and a stream streams only if the caller requests it.
            let streams = |media: &String| media == "text/event-stream";
            let or_stream = shown.answers.iter().flat_map(|answer| &answer.other_media).any(streams);
            assert_eq!(
                (shown.secured, shown.stream.is_some() || or_stream),
                (operation.secured, operation.streams),
                "{}",
                operation.id
            );
        }
        for schema in &reference.schemas {
            assert!(page.contains(&format!("id=\"schema-{}\"", schema.name)), "{}", schema.name);
        }
    }
}

#[test]
fn what_is_ours_is_marked_and_nothing_else() {
    let gateway = &part("run-gateway").reference;
    let start = gateway.operations().find(|one| one.id == "start_run").unwrap();
    let key = start.parameters.iter().find(|one| one.name == "Idempotency-Key").unwrap();
    assert!(key.ours && !key.required);
    let ours = |status: &str| start.answers.iter().find(|one| one.status == status).unwrap().ours;
    assert_eq!((ours("200"), ours("401"), ours("409"), ours("default")), (false, false, true, false));
    assert!(start.answers.iter().find(|one| one.status == "200").unwrap().headers[0].ours);
    let body = start.body.as_ref().unwrap();
    let narrowed = body.fields.iter().find(|one| one.name == "run_id").unwrap();
    assert!(!narrowed.ours && narrowed.shape.rules.iter().any(|rule| rule.name == "pattern" && rule.ours));
    assert!(
        body.fields.iter().filter(|one| one.name != "run_id").all(|one| one.shape.rules.iter().all(|rule| !rule.ours))
    );
    let get = gateway.operations().find(|one| one.id == "get_run").unwrap();
    assert!(get.parameters.iter().all(|one| !one.ours), "the owner's path parameter is the owner's");

    let own = &part("runyard").reference;
    assert!(gateway.foreign && !own.foreign);
    assert!(!page("runyard").contains("tag ours"), "our own document needs no mark");
}

#[test]
fn shapes_and_codes_are_shown() {
    let own = &part("runyard").reference;
    let list = own.operations().find(|one| one.id == "list_runs").unwrap();
    let state = list.parameters.iter().find(|one| one.name == "state").unwrap();
    assert!(
        matches!(&state.shape.words[..], [Word::Plain(list), Word::Schema(name)] if list == "list of " && name == "RunState")
    );
    let limit = list.parameters.iter().find(|one| one.name == "limit").unwrap();
    let rules: Vec<String> = limit.shape.rules.iter().map(|rule| format!("{} {}", rule.name, rule.value)).collect();
    assert_eq!(rules, ["at least 1", "at most 200"]);

    let result = part("runtime").reference.operations().find(|one| one.id == "get_run_result").unwrap();
    let codes = |status: &str| result.answers.iter().find(|one| one.status == status).unwrap().codes.join(" ");
    assert_eq!(
        (codes("404").as_str(), codes("409").as_str()),
        ("run_not_found", "run_not_finished run_too_large values_too_large")
    );
    assert_eq!(codes("503"), "store_busy store_unavailable stopping unavailable");
}

#[test]
fn calls_are_made_of_the_documents_examples() {
    let made = |document: &str, id: &str| {
        let part = part(document);
        let operation = part.reference.operations().find(|one| one.id == id).unwrap();
        let rust = snippets::rust(&part.reference, &snippets::Signatures::of(part.surface), operation, &part.url());
        (snippets::curl(&part.reference, operation), rust)
    };
    let (curl, rust) = made("run-coordinator", "create_node_runs");
    assert!(
        curl.starts_with("curl -sS --fail-with-body -X POST \\\n  \"$RUN_COORDINATOR_URL/v1/node-runs\" \\\n"),
        "{curl}"
    );
    assert!(curl.contains("-d @- <<JSON\n{\n  \"run_id\": \"$RUN_ID\",\n") && curl.ends_with("\n}\nJSON"), "{curl}");
    assert!(rust.contains("\"run_id\": \"run_019a"), "{rust}");
    let (curl, rust) = made("runyard", "list_runs");
    assert_eq!(curl, "curl -sS --fail-with-body \"$RUNYARD_URL/v1/runs?state=succeeded&limit=20\"");
    assert!(
        rust.contains(
            "state: vec![\"succeeded\".parse()?],\n    limit: Some(\"20\".parse()?),\n    ..Default::default()"
        ),
        "{rust}"
    );
    let (curl, rust) = made("runtime", "cancel_run");
    assert_eq!(curl, "curl -sS --fail-with-body -X POST \"$RUNTIME_URL/v1/runs/${RUN_ID}:cancel\"");
    assert!(rust.ends_with("}\n.send(&client)\n.await?\n.into_inner();\nprintln!(\"{answer:#?}\");"), "{rust}");
    let (curl, rust) = made("run-gateway", "stream_run_events");
    assert!(curl.starts_with("curl -sSN --fail-with-body ") && rust.contains("client.watch("), "{curl} {rust}");
}

#[test]
fn a_page_is_small_and_alone() {
    for file in files().iter().filter(|file| file.name.ends_with(".html")) {
        // Cargo has by far the most operations.
        assert!(file.content.len() < 768 * 1024, "{}: {} bytes", file.name, file.content.len());
        for loading in ["src=", "@import", "url(", " style=", "onclick"] {
            assert!(!file.content.contains(loading), "{}: {loading}", file.name);
        }
    }
}

#[test]
fn a_served_page_shows_the_addresses_of_its_server() {
    let listener = |name, url: &str| Listener { name, title: String::new(), url: url.to_owned() };
    // The gateway listens on the default port of the Runyard API: nothing is replaced twice.
    let listeners = [listener("runyard", "http://10.0.0.1:9012"), listener("run-gateway", "http://127.0.0.1:8092")];
    let page = "at http://127.0.0.1:8092/v1, http://127.0.0.1:8081 and http://127.0.0.1:8083 or http://127.0.0.1:x";
    let shown = "at http://10.0.0.1:9012/v1, http://127.0.0.1:8092 and http://127.0.0.1:8083 or http://127.0.0.1:x";
    assert_eq!(with_addresses(page, &listeners), shown);
    assert_eq!(with_addresses(page, &[]), page);
}
