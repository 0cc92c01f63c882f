//! Too many requests at once: the one too many is told so, at once and in the document's own error body, and the rest is answered.

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
    let refused = fixture.get("/v1/health").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    fixture.runs.release.notify_one();
    assert_eq!(http::finish(under_way).await.status, 204);
    assert_eq!(fixture.get("/v1/health").await.status, 200);
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
