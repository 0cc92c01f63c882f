//! Several listeners start together: an early client waits, and is answered when all listen.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_bound_address_answers_nothing_before_it_is_started() {
    let mounted = Mounted::new(Arc::new(Runs::default()), Settings::default());
    let bound = mounted.bind(listen_anywhere(), quiet()).unwrap();
    let mut early = TcpStream::connect(bound.local_addr()).await.unwrap();
    early.write_all(b"GET /v1/health HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut byte = [0];
    assert!(tokio::time::timeout(Duration::from_millis(100), early.read(&mut byte)).await.is_err());
    let server = bound.start();
    assert_eq!(http::finish(early).await.status, 200);
    assert_eq!(server.close(PATIENCE).await, Closed::Clean);
}
