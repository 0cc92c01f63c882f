//! What hyper answers before the host is called, and what the host answers although other servers refuse it earlier.
//!
//! Only hyper's responses lack the document's own error body. `docs/reference/errors.md` lists them; when one of them
//! changes, change `server/web/generated/errors.rs`.

use super::*;

#[tokio::test]
async fn a_path_that_is_not_utf8_when_decoded_is_refused_in_the_documents_own_words() {
    let answer = start().get("/v1/runs/%ff").await;
    assert_eq!(answer.violations(), ["path run_id: has a percent-escape that is not two hex digits, or is not UTF-8"]);
}

#[tokio::test]
async fn dot_segments_are_segments_like_others() {
    let fixture = start();
    assert_eq!(fixture.get("/v1/runs/..").await.json()["path"]["run_id"], "..");
    let answer = fixture.get("/v1/../v1/health").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "unknown_path"));
}

#[tokio::test]
async fn extension_methods_are_refused_in_the_documents_own_words() {
    let answer = start().send("PROPFIND", "/v1/runs", &[], b"").await;
    assert_eq!((answer.status, answer.header("allow").is_some()), (405, true));
    assert_eq!(answer.code(), "method_not_allowed");
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
async fn an_endless_head_gets_a_bare_431_from_hyper() {
    let fixture = start();
    let answer = fixture.get(&format!("/v1/runs/{}", "x".repeat(70_000))).await;
    assert_eq!((answer.status, answer.body.len()), (431, 0));
}
