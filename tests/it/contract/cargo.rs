//! Cargo: how to reach every status of its operations, including those that are not served.

use std::collections::BTreeSet;

use http::Method;
use runyard_api::cargo::DOCUMENT;
use runyard_api::host::{BodyRule, Operation};
use serde_json::{Value, json};

use super::scenarios::named;
use crate::cargo_ai::promises::desk;
use crate::cargo_ai::{ask, drawn, native, start};
use crate::harness::{Apart, Clients, Contract, Reached, World};

const CARGO: &str = "cargo";
const AT: &str = "/v1/orchestration";
/// A valid id that no resource has.
const UNKNOWN_ID: &str = "019ab1c2-d3e4-7f5a-8b9c-0d1e2f3a4b5c";

async fn expect(clients: &Clients, status: u16, method: Method, path: &str, body: Option<Value>) -> Value {
    let answer = ask(clients, method.clone(), &format!("{AT}{path}"), body).await;
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

async fn post(clients: &Clients, status: u16, path: &str, body: Value) -> Value {
    expect(clients, status, Method::POST, path, Some(body)).await
}

async fn get(clients: &Clients, status: u16, path: &str) -> Value {
    expect(clients, status, Method::GET, path, None).await
}

fn method(operation: &Operation) -> Method {
    Method::from_bytes(operation.method.as_bytes()).unwrap()
}

fn is_served(operation: &Operation) -> bool {
    !Contract::named(CARGO).is_not_served(operation)
}

/// Every operation with a body: method and a path that matches it.
pub fn with_body() -> Vec<(Method, String)> {
    let bodied = DOCUMENT.operations.iter().filter(|one| one.body != BodyRule::None);
    bodied.map(|one| (method(one), named(one.path))).collect()
}

pub async fn successes(world: &World) {
    let tool = post(world, 200, "/tools", json!({ "name": "one" })).await["tool"].clone();
    let (uuid, workflow) = (tool["uuid"].as_str().unwrap(), tool["workflowUuid"].as_str().unwrap());
    let one = format!("/tools/{uuid}");
    get(world, 200, "/tools/list").await;
    get(world, 200, &one).await;
    expect(world, 200, Method::PUT, &one, Some(json!({ "name": "two" }))).await;
    get(world, 200, "/workflows/list").await;
    let of_workflow = |path: &str| format!("/releases/{path}?workflowUuid={workflow}");
    get(world, 200, &of_workflow("draft")).await;
    let draft = json!({ "workflowUuid": workflow, "nodes": drawn(), "formFields": [] });
    post(world, 200, "/releases/draft/update", draft).await;
    let release = post(world, 200, "/releases/draft/deploy", json!({ "workflowUuid": workflow })).await;
    get(world, 200, &of_workflow("deployed")).await;
    get(world, 200, &of_workflow("list")).await;
    get(world, 200, &format!("/releases/{}", release["release"]["uuid"].as_str().unwrap())).await;
    post(world, 200, "/nodes/validate", json!({ "nodes": drawn() })).await;

    let run = post(world, 200, "/runs", json!({ "workflowUuid": workflow, "data": null })).await["run"].clone();
    get(world, 200, &format!("/runs/{}", run["uuid"].as_str().unwrap())).await;
    post(world, 200, "/runs/list", json!({})).await;
    post(world, 200, "/runs/count", json!({})).await;
    post(world, 200, "/runs/metrics", json!({ "workflowUuid": workflow })).await;
    post(world, 204, "/runs/cancel", json!({ "workflowUuid": workflow, "uuids": [run["uuid"]] })).await;
    let action = json!({ "action": { "kind": "native", "actionSlug": "delay", "config": { "minutes": 0 } } });
    post(world, 200, "/actions/execute", action.clone()).await;
    conflicts(world, "/runs", json!({ "nodes": drawn(), "data": 1 })).await;
    conflicts(world, "/actions/execute", action).await;
    let batch = json!({ "workflowUuid": workflow, "data": { "kind": "records", "records": [{ "id": "r" }] } });
    let batch = post(world, 200, "/batches", batch).await["batch"].clone();
    let batch = format!("/batches/{}", batch["uuid"].as_str().unwrap());
    get(world, 200, &batch).await;
    get(world, 200, "/batches/list").await;
    let lasting = json!([start("wait"), native("delay", "wait", json!({ "minutes": 600 }), &[""])]);
    let lasting = json!({ "nodes": lasting, "data": { "kind": "records", "records": [{}] } });
    let lasting = post(world, 200, "/batches", lasting).await["batch"]["uuid"].clone();
    post(world, 204, &format!("/batches/{}/cancel", lasting.as_str().unwrap()), json!({})).await;
    expect(world, 204, Method::DELETE, &one, None).await;
    discovered(world).await;
    // The same key with other records.
    for (record, status) in [("a", 200), ("b", 409)] {
        let body = json!({ "nodes": drawn(), "data": { "kind": "records", "records": [{ "id": record }] } });
        let request = world.request(CARGO, Method::POST, &format!("{AT}/batches")).header("idempotency-key", "batch");
        let request = request.header("content-type", "application/json").body(body.to_string());
        assert_eq!(world.send(CARGO, request).await.status, status);
    }
}

/// The operations that list integrations, connectors, the user and the workspace.
async fn discovered(world: &World) {
    for path in [
        "/v1/connection/integrations/list",
        "/v1/connection/connectors/list",
        "/v1/workspaceManagement/users/current",
        "/v1/userManagement/users/current",
        "/v1/workspaceManagement/workspaces/current",
    ] {
        assert_eq!(ask(world, Method::GET, path, None).await.status, 200, "{path}");
    }
    let agents = ask(world, Method::GET, "/v1/ai/agents/list", None).await.json();
    let agent = format!("/v1/ai/agents/{}", agents["agents"][0]["uuid"].as_str().unwrap());
    assert_eq!(ask(world, Method::GET, &agent, None).await.status, 200);
    for path in ["/v1/connection/integrations/x1", "/v1/connection/connectors/x1", "/v1/ai/agents/x1"] {
        assert_eq!(ask(world, Method::GET, path, None).await.status, 404, "{path}");
    }
}

/// An integration and its connector, if there is one.
pub async fn connected() -> BTreeSet<Reached> {
    let (_peer, world) = desk().await;
    assert_eq!(ask(&world, Method::GET, "/v1/connection/integrations/desk", None).await.status, 200);
    let listed = ask(&world, Method::GET, "/v1/connection/connectors/list", None).await.json();
    let connector = format!("/v1/connection/connectors/{}", listed["connectors"][0]["uuid"].as_str().unwrap());
    assert_eq!(ask(&world, Method::GET, &connector, None).await.status, 200);
    world.reached()
}

/// The same key with another body.
async fn conflicts(world: &World, path: &str, body: Value) {
    for (data, status) in [(1, 200), (2, 409)] {
        let mut body = body.clone();
        body["data"] = json!(data);
        let request = world.request(CARGO, Method::POST, &format!("{AT}{path}")).header("idempotency-key", path);
        let request = request.header("content-type", "application/json").body(body.to_string());
        assert_eq!(world.send(CARGO, request).await.status, status, "{path}");
    }
}

pub async fn refusals(world: &World) {
    for operation in DOCUMENT.operations {
        let (method, path) = (method(operation), named(operation.path));
        if operation.body != BodyRule::None {
            let big = vec![b' '; 2 * 1024 * 1024];
            for (body, status) in [(b"[]".to_vec(), 400), (big, 413)] {
                let request = world.request(CARGO, method.clone(), &path).header("content-type", "application/json");
                assert_eq!(world.send(CARGO, request.body(body)).await.status, status, "{method} {path}");
            }
            let text = world.request(CARGO, method.clone(), &path).header("content-type", "text/plain").body("x");
            assert_eq!(world.send(CARGO, text).await.status, 415, "{path}");
        } else if operation.path.contains('{') {
            // Not decodable as a path.
            let request = world.request(CARGO, method.clone(), &path.replace("x1", "%zz"));
            assert_eq!(world.send(CARGO, request).await.status, 400, "{path}");
        } else if !operation.parameters.is_empty() {
            let odd = if operation.path.starts_with("/v1/connection") {
                "integrationSlug=a&integrationSlug=b&hasActions=x"
            } else {
                "limit=0"
            };
            let request = world.request(CARGO, method.clone(), &format!("{path}?{odd}"));
            assert_eq!(world.send(CARGO, request).await.status, 400, "{path}");
        }
        if !is_served(operation) {
            let body = (operation.body != BodyRule::None).then(|| body_of(operation.id));
            assert_eq!(ask(world, method, &path, body).await.refusal(), (501, "not_served".to_owned()), "{path}");
        }
    }
    get(world, 404, &format!("/runs/{UNKNOWN_ID}")).await;
    get(world, 404, &format!("/batches/{UNKNOWN_ID}")).await;
    post(world, 404, &format!("/batches/{UNKNOWN_ID}/cancel"), json!({})).await;
    get(world, 404, &format!("/tools/{UNKNOWN_ID}")).await;
    expect(world, 404, Method::PUT, &format!("/tools/{UNKNOWN_ID}"), Some(json!({}))).await;
    expect(world, 404, Method::DELETE, &format!("/tools/{UNKNOWN_ID}"), None).await;
    get(world, 404, &format!("/releases/{UNKNOWN_ID}")).await;
    let tool = post(world, 200, "/tools", json!({ "name": "another" })).await["tool"].clone();
    let one = json!({ "workflowUuid": tool["workflowUuid"], "uuids": [UNKNOWN_ID] });
    post(world, 404, "/runs/cancel", one).await;
}

/// Every operation over a store that fails like this.
pub async fn broken(clients: &Apart, status: u16) -> BTreeSet<Reached> {
    // Discovered actions are in no store.
    let stored = |one: &&Operation| is_served(one) && one.path.starts_with(AT);
    for operation in DOCUMENT.operations.iter().filter(stored) {
        let path = named(operation.path).replace("x1", UNKNOWN_ID);
        let path = match operation.path.ends_with("/list") || operation.path.contains("/releases/") {
            true if operation.method == "GET" => format!("{path}?workflowUuid=x"),
            _ => path,
        };
        let body = (operation.body != BodyRule::None).then(|| body_of(operation.id));
        let answer = ask(clients, method(operation), &path, body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    clients.reached()
}

/// A valid body for an operation.
fn body_of(operation: &str) -> Value {
    match operation {
        "create_run" => json!({ "nodes": drawn(), "data": null }),
        "execute_action" => {
            json!({ "action": { "kind": "native", "actionSlug": "delay", "config": { "minutes": 0 } } })
        }
        "create_tool" => json!({ "name": "one" }),
        "validate_nodes" => {
            let mut called = drawn();
            (called[1]["kind"], called[1]["toolUuid"]) = (json!("tool"), json!(UNKNOWN_ID));
            json!({ "nodes": called })
        }
        "create_batch" => json!({ "workflowUuid": UNKNOWN_ID, "data": { "kind": "records", "records": [{}] } }),
        "cancel_runs" => json!({ "workflowUuid": UNKNOWN_ID, "uuids": [UNKNOWN_ID] }),
        id if id.contains("release") || id == "get_run_metrics" => json!({ "workflowUuid": UNKNOWN_ID }),
        _ => json!({}),
    }
}
