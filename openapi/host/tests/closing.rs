//! Closing a server, and clients that disconnect: no response is lost, and nothing hangs.

use super::*;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

async fn begin_slow(fixture: &Fixture) -> TcpStream {
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    connection.write_all(b"POST /v1/slow HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    fixture.runs.begun.notified().await;
    connection
}

#[tokio::test]
async fn what_is_in_flight_is_finished_and_answered() {
    let fixture = start();
    let connection = begin_slow(&fixture).await;
    let closing = tokio::spawn(fixture.server.close(PATIENCE));
    fixture.runs.release.notify_one();
    assert_eq!(http::finish(connection).await.status, 204);
    assert_eq!(closing.await.unwrap(), Closed::Clean);
}

#[tokio::test]
async fn a_handler_that_does_not_end_does_not_hold_the_server() {
    let fixture = start();
    let _connection = begin_slow(&fixture).await;
    assert_eq!(fixture.server.close(Duration::from_millis(50)).await, Closed::Busy);
}

/// A client that requests a stream and reads none of it, and a stream that fills every buffer in between.
async fn deaf(fixture: &Fixture, feed: &mpsc::Sender<Bytes>) -> TcpStream {
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    connection.write_all(b"GET /v1/runs/r1/events HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    let chunk = Bytes::from(vec![b'x'; 1024 * 1024]);
    // Until the host stops reading from the feed.
    while tokio::time::timeout(Duration::from_millis(300), feed.send(chunk.clone())).await.is_ok() {}
    connection
}

#[tokio::test]
async fn an_unread_stream_does_not_delay_the_server_for_its_whole_bound() {
    let (feed, chunks) = mpsc::channel(1);
    let fixture = start_with(Runs { chunks: Mutex::new(Some(chunks)), ..Runs::default() }, Settings::default());
    let _connection = deaf(&fixture, &feed).await;
    let closed = tokio::time::timeout(PATIENCE, fixture.server.close(PATIENCE * 100)).await;
    // On a very slow machine the buffers may not be full yet, and it may even close cleanly. It must not wait.
    closed.expect("long before its bound");
}

#[tokio::test]
async fn requests_in_work_are_waited_for_although_a_client_does_not_read() {
    let (feed, chunks) = mpsc::channel(1);
    let fixture = start_with(Runs { chunks: Mutex::new(Some(chunks)), ..Runs::default() }, Settings::default());
    let _deaf = deaf(&fixture, &feed).await;
    let connection = begin_slow(&fixture).await;
    let closing = tokio::spawn(fixture.server.close(PATIENCE * 100));
    // Longer than the limit for a client that does not read.
    assert!(tokio::time::timeout(Duration::from_secs(4), fixture.runs.finished.notified()).await.is_err());
    assert!(!closing.is_finished());
    fixture.runs.release.notify_one();
    assert_eq!(http::finish(connection).await.status, 204);
    tokio::time::timeout(PATIENCE, closing).await.expect("long before its bound").unwrap();
}

#[tokio::test]
async fn idle_connections_do_not_hold_the_server() {
    let fixture = start();
    let silent = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    let mut used = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    used.write_all(b"GET /v1/health HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    http::read_until(&mut used, "health").await;
    assert_eq!(fixture.server.close(PATIENCE).await, Closed::Clean);
    drop(silent);
}

#[tokio::test]
async fn an_open_stream_ends_and_the_server_closes_cleanly() {
    let (feed, chunks) = mpsc::channel(1);
    let fixture = start_with(Runs { chunks: Mutex::new(Some(chunks)), ..Runs::default() }, Settings::default());
    let mut connection = TcpStream::connect(fixture.server.local_addr()).await.unwrap();
    connection.write_all(b"GET /v1/runs/r1/events HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    feed.send("{}\n".into()).await.unwrap();
    http::read_until(&mut connection, "{}\n").await;
    assert_eq!(fixture.server.close(PATIENCE).await, Closed::Clean);
    http::read_until(&mut connection, "0\r\n\r\n").await;
}

#[tokio::test]
async fn closing_one_server_leaves_its_neighbour_alone() {
    let settings = Settings::default();
    let (one, two) = (start_with(Runs::default(), settings.clone()), start_with(Runs::default(), settings));
    assert_eq!(one.server.close(PATIENCE).await, Closed::Clean);
    assert_eq!(two.get("/v1/runs/r1").await.status, 200);
}

#[tokio::test]
async fn a_request_that_comes_while_stopping_gets_a_retryable_error() {
    let settings = Settings::default();
    let stopping = settings.stopping.clone();
    let fixture = start_with(Runs::default(), settings);
    stopping.cancel();
    let answer = fixture.get("/v1/runs/r1").await;
    assert_eq!((answer.status, answer.code().as_str(), answer.header("retry-after")), (503, "stopping", Some("1")));
    assert_eq!(answer.json()["error"]["retryable"], true);
    assert_eq!(fixture.calls(), 0);
}

#[tokio::test]
async fn after_closing_nothing_listens() {
    let fixture = start();
    let address = fixture.server.local_addr();
    let ended = fixture.server.ended();
    assert_eq!(fixture.server.close(PATIENCE).await, Closed::Clean);
    assert_eq!(ended.await, Ok(()));
    assert!(TcpStream::connect(address).await.is_err());
}

/// Reports when dropshot has noticed that a client disconnected.
struct Departures(mpsc::UnboundedSender<()>);

impl slog::Drain for Departures {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &slog::Record<'_>, _: &slog::OwnedKVList) -> Result<(), slog::Never> {
        if record.msg().to_string().contains("client disconnected") {
            self.0.send(()).ok();
        }
        Ok(())
    }
}

/// A server with a handler in progress, whose client is known to have disconnected.
async fn abandoned() -> Fixture {
    let (left, mut departures) = mpsc::unbounded_channel();
    let log = slog::Logger::root(Departures(left), slog::o!());
    let fixture = start_logging(Runs::default(), Settings::default(), log);
    drop(begin_slow(&fixture).await);
    tokio::time::timeout(PATIENCE, departures.recv()).await.expect("dropshot notices").unwrap();
    fixture
}

#[tokio::test]
async fn a_client_that_leaves_does_not_stop_its_handler() {
    let fixture = abandoned().await;
    fixture.runs.release.notify_one();
    tokio::time::timeout(PATIENCE, fixture.runs.finished.notified()).await.expect("the handler went on to its end");
}

#[tokio::test]
async fn closing_waits_for_a_handler_whose_client_has_left() {
    let fixture = abandoned().await;
    let closing = tokio::spawn(fixture.server.close(PATIENCE));
    fixture.runs.release.notify_one();
    assert_eq!(closing.await.unwrap(), Closed::Clean);
    tokio::time::timeout(PATIENCE, fixture.runs.finished.notified()).await.expect("finished before the server was");
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_the_address() {
    let fixture = start();
    let address = fixture.server.local_addr();
    let again = Mounted::new(Arc::<Runs>::clone(&fixture.runs), Settings::default()).serve(address, quiet());
    let error = again.unwrap_err();
    assert!(
        matches!(&error, ServeError::Bind { address: taken, source } if *taken == address && source.kind() == std::io::ErrorKind::AddrInUse)
    );
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
}
