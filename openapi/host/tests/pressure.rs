//! Too many requests at once: each one above the limit is refused at once with the document's own error body; the
//! others are answered.

use super::*;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

async fn begin_slow(fixture: &Fixture) -> TcpStream {
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    connection.write_all(b"POST /v1/slow HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await.unwrap();
    fixture.runs.begun.notified().await;
    connection
}

#[tokio::test]
async fn one_request_too_many_is_refused_and_the_next_is_not() {
    let fixture = start_with(Runs::default(), Settings { requests_max: 1, ..Settings::default() });
    let under_way = begin_slow(&fixture).await;
    let refused = fixture.get("/v1/runs").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    fixture.runs.release.notify_one();
    assert_eq!(http::finish(under_way).await.status, 204);
    assert_eq!(fixture.get("/v1/runs").await.status, 200);
}

#[tokio::test]
async fn health_needs_no_slot() {
    let fixture = start_with(Runs::default(), Settings { requests_max: 1, ..Settings::default() });
    let _under_way = begin_slow(&fixture).await;
    assert_eq!(fixture.get("/v1/health").await.status, 200);
}

/// Sends the head of a start with this body length, and the beginning of the body.
async fn begin_body(fixture: &Fixture, declared: usize, sent: &[u8]) -> TcpStream {
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    let head = format!(
        "POST /v1/runs HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: {declared}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(sent).await.unwrap();
    connection
}

#[tokio::test]
async fn a_body_that_does_not_end_takes_no_slot() {
    let fixture = start_with(Runs::default(), Settings { requests_max: 1, ..Settings::default() });
    let mut unfinished = Vec::new();
    for _ in 0..8 {
        unfinished.push(begin_body(&fixture, 100, b"{").await);
    }
    assert_eq!(fixture.post("/v1/runs", GOOD).await.status, 200);
}

#[tokio::test]
async fn bodies_together_hold_no_more_than_their_budget() {
    const BUDGET_BYTES: usize = 256 * 1024;
    let bodies = Budget::new(BUDGET_BYTES);
    let settings = Settings { bodies: bodies.clone(), ..Settings::default() };
    let fixture = start_with(Runs::default(), settings);
    let (declared, part) = (900 * 1024, vec![b' '; 100 * 1024]);
    let mut unfinished = Vec::new();
    while bodies.free_bytes() > BUDGET_BYTES / 2 {
        unfinished.push(begin_body(&fixture, declared, &part).await);
        tokio::task::yield_now().await;
    }
    // This body exceeds the rest of the budget.
    let refused = http::finish(begin_body(&fixture, declared, &vec![b' '; declared]).await).await;
    assert_eq!(
        (refused.status, refused.code().as_str(), refused.header("retry-after")),
        (503, "unavailable", Some("1"))
    );
    assert_eq!(fixture.post("/v1/runs", GOOD).await.status, 200, "a small one is read all the same");
    drop(unfinished);
    while bodies.free_bytes() < BUDGET_BYTES {
        tokio::task::yield_now().await;
    }
}

/// Requests this much and reads nothing of it.
async fn ask_and_not_read(fixture: &Fixture, query: &str) -> TcpStream {
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    let head = format!("GET /v1/runs?{query} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
}

#[tokio::test]
async fn answers_that_are_not_taken_hold_no_more_than_their_budget() {
    const ANSWER_BYTES: usize = 8 * 1024 * 1024;
    let answers = Budget::new(ANSWER_BYTES * 3 / 2);
    let settings = Settings { answers: answers.clone(), answer_wait: Duration::from_millis(50), ..Settings::default() };
    let fixture = start_with(Runs { answer_bytes: ANSWER_BYTES, ..Runs::default() }, settings);
    let unread = ask_and_not_read(&fixture, "").await;
    while fixture.calls() == 0 || answers.free_bytes() > ANSWER_BYTES {
        tokio::task::yield_now().await;
    }
    let refused = fixture.get("/v1/runs").await;
    assert_eq!(
        (refused.status, refused.code().as_str(), refused.header("retry-after")),
        (503, "unavailable", Some("1"))
    );
    assert_eq!(fixture.post("/v1/runs", GOOD).await.status, 200, "what changes something is answered");
    let taken = http::finish(unread).await;
    assert!(taken.body.len() > ANSWER_BYTES);
    assert!(fixture.get("/v1/runs").await.body.len() > ANSWER_BYTES, "what was taken is free again");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_cut() {
    let limits = ConnectionLimits { unread: Duration::from_millis(100), ..ConnectionLimits::default() };
    let answers = Budget::new(32 * 1024 * 1024);
    let settings = Settings { connections: Connections::new(limits), answers: answers.clone(), ..Settings::default() };
    let fixture = start_with(Runs { answer_bytes: 16 * 1024 * 1024, ..Runs::default() }, settings);
    let _unread = ask_and_not_read(&fixture, "").await;
    let cut = async {
        while fixture.calls() == 0 || answers.free_bytes() < 32 * 1024 * 1024 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, cut).await.expect("its answer is given up");
}

#[tokio::test]
async fn silent_connections_of_a_peer_do_not_keep_its_next_request_from_being_answered() {
    let limits = ConnectionLimits { all_max: 64, per_peer_max: 16, ..ConnectionLimits::default() };
    let connections = Connections::new(limits);
    let fixture = start_with(Runs::default(), Settings { connections: connections.clone(), ..Settings::default() });
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(fixture.server.local_addr()).await.unwrap());
    }
    assert_eq!(fixture.get("/v1/health").await.status, 200);
    assert!(connections.count() <= 16);
}

#[tokio::test]
async fn one_connection_too_many_is_refused_in_the_documents_own_words_while_all_are_busy() {
    let limits = ConnectionLimits { per_peer_max: 1, ..ConnectionLimits::default() };
    let settings = Settings { connections: Connections::new(limits), ..Settings::default() };
    let fixture = start_with(Runs::default(), settings);
    let under_way = begin_slow(&fixture).await;
    let refused = http::finish(TcpStream::connect(fixture.server.local_addr()).await.unwrap()).await;
    let error = &refused.json()["error"];
    assert_eq!(
        (refused.status, error["code"].as_str(), refused.header("retry-after")),
        (503, Some("unavailable"), Some("1"))
    );
    fixture.runs.release.notify_one();
    assert_eq!(http::finish(under_way).await.status, 204);
}

#[tokio::test]
async fn a_silent_connection_and_a_head_that_does_not_end_are_closed() {
    let limits = ConnectionLimits {
        idle: Duration::from_millis(200),
        head: Duration::from_millis(100),
        ..ConnectionLimits::default()
    };
    let settings = Settings { connections: Connections::new(limits), ..Settings::default() };
    let fixture = start_with(Runs::default(), settings);
    let silent = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    let mut slow = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    slow.write_all(b"GET /v1/hea").await.unwrap();
    for mut connection in [silent, slow] {
        let mut byte = [0];
        let read = tokio::time::timeout(PATIENCE, tokio::io::AsyncReadExt::read(&mut connection, &mut byte)).await;
        assert_eq!(read.expect("closed in time").unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn a_stream_takes_no_place_once_it_has_begun() {
    let (feed, chunks) = mpsc::channel(1);
    let runs = Runs { chunks: Mutex::new(Some(chunks)), ..Runs::default() };
    let fixture = start_with(runs, Settings { requests_max: 1, ..Settings::default() });
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    connection.write_all(b"GET /v1/runs/r1/events HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    feed.send(Bytes::from_static(b"{}\n")).await.unwrap();
    http::read_until(&mut connection, "{}").await;
    assert_eq!(fixture.get("/v1/health").await.status, 200);
}
