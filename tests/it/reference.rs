//! The reference: served at every API, generated as files, with examples that are true.
//!
//! `.ci/reference` checks its links, its HTML, its curl and its Rust.

use http::Method;
use runyard::listeners;
use runyard::web::reference;
use serde_json::{Value, json};

use crate::harness::{DOCUMENTS, World, contract};
use crate::process::runyard;

#[tokio::test]
async fn every_api_serves_its_page_and_the_rest_of_the_folder() {
    let world = World::new().await;
    let files = reference::files();
    for document in DOCUMENTS.iter().copied() {
        let page = world.get(document.name, "/docs").await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let title = format!("<title>{} · Runyard reference</title>", title(document.full_json));
        assert!(page.text().contains(&title), "{}: no {title}", document.name);
        for file in &files {
            let answer = world.get(document.name, &format!("/docs/{}", file.name)).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(file.media)), "{}", file.name);
            assert_eq!(answer.text(), addressed(&world, file), "{}", file.name);
        }
        let folder = world.get(document.name, "/docs/").await;
        assert_eq!(folder.text(), world.get(document.name, &format!("/docs/{}.html", document.name)).await.text());

        let head = world.send(document.name, world.request(document.name, Method::HEAD, "/docs")).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), Some(page.body.len().to_string().as_str()));
        let known =
            world.request(document.name, Method::GET, "/docs").header("if-none-match", page.header("etag").unwrap());
        assert_eq!(world.send(document.name, known).await.status, 304);
        let posted = world.post(document.name, "/docs", "{}").await;
        assert_eq!(posted.refusal(), (405, "method_not_allowed".to_owned()));
        assert_eq!(posted.header("allow"), Some("GET, HEAD"));
        assert_eq!(world.get(document.name, "/docs/absent.html").await.refusal(), (404, "unknown_path".to_owned()));
    }
    world.server.stop().await;
}

/// A file as this server serves it: its pages have the addresses of this server.
fn addressed(world: &World, file: &reference::File) -> String {
    if !file.media.starts_with("text/html") {
        return file.content.clone();
    }
    let defaults = DOCUMENTS.iter().map(|document| (document.name, 8080 + listeners::offset(document.name)));
    defaults.fold(file.content.clone(), |text, (name, port)| {
        text.replace(&format!("http://127.0.0.1:{port}"), world.server.url(name).unwrap())
    })
}

fn title(document: &str) -> String {
    let whole: Value = serde_json::from_str(document).unwrap();
    whole["info"]["title"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_export_is_the_folder_that_the_apis_serve() {
    let folder = tempfile::tempdir().unwrap();
    let done = runyard(folder.path(), &["openapi", "export", "--out", "a/b"]).await.exits(0);
    let files = reference::files();
    for file in &files {
        assert_eq!(std::fs::read_to_string(folder.path().join("a/b").join(&file.name)).unwrap(), file.content);
        assert!(done.out.contains(&file.name), "{} is not said", file.name);
    }
    assert!(done.out.ends_with(&format!("wrote {} files into a/b\n", files.len())), "{}", done.out);
    assert_eq!(std::fs::read_dir(folder.path().join("a/b")).unwrap().count(), files.len());

    let again = runyard(folder.path(), &["openapi", "export", "--json", "--out", "a/b"]).await.exits(0).object();
    assert_eq!((&again["folder"], again["files"].as_array().unwrap().len()), (&json!("a/b"), files.len()));
    assert_eq!(again["files"][0], json!({ "name": "index.html", "bytes": files[0].content.len() }));
}

#[tokio::test]
async fn an_export_into_what_is_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "mine").unwrap();
    let done = runyard(folder.path(), &["openapi", "export", "--out", "file"]).await.exits(1);
    assert!(done.err.contains("file is a file") && done.err.contains("--out"), "{}", done.err);
    let done = runyard(folder.path(), &["--json", "openapi", "export", "--out", "file/below"]).await.exits(1);
    assert_eq!(serde_json::from_str::<Value>(&done.err).unwrap()["error"]["code"], "not_written");
    assert_eq!(std::fs::read_to_string(folder.path().join("file")).unwrap(), "mine");
    runyard(folder.path(), &["openapi", "runtime", "export", "--out", "other"]).await.exits(2);
    assert!(!folder.path().join("other").exists());
}

/// Every place of a document that may have an example: the place, the schema, the example.
fn places(document: &Value) -> Vec<(String, Value, Option<Value>)> {
    let mut found = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if let Some(example) = schema.get("example") {
            found.push((name.clone(), schema.clone(), Some(example.clone())));
        }
    }
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values().filter(|part| part.get("operationId").is_some()) {
            let id = operation["operationId"].as_str().unwrap();
            for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                found.push((format!("{id} {media}"), content["schema"].clone(), content.get("example").cloned()));
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if let Some(example) = parameter.get("example") {
                    found.push((
                        format!("{id} {}", parameter["name"]),
                        parameter["schema"].clone(),
                        Some(example.clone()),
                    ));
                }
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                for (media, content) in answer["content"].as_object().into_iter().flatten() {
                    let named = content["schema"]["$ref"].as_str().and_then(|text| document.pointer(&text[1..]));
                    let of_schema = named.and_then(|schema| schema.get("example"));
                    let example = content.get("example").or(of_schema).cloned();
                    found.push((format!("{id} {status} {media}"), content["schema"].clone(), example));
                }
            }
        }
    }
    found
}

#[test]
fn every_body_and_every_success_has_an_example_that_fits() {
    for document in DOCUMENTS.iter().copied() {
        let whole: Value = serde_json::from_str(document.full_json).unwrap();
        let places = places(&whole);
        assert!(places.len() > 10, "{}: {} places", document.name, places.len());
        for (place, schema, example) in places {
            let example = example.unwrap_or_else(|| panic!("{}: {place} has no example", document.name));
            if let Err(error) = contract::validator_of(&whole, &schema).validate(&example) {
                panic!("{}: the example of {place} does not fit: {error}", document.name);
            }
            if place.ends_with("ndjson") || place.ends_with("event-stream") {
                let text = example.as_str().unwrap();
                for line in text.split_inclusive('\n') {
                    contract::Contract::named(document.name).check_line(line).unwrap();
                }
            }
        }
    }
}

#[test]
fn an_example_that_does_not_fit_is_seen() {
    let whole: Value = serde_json::from_str(DOCUMENTS[0].full_json).unwrap();
    let (_, schema, example) = places(&whole).into_iter().find(|one| one.0.starts_with("start_run app")).unwrap();
    let mut example = example.unwrap();
    example["input"] = json!(7);
    assert!(contract::validator_of(&whole, &schema).validate(&example).is_err());
}
