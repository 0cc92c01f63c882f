//! Starts and completions of every API, changed at random and at the limits of depth and size. What the server
//! acknowledges can be read back, also from a reopened store, and no answer is a server fault.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::nested;
use crate::harness::Clients;
use crate::process::Served;

/// Requests of each kind.
const CASES: usize = 40;

/// One change of a document.
#[derive(Debug, Clone)]
enum Change {
    /// Puts a value at a place.
    Put(prop::sample::Index, Value),
    /// Puts a value around that of a place.
    Wrap(prop::sample::Index, usize),
    /// Adds a member beside those of a place.
    Add(prop::sample::Index, String, Value),
    /// Removes a place.
    Remove(prop::sample::Index),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        (1_usize..140).prop_map(nested),
        (55_usize..66).prop_map(nested),
        (1_000_usize..70_000).prop_map(|length| Value::from("x".repeat(length))),
        (1_000_usize..5_000).prop_map(|length| json!(vec![0; length])),
        prop::collection::btree_map(".{0,8}", any::<i32>(), 0..4).prop_map(|members| json!(members)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        (place(), value()).prop_map(|(place, value)| Change::Put(place, value)),
        (place(), 1_usize..70).prop_map(|(place, depth)| Change::Wrap(place, depth)),
        (place(), ".{0,8}", value()).prop_map(|(place, name, value)| Change::Add(place, name, value)),
        place().prop_map(Change::Remove),
    ]
}

/// The places of a document, as JSON pointers.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                places(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), into);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(8) {
                places(item, &format!("{at}/{index}"), into);
            }
        }
        _ => {}
    }
}

fn changed(mut document: Value, changes: &[Change]) -> Value {
    for change in changes {
        let mut found = Vec::new();
        places(&document, "", &mut found);
        let (Change::Put(place, _) | Change::Wrap(place, _) | Change::Add(place, ..) | Change::Remove(place)) = change;
        let pointer = place.get(&found).clone();
        match change {
            Change::Put(_, value) => *document.pointer_mut(&pointer).unwrap() = value.clone(),
            Change::Wrap(_, depth) => {
                let at = document.pointer_mut(&pointer).unwrap();
                *at = (0..*depth).fold(at.take(), |value, _| json!([value]));
            }
            Change::Add(_, name, value) => {
                if let Some(members) = document.pointer_mut(&pointer).and_then(Value::as_object_mut) {
                    members.insert(name.clone(), value.clone());
                }
            }
            Change::Remove(_) => {
                let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
                if let Some(members) = document.pointer_mut(parent).and_then(Value::as_object_mut) {
                    members.remove(name);
                }
            }
        }
    }
    document
}

/// A valid start for each API that has one: API, path, body, and where the answer has the id.
fn starts() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let external = json!({ "node_type_id": "runyard.composite.external", "version": "latest" });
    let inputs = json!({ "order": { "lines": [{ "item": "lamp" }] } });
    let arp = json!({ "root_node_type_ref": external, "input": inputs });
    vec![
        ("run-gateway", "/v1/runs", arp.clone(), "/run_id"),
        ("run-coordinator", "/v1/runs", arp, "/run_id"),
        ("runtime", "/v1/runs", json!({ "input": { "goal": "Generate a UUID.", "context": {} } }), "/run_id"),
        (
            "toolregistry",
            "/v1/runs",
            json!({ "intent": "Generate a UUID.", "selectedCustomerIntegrationIds": ["*"], "context": "", "userId": "ann",
                    "outputSchema": { "type": "object", "properties": { "id": { "default": [] } } } }),
            "/runId",
        ),
        (
            "acp",
            "/v1/servers/default/runs",
            json!({ "content": "Generate a UUID.", "mode": "async", "metadata": { "a": [1] } }),
            "/run/id",
        ),
        ("runyard", "/v1/runs", json!({ "node_type_ref": external, "inputs": inputs }), "/run_id"),
    ]
}

/// The path at which an API shows a run.
fn look(api: &str, run: &str) -> String {
    match api {
        "acp" => format!("/v1/servers/default/runs/{run}"),
        _ => format!("/v1/runs/{run}"),
    }
}

async fn reads_back(clients: &Clients, acknowledged: &[(&'static str, String)]) {
    for (api, run) in acknowledged {
        let answer = clients.get(api, &look(api, run)).await;
        assert_eq!(answer.status, 200, "{api} {run}: {}", answer.text());
    }
    for (api, path) in
        [("runyard", "/v1/runs?limit=200"), ("toolregistry", "/v1/runs"), ("acp", "/v1/servers/default/runs")]
    {
        let answer = clients.get(api, path).await;
        assert_eq!(answer.status, 200, "{api} {path}: {}", answer.text());
    }
}

#[tokio::test]
async fn whatever_is_acknowledged_reads_back_through_every_api() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::deterministic();
    let changes = prop::collection::vec(change(), 0..3);
    let mut draw = || changes.new_tree(&mut runner).unwrap().current();

    let served = Served::start(folder.path()).await;
    let clients = served.clients();
    let mut acknowledged = Vec::new();
    for (api, path, body, id) in starts() {
        let mut accepted = 0;
        for case in 0..CASES {
            let sent = if case == 0 { body.clone() } else { changed(body.clone(), &draw()) }.to_string();
            let answer = clients.post(api, path, sent.clone()).await;
            assert!(case > 0 || answer.status < 300, "{api}: {}", answer.text());
            assert!(answer.status < 500, "{api}: {}: {sent:.500}", answer.text());
            if answer.status < 300 {
                accepted += 1;
                let run = answer
                    .json()
                    .pointer(id)
                    .and_then(Value::as_str)
                    .unwrap_or_else(|| panic!("{api}: {}", answer.text()))
                    .to_owned();
                acknowledged.push((api, run));
            }
        }
        assert!(accepted > 0 && accepted < CASES, "{api}: {accepted}");
    }
    // The bodies that complete and evaluate external composites.
    for _ in 0..CASES {
        let (run, root) = served.clients.start("runyard.composite.external", json!({})).await;
        for (what, body) in [
            ("evaluation", json!({ "evaluation_result": { "status": "success", "details": { "a": {} } } })),
            ("complete", json!({ "state": "succeeded", "outputs": { "a": [{}] } })),
        ] {
            let sent = changed(body, &draw()).to_string();
            let answer = clients.post("run-coordinator", &format!("/v1/node-runs/{root}:{what}"), sent.clone()).await;
            assert!(answer.status < 500, "{what}: {}: {sent:.500}", answer.text());
        }
        acknowledged.push(("run-gateway", run));
    }
    reads_back(&clients, &acknowledged).await;
    served.process.signal("TERM");
    served.process.done().await.exits(0);

    let served = Served::start(folder.path()).await;
    reads_back(&served.clients(), &acknowledged).await;
    served.process.signal("TERM");
    served.process.done().await.exits(0);
    crate::process::runyard(folder.path(), &["check"]).await.exits(0);
}
