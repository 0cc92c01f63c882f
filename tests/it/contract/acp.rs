//! ACP: how to reach every status of its operations, which come in three equivalent sets.

use std::collections::BTreeSet;

use http::Method;
use runyard_api::acp::DOCUMENT;
use runyard_api::host::{BodyRule, Operation};
use serde_json::{Value, json};

use super::scenarios::named;
use crate::harness::{Answer, Apart, Clients, Contract, Reached, World, typed};

const ACP: &str = "acp";

/// The paths to runs, of a server that exists and of one that does not.
pub const WAYS: [(&str, &str); 3] = [
    ("/v1/servers/default", "/v1/servers/unknown"),
    ("/v1/servers/default/runtime/agent", "/v1/servers/unknown/runtime/agent"),
    ("/v1/agent-runtimes/default", "/v1/agent-runtimes/unknown"),
];

/// The paths to servers.
const SERVERS: [&str; 2] = ["/v1/servers", "/v1/agent-runtimes"];

/// A request with a body, or with an empty one.
pub async fn ask(clients: &Clients, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = clients.request(ACP, method, path);
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    };
    clients.send(ACP, request).await
}

async fn expect(clients: &Clients, status: u16, method: Method, path: &str, body: Option<Value>) -> Value {
    let answer = ask(clients, method.clone(), path, body).await;
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    answer.json()
}

/// Every operation with a body: method and a path that matches it.
pub fn with_body() -> Vec<(Method, String)> {
    let bodied = DOCUMENT.operations.iter().filter(|one| one.body != BodyRule::None);
    bodied.map(|one| (Method::from_bytes(one.method.as_bytes()).unwrap(), named(one.path))).collect()
}

pub async fn successes(world: &World) {
    let (get, post) = (|| Method::GET, || Method::POST);
    expect(world, 200, get(), "/v1/health", None).await;
    for (way, _) in WAYS {
        let runs = format!("{way}/runs");
        let run = expect(world, 201, post(), &runs, Some(json!({ "content": "Generate a UUID." }))).await;
        let one = format!("{runs}/{}", run["run"]["id"].as_str().unwrap());
        expect(world, 202, post(), &runs, Some(json!({ "prompt": "Sleep for 0 seconds.", "mode": "async" }))).await;
        expect(world, 200, get(), &runs, None).await;
        expect(world, 200, get(), &one, None).await;
        expect(world, 200, get(), &format!("{one}/events"), None).await;
        expect(world, 200, post(), &format!("{one}/cancel"), None).await;
        let input = format!("{one}/input");
        expect(world, 200, post(), &input, Some(json!({ "content": "Hash it." }))).await;
        let long = json!({ "content": "Sleep for 600 seconds.", "mode": "async" });
        let live = expect(world, 202, post(), &input, Some(long.clone())).await;
        // The thread is busy now, whichever path names it.
        let thread = &live["thread"]["id"];
        expect(world, 409, post(), &input, Some(long)).await;
        expect(world, 409, post(), &runs, Some(json!({ "content": "Generate a UUID.", "threadId": thread }))).await;
        let live = format!("{runs}/{}", live["run"]["id"].as_str().unwrap());
        expect(world, 409, post(), &format!("{live}/input"), Some(json!({ "content": "x" }))).await;
        expect(world, 200, post(), &format!("{live}/cancel"), Some(json!({}))).await;
    }
    for path in SERVERS {
        let made = expect(world, 201, post(), path, Some(json!({ "name": "one" }))).await;
        let one = format!("{path}/{}", made["server"]["id"].as_str().unwrap());
        expect(world, 200, get(), path, None).await;
        expect(world, 200, get(), &one, None).await;
        expect(world, 200, Method::PATCH, &one, Some(json!({ "name": "two" }))).await;
        expect(world, 200, Method::DELETE, &one, None).await;
        let always = format!("{path}/default");
        expect(world, 409, Method::PATCH, &always, Some(json!({ "name": "x" }))).await;
        expect(world, 409, Method::DELETE, &always, None).await;
    }
    let made = expect(world, 201, post(), "/v1/threads", Some(json!({ "content": "Generate a UUID." }))).await;
    let thread = format!("/v1/threads/{}", made["thread"]["id"].as_str().unwrap());
    for below in ["", "/runs", "/messages", "/status", "/events", "/permission-requests"] {
        expect(world, 200, get(), &format!("{thread}{below}"), None).await;
    }
    threads(world, &thread).await;
    for path in ["", "/default", "/default/set-default"] {
        let (method, path) = if path.ends_with("set-default") { (post(), path) } else { (get(), path) };
        expect(world, 200, method, &format!("/v1/environments{path}"), None).await;
    }
    expect(world, 200, get(), "/v1/environments/default", None).await;
    let environment = DOCUMENT.operations.iter().find(|one| one.id == "get_environment").unwrap();
    expect(world, 200, get(), &environment.path.replace("{environmentId}", "%64efault"), None).await;
}

