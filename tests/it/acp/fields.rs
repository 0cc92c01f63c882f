//! Every field and parameter of the vendor's page on starting a run, with the run that fills it or the rule that leaves
//! it out.

use std::collections::BTreeMap;

use http::Method;
use runyard_api::acp::DOCUMENT;
use serde_json::{Value, json};

use super::{RUNS, ask, say, start};
use crate::harness::World;

/// Request fields: name and type as the page writes them, with a value.
fn bodies() -> [(&'static str, &'static str, Value); 5] {
    [
        ("content", "string", json!("Say \"in\".")),
        ("prompt", "string", json!("Say \"out\".")),
        ("title", "string", json!("T")),
        ("mode", "sync | async", json!("sync")),
        ("metadata", "object", json!({ "k": [1, null] })),
    ]
}

/// Response fields: the place and its type. The page requires none of them.
const ANSWER: [(&str, &str); 26] = [
    ("serverId", "string"),
    ("run", "object"),
    ("run.id", "string"),
    ("run.serverId", "string"),
    ("run.threadId", "string"),
    ("run.title", "string"),
    ("run.input", "string"),
    ("run.output", "string"),
    ("run.mode", "sync | async"),
    ("run.status", "queued | running | completed | failed | cancelled"),
    ("run.error", "string"),
    ("run.metadata", "object"),
    ("run.createdAt", "string"),
    ("run.completedAt", "string"),
    ("run.sessionProtocol", "string"),
    ("run.threadBacked", "boolean"),
    ("run.threadStatus", "string"),
    ("run.threadTitle", "string"),
    ("thread", "object"),
    ("events", "object[]"),
    ("events[].id", "string"),
    ("events[].role", "string"),
    ("events[].content", "string"),
    ("events[].logType", "string"),
    ("events[].logLevel", "string"),
    ("events[].createdAt", "string"),
];

/// Returns every value at a place of the page.
fn at<'a>(answer: &'a Value, path: &str) -> Vec<&'a Value> {
    path.split('.').fold(vec![answer], |values, part| {
        let (name, list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
        let found = values.into_iter().filter_map(|value| value.get(name));
        if list { found.flat_map(|value| value.as_array().unwrap()).collect() } else { found.collect() }
    })
}

fn fits(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "object" => value.is_object(),
        "boolean" => value.is_boolean(),
        "object[]" => value.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
        words => words.split(" | ").any(|word| value == word),
    }
}

/// The fields that an answer leaves out, and why. A field that is not listed here must be present.
const LEFT_OUT: [(&str, &str, &str); 9] = [
    ("201, completed", "run.error", "nothing went wrong"),
    ("201, failed", "run.title", "it was not given"),
    ("201, failed", "run.metadata", "it was not given"),
    ("201, failed", "run.output", "a run that failed has answered nothing"),
    ("202, running", "run.output", "a run that has not ended has not answered"),
    ("202, running", "run.completedAt", "a run that has not ended has no end"),
    ("202, running", "run.error", "nothing has gone wrong so far"),
    ("200, cancelled", "run.output", "a run that was cancelled has not answered"),
    ("200, cancelled", "run.error", "a cancel is no error"),
];

#[tokio::test]
async fn every_field_of_the_page_is_filled_or_left_out_by_a_rule() {
    let world = World::with(|config| config.acp.sync_wait_ms = 60_000).await;
    let all = Value::Object(bodies().into_iter().map(|(name, _, value)| (name.to_owned(), value)).collect());
    let (created, ended) = start(&world, all.clone()).await;
    let (_, failed) = start(&world, json!({ "prompt": "Misfire." })).await;
    // The run returns a message before it asks its question, so that it has an output.
    let mut asking = all;
    asking["content"] = json!("Say \"x\", then ask \"Which color?\".");
    let (accepted, live) = start(&world, asking).await;
    assert_eq!((created, accepted), (201, 202));
    let cancel = format!("{RUNS}/{}/cancel", live["run"]["id"].as_str().unwrap());
    let canceled = ask(&world, Method::POST, &cancel, Some(json!({}))).await.json();
    let answers =
        [("201, completed", &ended), ("201, failed", &failed), ("202, running", &live), ("200, cancelled", &canceled)];
    for ((name, answer), (path, kind)) in answers.iter().flat_map(|one| ANSWER.iter().map(move |field| (*one, *field)))
    {
        let values = at(answer, path);
        let rule = LEFT_OUT.iter().find(|(of, field, _)| *of == name && *field == path);
        match rule {
            Some((.., why)) => assert!(values.is_empty(), "{name}: {path}, though {why}: {values:?}"),
            None => assert!(!values.is_empty(), "{name}: {path} is nowhere, and no rule says why: {answer}"),
        }
        assert!(values.iter().all(|value| fits(value, kind)), "{name}: {path} is no {kind}: {values:?}");
    }
    for event in at(&ended, "events[]") {
        let log = event["role"] == "execution_log";
        assert!(event.get("logType").is_some() == log && event.get("logLevel").is_some() == log, "{event}");
    }
}

