//! MCP servers over HTTP: both protocols, a lost session, limits, and the rules of egress.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runyard_engine::FailureCode;
use serde_json::{Value, json};

use super::desk::{Desk, SECRET};
use super::now;
use crate::harness::eventually;
use crate::harness::peer::{Answers, Asked, Peer};

fn table(peer: &Peer, private: bool) -> Value {
    json!({
        "name": "desk", "url": format!("{}/mcp?tenant=a", peer.url), "allow_private_addresses": private,
        "secret_headers": { "authorization": { "env": "TOKEN", "prefix": "Bearer " } },
    })
}

fn result(asked: &Asked, result: Value) -> Answers {
    Answers::Json(200, json!({ "jsonrpc": "2.0", "id": asked.json()["id"], "result": result }))
}

fn tools(asked: &Asked, names: &[&str]) -> Answers {
    let tool = |name: &&str| json!({ "name": name, "inputSchema": { "type": "object" } });
    result(asked, json!({ "tools": names.iter().map(tool).collect::<Vec<_>>() }))
}

/// A server of the protocol without sessions.
fn stateless(asked: &Asked) -> Answers {
    if asked.method != "POST" {
        return Answers::with(405, &[], b"");
    }
    match asked.json()["method"].as_str().unwrap_or_default() {
        "server/discover" => result(
            asked,
            json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} }, "ttlMs": 0,
                "cacheScope": "private",
            }),
        ),
        "tools/list" => tools(asked, &["echo", "endless", "large", "status", "stream"]),
        "tools/call" => match asked.json()["params"]["name"].as_str().unwrap_or_default() {
            "echo" => result(asked, json!({ "content": [{ "type": "text", "text": asked.headers["authorization"] }] })),
            "large" => result(asked, json!({ "content": [{ "type": "text", "text": "x".repeat(20_000) }] })),
            "stream" => {
                let event = json!({ "jsonrpc": "2.0", "id": asked.json()["id"], "result": { "content": [{ "type": "text", "text": "streamed" }] } });
                Answers::with(200, &[("content-type", "text/event-stream")], format!("data: {event}\n\n").as_bytes())
            }
            "status" => Answers::with(503, &[("retry-after", "7")], b"busy"),
            _ => Answers::Nothing,
        },
        _ => Answers::with(202, &[], b""),
    }
}

#[tokio::test]
async fn a_service_without_sessions_is_called_with_the_secret_which_is_masked() {
    let peer = Peer::start(stateless).await;
    let desk = Desk::over(table(&peer, true)).await;
    assert_eq!(desk.outputs("echo", json!({})).await, json!({ "text": "***" }));
    assert_eq!(desk.outputs("stream", json!({})).await, json!({ "text": "streamed" }));
    let sent = peer.asked();
    assert!(sent.iter().all(|asked| asked.headers["authorization"] == format!("Bearer {SECRET}")));
    assert!(sent.iter().all(|asked| asked.target == "/mcp?tenant=a" && !asked.headers.contains_key("mcp-session-id")));
}

#[tokio::test]
async fn limits_and_statuses_are_named_failures() {
    let peer = Peer::start(stateless).await;
    let desk = Desk::over(table(&peer, true)).await;
    let failure = desk.failure("large").await;
    assert!(failure.code.is(FailureCode::ResponseTooLarge), "{failure:?}");
    let failure = desk.failure("status").await;
    assert!(failure.code.is(FailureCode::HttpStatus), "{failure:?}");
    assert_eq!(failure.details.unwrap()["retry_after_ms"], 7_000);
}

#[tokio::test]
async fn a_dropped_call_closes_its_request() {
    let peer = Peer::start(stateless).await;
    let desk = Desk::over(table(&peer, true)).await;
    let call = desk.outcome("endless", json!({}));
    let canceled = tokio::time::timeout(Duration::from_millis(500), call).await;
    assert!(canceled.is_err(), "{canceled:?}");
    let since = now();
    eventually("the end of the request", || async { (peer.left() == 1).then_some(()) }).await;
    println!("the request was closed after {:?}", since.elapsed());
    assert!(since.elapsed() < Duration::from_millis(1_000));
}

#[tokio::test]
async fn a_private_address_needs_the_permission_of_the_configuration() {
    let peer = Peer::start(stateless).await;
    let desk = Desk::over(table(&peer, false)).await;
    assert!(!desk.lists("echo"));
    assert_eq!(peer.asked().len(), 0);
}

#[tokio::test]
async fn a_lost_session_is_made_again_once_and_the_call_is_sent_again() {
    let sessions = Arc::new(AtomicUsize::new(0));
    let peer = Peer::start(move |asked| {
        if asked.method != "POST" {
            return Answers::with(405, &[], b"");
        }
        let message = asked.json();
        let session = asked.headers.get("mcp-session-id").map(String::as_str);
        match message["method"].as_str().unwrap_or_default() {
            "server/discover" => Answers::Json(400, json!({ "jsonrpc": "2.0", "id": message["id"], "error": { "code": -32601, "message": "unknown" } })),
            "initialize" => {
                let number = sessions.fetch_add(1, Ordering::Relaxed) + 1;
                let body = json!({ "jsonrpc": "2.0", "id": message["id"], "result": {
                    "protocolVersion": "2025-11-25", "capabilities": { "tools": {} }, "serverInfo": { "name": "desk", "version": "1" },
                } });
                let id = format!("session-{number}");
                let headers = [("content-type", "application/json"), ("mcp-session-id", id.as_str())];
                Answers::with(200, &headers, body.to_string().as_bytes())
            }
            // The first session is lost after the list of tools.
            "tools/call" if session == Some("session-1") => Answers::with(404, &[], b""),
            "tools/list" => tools(asked, &["echo"]),
            "tools/call" => result(asked, json!({ "content": [{ "type": "text", "text": session }] })),
            _ => Answers::with(202, &[], b""),
        }
    })
    .await;
    let desk = Desk::over(table(&peer, true)).await;
    assert_eq!(desk.outputs("echo", json!({})).await, json!({ "text": "session-2" }));
    let calls =
        peer.asked().iter().filter(|asked| asked.method == "POST" && asked.json()["method"] == "tools/call").count();
    assert_eq!(calls, 2);
}
