//! How a golden database is made: every kind of run, in every state in which it can wait or end.

use std::path::{Path, PathBuf};

use futures::StreamExt;
use runyard::clock::Clock;
use runyard::config::Config;
use runyard::serve::Server;
use runyard::store::Claims;
use runyard::store::api_key::{ApiKey, KeyStore};
use runyard::store::object::{Change, ObjectStore, ObjectWrite};
use runyard::store::sqlite::{FILE_NAME, Options, Sqlite};
use serde_json::{Value, json};

use crate::process::{ProcessClients, assert_whole, bounded};

const PLANNER: &str = "runyard.composite.planner.general";
const EXTERNAL: &str = "runyard.composite.external";
const EACH: &str = "runyard.composite.each";
const ECHO: &str = "runyard.core.echo";
const SCRIPT: &str = "runyard.graph.script";

/// Longer values are stored beside the log, so that the database stays small.
const INLINE_BYTES: u64 = 1_024;

/// A hundred years: the driver that claimed for so long is surely dead when the database is opened.
const LEASE_MS: i64 = 100 * 366 * 24 * 3_600_000;

/// Long enough that the first server stops before, and short enough for the server that finishes the run.
const BETWEEN_TRIES_MS: u64 = 3_000;

/// A server in this process over a data folder, with the default configuration.
pub(super) async fn serve(data: &Path) -> Server {
    start_server(Config { data_dir: data.to_owned(), port_base: 0, ..Config::default() }).await
}

/// The server that writes.
async fn writing(data: &Path, perform: bool) -> Server {
    let mut config = Config { data_dir: data.to_owned(), port_base: 0, perform, ..Config::default() };
    config.limits.value_inline_bytes = INLINE_BYTES;
    start_server(config).await
}

async fn start_server(config: Config) -> Server {
    Server::start(&config, slog::Logger::root(slog::Discard, slog::o!())).await.unwrap()
}

/// Makes a database in a folder: one file, without a write-ahead log.
pub(super) async fn write(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    finished(&data).await;
    unfinished(&data).await;
    // The first two due effects, a plan and a call, are claimed by a driver that never comes back.
    let store = Sqlite::open(&data, Options::default()).unwrap();
    let claimed = store.claim("gone", Clock::system().now_ms(), LEASE_MS, 2).await.unwrap();
    assert_eq!(claimed.len(), 2);
    for key in keys() {
        store.add_api_key(key).await.unwrap();
    }
    for (tenant, put) in objects() {
        store.change_objects(tenant, vec![Change::Put(put)]).await.unwrap();
    }
    drop(store);

    let file = data.join(FILE_NAME);
    let database = rusqlite::Connection::open(&file).unwrap();
    let journal: String = database.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).unwrap();
    assert_eq!(journal, "delete");
    database.execute_batch("VACUUM").unwrap();
    file
}

/// API keys, for formats that have them: an active one and a revoked one.
pub(super) fn keys() -> Vec<ApiKey> {
    let taken = ApiKey {
        id: "0123456789abcdef".to_owned(),
        tenant: "acme".to_owned(),
        name: Some("grüß dich".to_owned()),
        secret_sha256: std::array::from_fn(|place| u8::try_from(place).unwrap()),
        scopes: vec!["runs:read".to_owned(), "runs:write".to_owned()],
        created_at_ms: 1_700_000_000_000,
        expires_at_ms: Some(4_000_000_000_000),
        revoked_at_ms: None,
    };
    let ended = ApiKey {
        id: "fedcba9876543210".to_owned(),
        name: None,
        scopes: vec!["admin".to_owned()],
        expires_at_ms: None,
        revoked_at_ms: Some(1_700_000_000_001),
        ..taken.clone()
    };
    vec![taken, ended]
}