#[tokio::test]
async fn every_field_of_the_body_takes_effect_and_bad_ones_are_refused_by_name() {
    let world = World::new().await;
    let given: BTreeMap<&str, Value> = bodies().into_iter().map(|(name, _, value)| (name, value)).collect();
    let (_, ended) = start(&world, json!(given)).await;
    assert_eq!((&ended["run"]["output"], &ended["run"]["input"]), (&json!("in"), &given["content"]));
    for name in ["title", "mode", "metadata"] {
        assert_eq!(ended["run"][name], given[name], "{name}");
    }
    for (name, _, _) in bodies() {
        let mut body = json!({ "content": "Say \"x\"." });
        body[name] = json!(7);
        let (status, refused) = start(&world, body).await;
        assert_eq!((status, &refused["details"][0]["field"]), (400, &json!(name)), "{refused}");
    }
    let (status, _) = start(&world, json!({ "content": "Say \"x\".", "mode": "later" })).await;
    assert_eq!(status, 400);
    let (status, unknown) = start(&world, json!({ "content": "Say \"x\".", "more": true })).await;
    assert_eq!(status, 201, "what the page does not name is let through: {unknown}");
    let (_, next) = say(&world, &ended, json!({ "content": "Say \"y\".", "metadata": { "z": 1 } })).await;
    assert_eq!((&next["run"]["metadata"], next["run"].get("title")), (&json!({ "z": 1 }), None));
    let none = ask(&world, Method::POST, RUNS, None).await;
    assert_eq!(none.status, 400, "the body is required");
}

#[test]
fn the_document_says_what_the_page_says() {
    let owner: Value = serde_json::from_str(DOCUMENT.owner_json).unwrap();
    let path = &owner["paths"]["/v1/servers/{serverId}/runs"];
    let operation = &path["post"];
    assert_eq!(path["parameters"], json!([{ "$ref": "#/components/parameters/ServerId" }]));
    let server = &owner["components"]["parameters"]["ServerId"];
    assert_eq!(
        (&server["name"], &server["in"], &server["required"]),
        (&json!("serverId"), &json!("path"), &json!(true))
    );
    assert_eq!(operation.get("parameters"), None, "no query parameters");
    assert_eq!(operation["requestBody"]["required"], true);
    let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["201", "202", "default"]);
    for status in ["201", "202"] {
        let schema = &operation["responses"][status]["content"]["application/json"]["schema"];
        assert_eq!(schema, &json!({ "$ref": "#/components/schemas/RunEnvelope" }));
    }
    let schema = |name: &str| owner["components"]["schemas"][name].clone();
    let resolved = |field: &Value| match field["$ref"].as_str() {
        Some(reference) => owner.pointer(&reference[1..]).unwrap().clone(),
        None => field.clone(),
    };
    let kind = |field: &Value| {
        let field = resolved(field);
        match field["enum"].as_array() {
            Some(words) => words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" | "),
            None => field["type"].as_str().unwrap().to_owned(),
        }
    };
    let body = schema("StartRun");
    assert_eq!(body.get("required"), None);
    let found: BTreeMap<String, String> =
        body["properties"].as_object().unwrap().iter().map(|(name, field)| (name.clone(), kind(field))).collect();
    let page: BTreeMap<String, String> =
        bodies().into_iter().map(|(name, kind, _)| (name.to_owned(), kind.to_owned())).collect();
    assert_eq!(found, page);
    for (place, of) in [("", "RunEnvelope"), ("run.", "Run"), ("events[].", "RunEvent")] {
        let listed: Vec<&str> =
            ANSWER.iter().filter_map(|(path, _)| path.strip_prefix(place)).filter(|name| !name.contains('.')).collect();
        let whole = schema(of);
        assert_eq!(whole.get("required"), None, "{of}");
        let mut names: Vec<&str> = whole["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        // The connected twin and the alias share the schema.
        names.retain(|name| *name != "agentRuntimeId");
        assert_eq!(names, listed, "{of}");
    }
}
