//! Streams send each chunk at once, and end when the server stops.

use super::*;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// A server with one stream, and the sender of its chunks.
fn start_streaming(settings: Settings) -> (Fixture, mpsc::Sender<Bytes>) {
    let (feed, chunks) = mpsc::channel(1);
    (start_with(Runs { chunks: Mutex::new(Some(chunks)), ..Runs::default() }, settings), feed)
}

async fn open(fixture: &Fixture) -> TcpStream {
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    connection.write_all(b"GET /v1/runs/r1/events HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await.unwrap();
    connection
}

#[tokio::test]
async fn each_chunk_arrives_before_the_next_is_made() {
    let (fixture, feed) = start_streaming(Settings::default());
    let mut connection = open(&fixture).await;
    for n in 0..5 {
        feed.send(format!("{{\"n\":{n}}}\n").into()).await.unwrap();
        let text = http::read_until(&mut connection, &format!("{{\"n\":{n}}}\n")).await;
        assert!(!text.contains(&format!("{}", n + 1)) || n == 0, "nothing ahead of its time: {text}");
    }
    drop(feed);
    http::read_until(&mut connection, "0\r\n\r\n").await;
}

#[tokio::test]
async fn a_stream_is_neither_stored_nor_buffered_on_its_way() {
    let (fixture, feed) = start_streaming(Settings::default());
    drop(feed);
    let answer = http::finish(open(&fixture).await).await;
    assert_eq!(answer.header("cache-control"), Some("no-store, no-transform"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
}

#[tokio::test]
async fn a_stream_ends_properly_when_the_server_stops() {
    let stopping = CancellationToken::new();
    let (fixture, feed) = start_streaming(Settings { stopping: stopping.clone(), ..Settings::default() });
    let mut connection = open(&fixture).await;
    feed.send("{\"n\":0}\n".into()).await.unwrap();
    http::read_until(&mut connection, "{\"n\":0}").await;
    stopping.cancel();
    http::read_until(&mut connection, "0\r\n\r\n").await;
    feed.closed().await;
}

#[tokio::test]
async fn a_stream_is_dropped_when_its_client_leaves() {
    let (fixture, feed) = start_streaming(Settings::default());
    let mut connection = open(&fixture).await;
    feed.send("{\"n\":0}\n".into()).await.unwrap();
    http::read_until(&mut connection, "{\"n\":0}").await;
    drop(connection);
    tokio::time::timeout(PATIENCE, feed.closed()).await.expect("the receiving end is dropped");
}

#[tokio::test]
async fn a_stream_that_fails_is_not_ended_properly() {
    let broken = ByteStream::new(futures::stream::iter([Ok("x".into()), Err(std::io::Error::other("lost"))]));
    let mut body = Box::pin(stream(StatusCode::OK, HeaderMap::new(), "text/event-stream", broken).into_body());
    let frames = std::iter::from_fn(|| futures::executor::block_on(http_body_util::BodyExt::frame(&mut body)));
    assert_eq!(frames.map(|frame| frame.is_ok()).collect::<Vec<_>>(), [true, false]);
}
