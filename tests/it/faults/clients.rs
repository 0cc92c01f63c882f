//! Clients that do not read, or send slowly: they cost a bounded amount, and block neither other clients nor the stop.

use std::time::Duration;

use runyard::clock::Clock;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::process::{Served, assert_whole, bounded};

/// The number of clients that read nothing.
const DEAF: usize = 24;
/// The memory that each of them may cost: the buffers of its connection, and the events that were read for it.
const BYTES_EACH_MAX: u64 = 24 << 20;

/// Resident memory of a process, bytes.
#[cfg(target_os = "linux")]
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Requests a path and reads none of the answer.
async fn deaf(url: &str, path: &str) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut connection = socket.connect(address.parse().unwrap()).await.unwrap();
    connection.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    bounded("the head of the answer", connection.readable()).await.unwrap();
    connection
}

#[tokio::test]
async fn clients_that_never_read_their_streams_are_bounded_and_do_not_hold_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    // A bound far longer than this test.
    let flags = ["--port-base", "0", "--set", "stop_within_ms=600000"];
    let served = Served::start_with(folder.path(), &flags).await;
    // The Runyard stream shows whole inputs and outputs: several megabytes, more than the buffers in between hold.
    let large = "x".repeat(1_000_000);
    let (run_id, _) = served.clients.start("runyard.core.echo", json!({ "echo": large })).await;
    let events = served.clients.events(&run_id, 0).await;
    assert_whole(&events);
    #[cfg(target_os = "linux")]
    let before = resident(served.process.id());
    let mut connections = Vec::new();
    for _ in 0..DEAF {
        connections.push(deaf(&served.clients.native_url, &format!("/v1/runs/{run_id}/events")).await);
    }
    // Other clients are served as usual.
    for _ in 0..5 {
        let (other, _) = served.clients.plan("Generate a UUID, then return it.").await;
        assert_whole(&served.clients.events(&other, 0).await);
    }
    assert_eq!(served.clients.events(&run_id, 0).await, events);
    #[cfg(target_os = "linux")]
    {
        let grown = resident(served.process.id()).saturating_sub(before);
        assert!(grown < DEAF as u64 * BYTES_EACH_MAX, "{grown} bytes for {DEAF} clients");
    }
    served.process.signal("TERM");
    let done = served.process.done().await.exits(0);
    assert!(!done.err.contains("ERROR"), "{}", done.err);
    drop(connections);
}

/// Sends these pieces one by one until the server has sent `last` or closes. Returns what the server sent.
async fn dawdle(url: &str, pieces: impl Iterator<Item = Vec<u8>>, last: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let clock = Clock::system();
    let mut said = Vec::new();
    let sending = async {
        for piece in pieces {
            if write.write_all(&piece).await.is_err() {
                break;
            }
            clock.sleep(Duration::from_millis(250)).await;
        }
        std::future::pending::<()>().await;
    };
    let hearing = async {
        // A reset ends the connection, too.
        while read.read_buf(&mut said).await.is_ok_and(|bytes| bytes > 0) {
            if String::from_utf8_lossy(&said).contains(last) {
                break;
            }
        }
    };
    let heard = async {
        tokio::select! {
            () = hearing => {}
            () = sending => {}
        }
    };
    bounded(&format!("the server has had enough of what has no {last:?}"), heard).await;
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn heads_and_bodies_that_do_not_get_on_are_ended_and_others_served_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let url = served.clients.gateway_url.clone();
    let head =
        b"POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n";
    let slow_head = head.chunks(1).map(<[u8]>::to_vec).chain(std::iter::repeat_with(|| b"x-more: 1\r\n".to_vec()));
    let start = [&head[..], b"connection: close\r\n\r\n"].concat();
    let slow_body = std::iter::once(start).chain(std::iter::repeat_with(|| b" ".to_vec()));
    let others = async {
        for _ in 0..5 {
            assert_whole(&served.clients.events(&served.clients.plan("Generate a UUID.").await.0, 0).await);
        }
    };
    let (of_head, of_body, ()) =
        tokio::join!(dawdle(&url, slow_head, "\r\n\r\n"), dawdle(&url, slow_body, "body_slow"), others);
    assert!(!of_head.contains("200"), "hyper ends a head after its 30 seconds: {of_head}");
    let (status, body) = of_body.split_once("\r\n\r\n").unwrap();
    assert!(status.starts_with("HTTP/1.1 408"), "{status}");
    assert!(body.contains("\"code\":\"body_slow\""), "{body}");
    assert_eq!(
        json!(served.clients.native.count_runs().await.unwrap().into_inner())["total"],
        5,
        "nothing was started"
    );
}
