//! A7: bodies that do not end.

use std::time::Duration;

use futures::future::join_all;
use runyard::open_files;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::start;
use super::survives::{starts, survives};
use crate::process::Served;

/// How long a client of this test waits for the server to read or to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Descriptors that the other tests of this process need.
const FOR_OTHER_TESTS: u64 = 2_000;

/// The number of connections, or as many as this process may have.
fn allowed(count: usize) -> usize {
    let most = open_files::allow_many().map_or(u64::MAX, |files| files.saturating_sub(FOR_OTHER_TESTS));
    count.min(usize::try_from(most).unwrap_or(usize::MAX))
}

/// Connections to the Runyard API whose body has begun and does not end.
async fn unfinished(served: &Served, count: usize, sent: usize) -> Vec<TcpStream> {
    let address = served.clients.native_url.trim_start_matches("http://").to_owned();
    let head = format!(
        "POST /v1/runs HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    );
    let begun = format!("{head}{}", "x".repeat(sent));
    let begin = async || {
        let mut stream = TcpStream::connect(&address).await.ok()?;
        // The server need not read all of it, and may close the connection meanwhile.
        let _ = tokio::time::timeout(PATIENCE, stream.write_all(begun.as_bytes())).await;
        Some(stream)
    };
    join_all((0..count).map(|_| begin())).await.into_iter().flatten().collect()
}

/// The server's answer on a connection, if any.
async fn answer(stream: &mut TcpStream) -> Option<String> {
    let mut answer = vec![0; 4_096];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&answer[..read]).into_owned();
    Some(text).filter(|text| !text.is_empty())
}

#[tokio::test]
async fn large_bodies_that_do_not_end_are_bounded_in_memory_and_refused_by_name() {
    let mut open = Vec::new();
    survives("A7 (large)", async |served| {
        open = unfinished(served, allowed(1_500), 800_000).await;
        let answers: Vec<String> = join_all(open.iter_mut().map(answer)).await.into_iter().flatten().collect();
        // All bodies together may have 64 MiB, so most of these 1 200 MB are refused.
        assert!(answers.len() > open.len() / 2, "{} of {} are refused", answers.len(), open.len());
        for answer in &answers {
            assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"unavailable\""), "{answer}");
        }
        Vec::new()
    })
    .await;
}

#[tokio::test]
async fn bodies_of_one_byte_that_do_not_end_take_no_slot_of_a_listener() {
    let mut open = Vec::new();
    survives("A7 (small)", async |served| {
        open = unfinished(served, allowed(4_200), 1).await;
        let (made, refused) = starts(served, [start("runyard.core.uuid4", json!({}))]).await;
        assert_eq!((made.len(), refused), (1, Vec::new()), "the same listener starts a run");
        made
    })
    .await;
}
