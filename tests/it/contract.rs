//! Lockstep of documents and code: each document has a dialect module and an API that serves it. A test reaches every
//! documented operation and status, or `unreached.toml` lists it with the reason. If a document lists every status
//! separately, its `default` covers no answer: `Contract::is_complete` computes that.
//!
//! The ledger does not depend on which tests ran before it: `contract/scenarios.rs` reaches every operation and status
//! anew, on servers of its own. The harness checks each answer against the document.

pub mod acp;
mod cargo;
mod crowded;
mod scenarios;
mod uncredited;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Contract, DOCUMENTS, World};

/// Document, operation, status as the document writes it.
type Entry = (String, String, String);

/// The content of `unreached.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unreached {
    #[serde(default)]
    unreached: Vec<Group>,
}

/// Some statuses of some operations, and why no test can reach them.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    document: String,
    operations: Vec<String>,
    statuses: Vec<String>,
    reason: String,
}

fn promised() -> BTreeSet<Entry> {
    let mut all = BTreeSet::new();
    for document in DOCUMENTS.iter().copied() {
        for operation in document.operations {
            let contract = Contract::named(document.name);
            let (complete, unserved) = (contract.is_complete(operation), contract.is_not_served(operation));
            let kept = |status: &str| !(complete && status == "default" || unserved && status.starts_with('2'));
            for response in operation.responses.iter().filter(|one| kept(one.status)) {
                all.insert((document.name.to_owned(), operation.id.to_owned(), response.status.to_owned()));
            }
        }
    }
    all
}

fn excused() -> BTreeSet<Entry> {
    let list: Unreached = toml::from_str(&std::fs::read_to_string(tree("tests/it/unreached.toml")).unwrap()).unwrap();
    let mut all = BTreeSet::new();
    for group in list.unreached {
        assert!(!group.reason.trim().is_empty(), "every entry has its reason");
        for operation in &group.operations {
            for status in &group.statuses {
                let entry = (group.document.clone(), operation.clone(), status.clone());
                assert!(all.insert(entry.clone()), "{entry:?} stands there twice");
            }
        }
    }
    all
}

/// A path in the tree.
fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn lines(entries: &BTreeSet<Entry>) -> String {
    entries.iter().map(|(document, operation, status)| format!("  {document} {operation} {status}\n")).collect()
}

#[tokio::test]
async fn the_ledger() {
    let reached: BTreeSet<Entry> = scenarios::all()
        .await
        .into_iter()
        .map(|(document, operation, status)| (document.to_owned(), operation.to_owned(), status.to_owned()))
        .collect();
    let (promised, excused) = (promised(), excused());
    assert!(reached.is_subset(&promised));
    let forgotten: BTreeSet<Entry> = &(&promised - &reached) - &excused;
    assert!(
        forgotten.is_empty(),
        "promised, but no scenario reaches them and unreached.toml is silent:\n{}",
        lines(&forgotten)
    );
    let stale: BTreeSet<Entry> = &excused & &reached;
    assert!(stale.is_empty(), "unreached.toml excuses what is reached:\n{}", lines(&stale));
    let gone: BTreeSet<Entry> = &excused - &promised;
    assert!(gone.is_empty(), "unreached.toml excuses what no document has:\n{}", lines(&gone));
}

/// Name and path of every document file: the files in folders of `openapi/` that have paths.
fn files() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for owner in std::fs::read_dir(tree("openapi")).unwrap() {
        let owner = owner.unwrap().path();
        if !owner.is_dir() || ["codegen", "host"].iter().any(|ours| owner.ends_with(ours)) {
            continue;
        }
        for file in std::fs::read_dir(owner).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some(name) = name.strip_suffix(".yaml").filter(|name| !name.ends_with(".overlay"))
                && read(&file).get("paths").is_some()
            {
                assert!(found.insert(name.to_owned(), file).is_none(), "two documents are named {name}");
            }
        }
    }
    found
}

fn read(file: &Path) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[tokio::test]
async fn every_document_has_code_a_dialect_module_and_a_listener() {
    let files = files();
    let names: BTreeSet<&str> = files.keys().map(String::as_str).collect();
    let coded: BTreeSet<&str> = DOCUMENTS.iter().map(|document| document.name).collect();
    assert_eq!(names, coded, "files below openapi/, and documents with code");
    let world = World::new().await;
    let clients: BTreeSet<&str> = world.server.listeners().iter().map(|api| api.name).collect();
    assert_eq!(clients, coded, "documents with code, and APIs");
    let modules: BTreeSet<String> = std::fs::read_dir(tree("server/dialects"))
        .unwrap()
        .map(|module| module.unwrap().path())
        .filter(|module| module.join("handlers.rs").exists())
        .map(|module| module.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let expected = coded.iter().map(|name| match *name {
        // `cargo` alone would read as the build tool.
        "cargo" => "cargo_ai".to_owned(),
        name => name.replace('-', "_"),
    });
    assert_eq!(modules, expected.collect(), "dialect modules, and documents with code");
    // The code matches the file: same operations, below the same paths.
    for document in DOCUMENTS.iter().copied() {
        let mut written = BTreeSet::new();
        for (path, item) in read(&files[document.name])["paths"].as_object().unwrap() {
            for (method, operation) in
                item.as_object().unwrap().iter().filter(|(_, part)| part.get("operationId").is_some())
            {
                written.insert((
                    method.to_uppercase(),
                    path.clone(),
                    operation["operationId"].as_str().unwrap().to_owned(),
                ));
            }
        }
        // An operation that an overlay adds is not the vendor's, and is marked as such.
        let vendors = document.operations.iter().filter(|one| !Contract::named(document.name).is_added(one));
        let carried = vendors.map(|one| (one.method.to_owned(), one.path.to_owned(), one.id.to_owned()));
        assert_eq!(written, carried.collect(), "{}", document.name);
    }
}

#[tokio::test]
async fn each_api_serves_the_document_that_it_was_built_from() {
    let world = World::new().await;
    for document in DOCUMENTS.iter().copied() {
        for (path, media, text) in [
            ("/openapi.json", "application/json", document.full_json),
            ("/openapi.json?overlay=true", "application/json", document.full_json),
            ("/openapi.json?overlay=false", "application/json", document.owner_json),
            ("/openapi.yaml", "application/yaml", document.full_yaml),
            ("/openapi.yaml?overlay=false", "application/yaml", document.owner_yaml),
        ] {
            let answer = world.get(document.name, path).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(media)), "{} {path}", document.name);
            assert_eq!(answer.text(), text, "{} {path}", document.name);
        }
        let full: Value = serde_json::from_str(document.full_json).unwrap();
        let yaml: Value = serde_saphyr::from_str(document.full_yaml).unwrap();
        assert_eq!(full, yaml, "{}: one document in two notations", document.name);
        let answer = world.get(document.name, "/openapi.json?overlay=maybe").await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
    }
}