/// Small objects, for formats that have them: one with every field, and one with as few as possible.
pub(super) fn objects() -> [(&'static str, ObjectWrite); 2] {
    let full = ObjectWrite {
        kind: "golden.tool".to_owned(),
        id: "t-1".to_owned(),
        name: Some("grüß dich".to_owned()),
        parent: Some("shed".to_owned()),
        body: json!({ "color": "red" }).to_string(),
        expected: 0,
        at_ms: 1_700_000_000_000,
    };
    let bare = ObjectWrite { id: "t-2".to_owned(), name: None, parent: None, body: "null".to_owned(), ..full.clone() };
    [("acme", full), ("other", bare)]
}

/// A large value, and the run that echoes it.
pub(super) const LARGE: &str = "large";

pub(super) fn large() -> String {
    "large ".repeat(1_000)
}

async fn finished(data: &Path) {
    let server = writing(data, true).await;
    let clients = ProcessClients::of(&server);
    let goal =
        "Generate a UUID, then hash the text \"abc\" with SHA-256, then sleep for 0.01 seconds, then return the hash.";
    let limits = json!({ "structural": { "max_depth": 3 }, "budgets": { "max_steps": 10 } });
    ended(&clients, "planned", start(PLANNER, json!({ "goal": goal }), Some(limits))).await;
    ended(
        &clients,
        "planned-as-jarvis",
        start("jarvis.composite.planner.general", json!({ "goal": "What time is it?" }), None),
    )
    .await;
    ended(&clients, "unmapped", start(PLANNER, json!({ "goal": "Fly me to the moon." }), None)).await;
    ended(&clients, "atomic", start("runyard.core.echo", json!({ "echo": "grüß dich" }), None)).await;
    let timed = json!({ "budgets": { "max_wall_time_ms": 10 } });
    ended(&clients, "timed-out", start("runyard.core.sleep", json!({ "seconds": 3600 }), Some(timed))).await;
    begun(&clients, "canceled", start("runyard.core.sleep", json!({ "seconds": 3600 }), None)).await;
    clients.gateway.cancel_run("canceled").await.unwrap();

    let tries = |initial: u64| json!({ "runyard.retry": { "max_attempts": 2, "initial_interval_ms": initial } });
    let failing = |tries: u64| start("runyard.core.fail", json!({ "tries": tries }), None);
    ended(&clients, "retried", with(failing(1), tries(5))).await;
    let goes_on = |goal: &str| {
        let steps = json!({ "runyard.steps": { "on_failure": "continue" } });
        with(start(PLANNER, json!({ "goal": goal }), None), steps)
    };
    ended(&clients, "partial", goes_on("Misfire, then generate a UUID.")).await;
    ended(&clients, "nothing-achieved", goes_on("Misfire.")).await;
    let between = with(failing(1), tries(BETWEEN_TRIES_MS));
    let node_run = begun(&clients, "between-tries", between).await;
    waiting(&clients, &node_run).await;

    let runs = |node_type: &str, inputs: Value| {
        let asked = json!({ "node_type_ref": { "node_type_id": node_type }, "inputs": inputs });
        start("runyard.core.run", asked, None)
    };
    ended(&clients, "above", runs("runyard.core.echo", json!({ "echo": "from below" }))).await;
    let root = begun(&clients, "above-waiting", runs(EXTERNAL, json!({}))).await;
    below(&clients, &root).await;

    lists_and_large_values(&clients).await;

    let root = begun(&clients, "external", start(EXTERNAL, json!({}), None)).await;
    let child = child(&clients, "external", &root, "runyard.core.uuid4", json!({})).await;
    evaluated(&clients, &root).await;
    wait_for(&clients, &child).await;
    complete(&clients, &root, json!({ "state": "succeeded", "outputs": { "chosen": child } })).await;
    assert_whole(&clients.events("external", 0).await);
    server.stop().await;
}

async fn lists_and_large_values(clients: &ProcessClients) {
    ended(clients, LARGE, start(ECHO, json!({ "echo": large() }), None)).await;
    let each = |node_type: &str, mut list: Value| {
        list["node_type_ref"] = json!({ "node_type_id": node_type });
        start(EACH, list, None)
    };
    let shared = json!({ "items": [{}, {}, { "echo": "short" }], "inputs": { "echo": large() } });
    ended(clients, "list", each(ECHO, shared)).await;
    let failing = |items: Value| json!({ "items": items, "item_as": "tries", "on_item_failure": "collect" });
    ended(clients, "list-partial", each("runyard.core.fail", failing(json!([0, 9])))).await;
    let mut between = failing(json!([0, 1]));
    between["retry"] = json!({ "max_attempts": 2, "initial_interval_ms": BETWEEN_TRIES_MS });
    let root = begun(clients, "list-between-tries", each("runyard.core.fail", between)).await;
    waiting(clients, &root).await;
    let runs = json!({ "items": [{ "echo": large() }, { "echo": "short" }], "item_as": "inputs" });
    let mut runs_below = each("runyard.core.run", runs);
    runs_below["input"]["inputs"] = json!({ "node_type_ref": { "node_type_id": ECHO } });
    ended(clients, "list-of-runs", runs_below).await;

    let node = |key: &str, node_type: &str, inputs: Value, next: Value| json!({ "key": key, "node_type_ref": { "node_type_id": node_type }, "inputs": inputs, "children": next });
    let item = json!({ "nodes": [
        node("start", "runyard.graph.start", json!({}), json!(["twice"])),
        node("twice", SCRIPT, json!({ "script": "return nodes.start.value * 2" }), json!([null])),
    ] });
    let variables = json!({ "variables": [
        { "name": "text", "value": "{{ nodes.make.result }}" }, { "name": "list", "value": "{{ nodes.list.results }}" },
    ] });
    let graph = json!({ "nodes": [
        node("make", SCRIPT, json!({ "script": "return 'x'.repeat(5000)" }), json!(["list"])),
        node("list", EACH, json!({ "items": [1, 2], "graph": item }), json!(["end"])),
        node("end", "runyard.graph.end", variables, json!([])),
    ] });
    ended(clients, "graph", start("runyard.composite.graph", json!({ "graph": graph }), None)).await;
}

async fn unfinished(data: &Path) {
    let server = writing(data, false).await;
    let clients = ProcessClients::of(&server);
    begun(&clients, "plan-in-hand", start(PLANNER, json!({ "goal": "Generate a UUID, then return it." }), None)).await;
    begun(&clients, "call-in-hand", start("runyard.core.uuid4", json!({}), None)).await;
    begun(&clients, "call-asked-for", start("runyard.core.time.now", json!({}), None)).await;
    let shared = json!({ "node_type_ref": { "node_type_id": ECHO }, "items": [{}, {}], "inputs": { "echo": large() } });
    begun(&clients, "list-asked-for", start(EACH, shared, None)).await;
    begun(&clients, "sleep-due", start("runyard.core.sleep", json!({ "seconds": 0.5 }), None)).await;
    begun(&clients, "asking", start("runyard.core.ask", json!({ "question": "Who?" }), None)).await;
    let root = begun(&clients, "external-waiting", start(EXTERNAL, json!({}), None)).await;
    evaluated(&clients, &root).await;
    server.stop().await;
}

fn start(node_type: &str, input: Value, constraints: Option<Value>) -> Value {
    let mut body = json!({ "root_node_type_ref": { "node_type_id": node_type, "version": "latest" }, "input": input });
    if let Some(constraints) = constraints {
        body["constraints"] = constraints;
    }
    body["run_context"] = json!({ "tenant_id": "acme" });
    body["metadata"] = json!({ "labels": { "team": "tests" } });
    body
}

fn with(mut body: Value, extensions: Value) -> Value {
    body["extensions"] = extensions;
    body
}

/// Waits until the run of this root has nothing more to do.
async fn waiting(clients: &ProcessClients, root: &str) {
    let run = clients.node_run(root).await["run_id"].as_str().unwrap().to_owned();
    let stream = clients.native.stream_run_events(&run, None, None, None).await.unwrap();
    let mut lines = runyard_client::ndjson::lines(stream.into_inner().into_inner()).boxed();
    while bounded("the first try's end", lines.next()).await.unwrap().unwrap()["type"] != "attempt_failed" {}
}

/// Waits until this root waits for the run that it has started.
async fn below(clients: &ProcessClients, root: &str) {
    let run = clients.node_run(root).await["run_id"].as_str().unwrap().to_owned();
    let stream = clients.native.stream_run_events(&run, None, None, None).await.unwrap();
    let mut lines = runyard_client::ndjson::lines(stream.into_inner().into_inner()).boxed();
    while bounded("the run below", lines.next()).await.unwrap().unwrap()["type"] != "launched" {}
}

/// Starts a run with this name, and returns its root.
async fn begun(clients: &ProcessClients, name: &str, mut body: Value) -> String {
    body["run_id"] = json!(name);
    let body = serde_json::from_value(body).unwrap();
    clients.gateway.start_run(Some(&format!("key-of-{name}")), &body).await.unwrap().into_inner().root_node_run_id
}

async fn ended(clients: &ProcessClients, name: &str, body: Value) {
    begun(clients, name, body).await;
    assert_whole(&clients.events(name, 0).await);
}

async fn child(clients: &ProcessClients, run_id: &str, parent: &str, node_type: &str, inputs: Value) -> String {
    let reference = json!({ "node_type_id": node_type, "version": "latest" });
    let spec = json!({
        "node_type_ref": reference, "inputs": inputs, "idempotency_key": "first", "candidate_set_id": "set-1",
        "binding_decision": {
            "subtask_id": "S1", "candidate_set_id": "set-1", "chosen_node_type_ref": reference,
        },
    });
    let body = json!({ "run_id": run_id, "parent_node_run_id": parent, "node_runs": [spec] });
    let body = serde_json::from_value(body).unwrap();
    let created = json!(clients.coordinator.create_node_runs(&body).await.unwrap().into_inner());
    created["node_runs"][0]["node_run_id"].as_str().unwrap().to_owned()
}

async fn evaluated(clients: &ProcessClients, node_run: &str) {
    let result = json!({ "status": "success", "confidence": 0.5, "message": "so far so good" });
    let body = json!({ "evaluation_result": result, "recovery_action": { "type": "retry", "message": "once more" } });
    let body = serde_json::from_value(body).unwrap();
    clients.coordinator.report_node_run_evaluation(node_run, &body).await.unwrap();
}

/// Waits until a node run has ended, which its stream shows.
async fn wait_for(clients: &ProcessClients, node_run: &str) {
    let stream = clients.coordinator.stream_node_run_events(node_run, None, None, None).await.unwrap();
    let mut lines = runyard_client::ndjson::lines(stream.into_inner().into_inner()).boxed();
    while bounded("the child's end", lines.next()).await.unwrap().unwrap()["type"] != "atomic_executed" {}
}

/// Completes an external node run.
pub(super) async fn complete(clients: &ProcessClients, node_run: &str, body: Value) {
    let body = serde_json::from_value(body).unwrap();
    clients.coordinator.complete_node_run(node_run, &body).await.unwrap();
}
