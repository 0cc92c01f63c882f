//! Content types, limits and JSON of request bodies, and the errors for refused ones.

use super::*;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_good_body_reaches_the_handler_as_it_was() {
    let fixture = start();
    let answer = fixture.post("/v1/runs", GOOD).await;
    assert_eq!(answer.json()["body"], serde_json::from_str::<Value>(GOOD).unwrap());
}

#[tokio::test]
async fn content_types() {
    let fixture = start();
    for (given, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON ;charset=UTF-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json-patch+json", 415),
        ("application/problem+json", 415),
        ("", 415),
    ] {
        let answer = fixture.send("POST", "/v1/runs", &[("Content-Type", given)], GOOD.as_bytes()).await;
        assert_eq!(answer.status, status, "{given}: {}", answer.text());
        if status == 415 {
            assert_eq!(answer.code(), "unsupported_media_type");
            assert!(answer.text().contains("must be application/json"), "{}", answer.text());
        }
    }
    let absent = fixture.send("POST", "/v1/runs", &[], GOOD.as_bytes()).await;
    assert_eq!((absent.status, absent.code().as_str()), (415, "unsupported_media_type"));
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_name() {
    let fixture = start();
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let answer = fixture.send("POST", "/v1/runs", &headers, b"\x1f\x8b").await;
    assert_eq!(answer.status, 415);
    assert!(answer.text().contains("gzip"));
}

#[tokio::test]
async fn what_is_not_json_says_where() {
    let fixture = start();
    let cases: [(&[u8], &str); 6] = [
        (b"not json", "line 1 column 2"),
        (b"{\"a\": 1,\n}", "line 2 column 1"),
        (b"{} {}", "trailing characters"),
        (b"{\"a\": \"\xff\"}", "line 1"),
        (b"\xff\xfe", "line 1"),
        (b"{\"a\": 1e999}", "out of range"),
    ];
    for (body, reason) in cases {
        let answer = fixture.send("POST", "/v1/runs", &[("Content-Type", "application/json")], body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_json"), "{reason}");
        assert!(answer.text().contains(reason), "{}", answer.text());
    }
    assert_eq!(fixture.calls(), 0);
}

#[tokio::test]
async fn a_missing_body_is_said_to_be_missing() {
    let fixture = start();
    let answer = fixture.send("POST", "/v1/runs", &[], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "body_missing"));
    let empty_chunks = b"POST /v1/runs HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(http::exchange(fixture.server.local_addr(), empty_chunks).await.code(), "body_missing");
}

#[tokio::test]
async fn an_optional_body_may_be_absent_and_is_checked_when_it_is_there() {
    let fixture = start();
    let absent = fixture.send("PUT", "/v1/runs/r1/note", &[], b"").await;
    assert_eq!(absent.json()["body"], Value::Null);
    let given =
        fixture.send("PUT", "/v1/runs/r1/note", &[("Content-Type", "application/json")], b"{\"text\": 1}").await;
    assert_eq!(given.violations(), ["body /text: must be string, not number"]);
}

#[tokio::test]
async fn an_unexpected_body_is_ignored() {
    let fixture = start();
    let large = vec![b'x'; 2 * 1024 * 1024];
    for body in [b"not json".as_slice(), b"{}", &large] {
        let answer = fixture.send("POST", "/v1/runs/r1:cancel", &[("Content-Type", "text/plain")], body).await;
        assert_eq!(answer.json()["operation"], "cancel_run");
    }
    let with_get = fixture.send("GET", "/v1/runs/r1", &[], b"{}").await;
    assert_eq!(with_get.status, 200);
}

#[tokio::test]
async fn an_unexpected_body_leaves_the_connection_usable() {
    let fixture = start();
    let mut text = "POST /v1/runs/r1:cancel HTTP/1.1\r\nHost: here\r\nContent-Length: 70000\r\n\r\n".to_owned();
    text += &"x".repeat(70_000);
    text += "GET /v1/runs/second HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    let both = http::read_until(&mut connection, "second").await;
    assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "{both}");
}

/// 2 MiB of JSON that matches the schema except for its size.
fn large() -> String {
    format!(
        r#"{{"node_type": {{"node_type_id": "core.echo", "version": "1"}}, "input": {{"text": "{}"}}}}"#,
        "x".repeat(2 * 1024 * 1024)
    )
}

#[tokio::test]
async fn too_large_with_a_length_is_413_and_the_client_reads_it() {
    let fixture = start();
    // Sends the whole body before it reads, as simple clients do.
    let answer = fixture.post("/v1/runs", &large()).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    assert!(answer.text().contains("1048576 bytes"));
    assert_eq!(fixture.calls(), 0);
}

#[tokio::test]
async fn far_too_large_is_413_and_the_client_reads_it() {
    let fixture = start();
    // More than all buffers between client and server: unless the host reads it, the client never gets to its response.
    let answer = fixture.post("/v1/runs", &"x".repeat(32 * 1024 * 1024)).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn too_large_in_chunks_is_413_and_the_client_reads_it() {
    let fixture = start();
    let mut request = b"POST /v1/runs HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for piece in large().as_bytes().chunks(60_000) {
        request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        request.extend_from_slice(piece);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let answer = http::exchange(fixture.server.local_addr(), &request).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn too_large_is_readable_by_a_common_client() {
    let fixture = start();
    let client = reqwest::Client::new();
    let url = format!("http://{}/v1/runs", fixture.server.local_addr());
    for _ in 0..3 {
        let request = client.post(&url).header("content-type", "application/json").body(large());
        assert_eq!(request.send().await.unwrap().status(), 413);
        assert_eq!(client.get(&url).send().await.unwrap().status(), 200, "the server is unharmed");
    }
}

#[tokio::test]
async fn exactly_the_limit_is_read() {
    let fixture = start_with(Runs::default(), Settings { body_bytes_max: GOOD.len(), ..Settings::default() });
    assert_eq!(fixture.post("/v1/runs", GOOD).await.status, 200);
    assert_eq!(fixture.post("/v1/runs", &format!("{GOOD} ")).await.status, 413);
}

#[tokio::test]
async fn a_client_that_asks_first_is_not_asked_to_send() {
    let fixture = start();
    let head = "POST /v1/runs HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n";
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    connection.write_all(format!("{head}Content-Length: 3000000\r\n\r\n").as_bytes()).await.unwrap();
    let answer = http::finish(connection).await;
    assert_eq!(answer.status, 413, "not 100");

    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    connection
        .write_all(format!("{head}Connection: close\r\nContent-Length: {}\r\n\r\n", GOOD.len()).as_bytes())
        .await
        .unwrap();
    http::read_until(&mut connection, "100 Continue\r\n\r\n").await;
    connection.write_all(GOOD.as_bytes()).await.unwrap();
    assert_eq!(http::finish(connection).await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let fixture =
        start_with(Runs::default(), Settings { body_read_timeout: Duration::from_millis(50), ..Settings::default() });
    let head = "POST /v1/runs HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let answer = http::exchange(fixture.server.local_addr(), head.as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "body_slow"));
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_of_a_body_harms_no_other() {
    let fixture = start();
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    let head = "POST /v1/runs HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    connection.write_all(head.as_bytes()).await.unwrap();
    drop(connection);
    assert_eq!(fixture.get("/v1/runs/r1").await.status, 200);
    assert_eq!(fixture.calls(), 1);
}