/// A thread whose first run has been started, through every operation on it.
async fn threads(world: &World, thread: &str) {
    let (get, post) = (|| Method::GET, || Method::POST);
    let stream = async |method: Method, path: &str, body: Option<Value>| {
        let request = world.request(ACP, method, path).header("accept", "text/event-stream");
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        world.send(ACP, request).await
    };
    assert_eq!(stream(post(), "/v1/threads", Some(json!({ "content": "Generate a UUID." }))).await.status, 201);
    assert_eq!(stream(get(), &format!("{thread}/events"), None).await.status, 200);
    let events = expect(world, 200, get(), &format!("{thread}/events?limit=100"), None).await;
    let seen = format!("{thread}/events?stream=true&after={}", events["cursor"].as_str().unwrap());
    assert_eq!(stream(get(), &seen, None).await.status, 204);
    let messages = format!("{thread}/messages");
    assert_eq!(stream(post(), &messages, Some(json!({ "content": "Hash it." }))).await.status, 200);
    expect(world, 200, get(), "/v1/threads", None).await;
    expect(world, 200, Method::PATCH, thread, Some(json!({ "title": "T" }))).await;
    let live = json!({ "content": "Sleep for 600 seconds." });
    let busy = expect(world, 201, post(), "/v1/threads", Some(live)).await;
    let busy = format!("/v1/threads/{}", busy["thread"]["id"].as_str().unwrap());
    expect(world, 409, post(), &format!("{busy}/messages"), Some(json!({ "content": "x" }))).await;
    expect(world, 200, post(), &format!("{busy}/cancel"), None).await;
    expect(world, 200, Method::DELETE, &busy, None).await;
    for (content, status) in [("Say \"a\".", 201), ("Say \"b\".", 409)] {
        let request = world.request(ACP, post(), "/v1/threads").header("idempotency-key", "thread");
        let body = json!({ "content": content }).to_string();
        let answer = world.send(ACP, request.header("content-type", "application/json").body(body)).await;
        assert_eq!(answer.status, status);
    }
    // A run of another API that has an approval request.
    let echo = json!({"node_type_id": "runyard.core.echo", "version": "1"});
    let body =
        json!({"root_node_type_ref": echo, "input": {"echo": "x"}, "extensions": {"runyard.approval": "on_tool_call"}});
    let run = world.coordinator.start_run(None, &typed(body)).await.unwrap().into_inner().run_id;
    let asking = format!("/v1/threads/{}/permission-requests", run.replace("run_", "thread_"));
    let pending = expect(world, 200, get(), &asking, None).await;
    let decision = format!("{asking}/{}/decision", pending["data"][0]["requestId"].as_str().unwrap());
    expect(world, 200, post(), &decision, Some(json!({ "decision": "allow" }))).await;
    expect(world, 409, post(), &decision, Some(json!({ "decision": "deny" }))).await;
    expect(world, 404, post(), &format!("{asking}/nothing/decision"), Some(json!({ "decision": "deny" }))).await;
}

