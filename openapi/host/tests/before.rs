//! What dropshot, or hyper below it, answers by itself before any endpoint is asked.
//!
//! These are the only answers that do not have the document's own error body. The README lists them; when one of them
//! changes, change the README with it.

use super::*;

/// Dropshot's own error body.
fn is_dropshots(answer: &http::Answer, message: &str) {
    let body = answer.json();
    assert_eq!(body["message"], message, "{}", answer.text());
    assert!(body.get("error").is_none());
    assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"));
}

#[tokio::test]
async fn a_path_that_is_not_utf8_when_decoded() {
    let answer = start().get("/v1/runs/%ff").await;
    assert_eq!(answer.status, 400);
    is_dropshots(&answer, "invalid path encoding");
}

#[tokio::test]
async fn dot_segments() {
    let fixture = start();
    for path in ["/v1/runs/.", "/v1/runs/..", "/v1/../v1/health"] {
        let answer = fixture.get(path).await;
        assert_eq!(answer.status, 400, "{path}");
        is_dropshots(&answer, "invalid path encoding");
    }
}

#[tokio::test]
async fn extension_methods() {
    let answer = start().send("PROPFIND", "/v1/runs", &[], b"").await;
    assert_eq!((answer.status, answer.header("allow").is_some()), (405, true));
    is_dropshots(&answer, "Method Not Allowed");
}

#[tokio::test]
async fn malformed_heads_get_a_bare_400_from_hyper() {
    let fixture = start();
    for head in [
        "nonsense\r\n\r\n",
        "GET /v1/health HTTP/9.9\r\n\r\n",
        "GET v1/health HTTP/1.1\r\n\r\n",
        "GET /v1/health HTTP/1.1\r\nbad header\r\n\r\n",
        "POST /v1/runs HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ] {
        let answer = http::exchange(fixture.server.local_addr(), head.as_bytes()).await;
        assert_eq!((answer.status, answer.body.len(), answer.header("x-request-id")), (400, 0, None), "{head:?}");
    }
}

#[tokio::test]
async fn too_many_headers_get_a_bare_431_from_hyper() {
    let fixture = start();
    let headers: Vec<_> = (0..150).map(|_| ("X-One", "1")).collect();
    let answer = fixture.send("GET", "/v1/health", &headers, b"").await;
    assert_eq!((answer.status, answer.body.len()), (431, 0));
}

#[tokio::test]
async fn an_endless_target_gets_a_bare_414_from_hyper() {
    let fixture = start();
    let answer = fixture.get(&format!("/v1/runs/{}", "x".repeat(70_000))).await;
    assert_eq!((answer.status, answer.body.len()), (414, 0));
}
