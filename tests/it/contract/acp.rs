//! ACP: the way to every status of its operations, which come in three sets that mean the same.

use std::collections::BTreeSet;

use http::Method;
use runyard_api::acp::DOCUMENT;
use serde_json::{Value, json};

use super::scenarios::named;
use crate::harness::{Answer, Apart, Clients, Reached, World};

const ACP: &str = "acp";

/// The ways to runs, of a server that is there and of one that is not.
pub const WAYS: [(&str, &str); 3] = [
    ("/v1/servers/default", "/v1/servers/nobody"),
    ("/v1/servers/default/runtime/agent", "/v1/servers/nobody/runtime/agent"),
    ("/v1/agent-runtimes/default", "/v1/agent-runtimes/nobody"),
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

/// Every operation with a body: method and a path that means it.
pub fn with_body() -> Vec<(Method, String)> {
    let bodied = DOCUMENT.operations.iter().filter(|one| matches!(one.method, "POST" | "PATCH"));
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
        // The thread is busy now, whichever way it is meant.
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
    for path in [thread.clone(), format!("{thread}/runs"), format!("{thread}/messages")] {
        expect(world, 200, get(), &path, None).await;
    }
}

pub async fn refusals(world: &World) {
    for operation in DOCUMENT.operations.iter().filter(|one| one.secured) {
        let (method, path) = (Method::from_bytes(operation.method.as_bytes()).unwrap(), operation.path);
        if matches!(operation.method, "POST" | "PATCH") {
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
        } else {
            expect(world, 400, method, &format!("{}?limit=0", named(path)), None).await;
        }
    }
    let said = || Some(json!({ "content": "x" }));
    for (here, gone) in WAYS {
        expect(world, 404, Method::POST, &format!("{gone}/runs"), said()).await;
        expect(world, 404, Method::GET, &format!("{gone}/runs"), None).await;
        let one = format!("{here}/runs/nobody");
        expect(world, 404, Method::GET, &one, None).await;
        expect(world, 404, Method::GET, &format!("{one}/events"), None).await;
        expect(world, 404, Method::POST, &format!("{one}/input"), said()).await;
        expect(world, 404, Method::POST, &format!("{one}/cancel"), None).await;
    }
    for path in SERVERS {
        let one = format!("{path}/nobody");
        expect(world, 404, Method::GET, &one, None).await;
        expect(world, 404, Method::PATCH, &one, Some(json!({}))).await;
        expect(world, 404, Method::DELETE, &one, None).await;
    }
    for path in ["/v1/threads/nobody", "/v1/threads/nobody/runs", "/v1/threads/nobody/messages"] {
        expect(world, 404, Method::GET, path, None).await;
    }
}

/// Every operation over a store that fails in this way.
pub async fn broken(doors: &Apart, status: u16) -> BTreeSet<Reached> {
    for operation in DOCUMENT.operations.iter().filter(|one| one.secured) {
        let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
        let body = matches!(operation.method, "POST" | "PATCH").then(|| json!({ "content": "Generate a UUID." }));
        expect(doors, status, method, &named(operation.path), body).await;
    }
    doors.reached()
}