fn is_served(operation: &Operation) -> bool {
    !Contract::named(ACP).is_not_served(operation)
}

pub async fn refusals(world: &World) {
    for operation in DOCUMENT.operations.iter().filter(|one| one.secured) {
        let (method, path) = (Method::from_bytes(operation.method.as_bytes()).unwrap(), operation.path);
        if !is_served(operation) {
            let body = json!({ "name": "x" });
            let body = (operation.body != BodyRule::None).then_some(body);
            let answer = ask(world, method.clone(), &named(path), body).await;
            assert_eq!(answer.refusal(), (501, "not_served".to_owned()), "{path}");
        }
        if operation.body != BodyRule::None {
            let path = named(path);
            let big = vec![b' '; 2 * 1024 * 1024];
            for (body, status) in [(b"[]".to_vec(), 400), (big, 413)] {
                let request = world.request(ACP, method.clone(), &path).header("content-type", "application/json");
                assert_eq!(world.send(ACP, request.body(body)).await.status, status, "{method} {path}");
            }
            let text = world.request(ACP, method, &path).header("content-type", "text/plain").body("x");
            assert_eq!(world.send(ACP, text).await.status, 415, "{path}");
        } else if path.contains('{') && !path.ends_with("/runs") && !path.ends_with("/messages") {
            // Not decodable as a path.
            expect(world, 400, method, &named(path).replace("x1", "%zz"), None).await;
        } else if !operation.parameters.is_empty() {
            expect(world, 400, method, &format!("{}?limit=0", named(path)), None).await;
        }
    }
    let said = || Some(json!({ "content": "x" }));
    for (here, gone) in WAYS {
        expect(world, 404, Method::POST, &format!("{gone}/runs"), said()).await;
        expect(world, 404, Method::GET, &format!("{gone}/runs"), None).await;
        let one = format!("{here}/runs/unknown");
        expect(world, 404, Method::GET, &one, None).await;
        expect(world, 404, Method::GET, &format!("{one}/events"), None).await;
        expect(world, 404, Method::POST, &format!("{one}/input"), said()).await;
        expect(world, 404, Method::POST, &format!("{one}/cancel"), None).await;
    }
    for path in SERVERS {
        let one = format!("{path}/unknown");
        expect(world, 404, Method::GET, &one, None).await;
        expect(world, 404, Method::PATCH, &one, Some(json!({}))).await;
        expect(world, 404, Method::DELETE, &one, None).await;
    }
    for below in ["", "/runs", "/messages", "/status", "/events", "/permission-requests"] {
        expect(world, 404, Method::GET, &format!("/v1/threads/unknown{below}"), None).await;
    }
    expect(world, 404, Method::PATCH, "/v1/threads/unknown", Some(json!({}))).await;
    expect(world, 404, Method::DELETE, "/v1/threads/unknown", None).await;
    expect(world, 404, Method::POST, "/v1/threads/unknown/messages", said()).await;
    expect(world, 404, Method::POST, "/v1/threads/unknown/cancel", None).await;
    let elsewhere = json!({ "environmentId": "nowhere" });
    expect(world, 404, Method::POST, "/v1/threads", Some(elsewhere)).await;
    expect(world, 404, Method::GET, "/v1/environments/nowhere", None).await;
    expect(world, 404, Method::POST, "/v1/environments/nowhere/set-default", None).await;
}

/// Every operation over a store that fails like this.
pub async fn broken(clients: &Apart, status: u16) -> BTreeSet<Reached> {
    let stored = |one: &&Operation| one.secured && is_served(one) && !one.path.starts_with("/v1/environments");
    for operation in DOCUMENT.operations.iter().filter(stored) {
        let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
        // Only one operation needs `decision`.
        let body = json!({ "content": "Generate a UUID.", "decision": "allow" });
        let body = (operation.body != BodyRule::None).then_some(body);
        expect(clients, status, method, &named(operation.path), body).await;
    }
    clients.reached()
}
