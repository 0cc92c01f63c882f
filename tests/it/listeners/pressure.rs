//! Resources that callers hold: bodies, answers, connections. The server is a process of its own, so that the test can
//! measure and limit its memory and descriptors.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::{Served, bounded};

const MB: usize = 1024 * 1024;

/// Resident memory of a process, bytes.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

async fn connect(address: &str) -> TcpStream {
    bounded("a connection", TcpStream::connect(address)).await.unwrap()
}

/// Requests the health of a listener on a new connection, and returns the status.
async fn health(address: &str) -> u16 {
    let mut connection = connect(address).await;
    connection.write_all(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    bounded("health", connection.read_to_end(&mut answer)).await.unwrap();
    std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap()
}

/// The head of a request that starts a run, with a body of this length.
fn head(bytes: usize) -> String {
    format!(
        "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {bytes}\r\n\r\n"
    )
}

#[tokio::test]
async fn silent_connections_do_not_keep_health_from_being_answered() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start_after(folder.path(), "ulimit -n 256", &["--port-base", "0"]).await;
    let address = served.clients.gateway_url.strip_prefix("http://").unwrap();
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(connect(address).await);
    }
    for _ in 0..10 {
        assert_eq!(health(address).await, 200);
    }
}

#[tokio::test]
async fn bodies_that_do_not_end_hold_bounded_memory_and_leave_health_alone() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--port-base", "0", "--set", "limits.bodies_bytes=16777216", "--set", "limits.requests=16"];
    let served = Served::start_with(folder.path(), &flags).await;
    let address = served.clients.gateway_url.strip_prefix("http://").unwrap();
    health(address).await;
    let idle = resident(served.process.id());
    let part = vec![b' '; 800 * 1024];
    let mut unfinished = Vec::new();
    for _ in 0..200 {
        let mut connection = connect(address).await;
        connection.write_all(head(900 * 1024).as_bytes()).await.unwrap();
        // The server need not read a refused body to its end.
        let _ = tokio::time::timeout(Duration::from_millis(500), connection.write_all(&part)).await;
        unfinished.push(connection);
    }
    for _ in 0..100 {
        let mut connection = connect(address).await;
        connection.write_all(head(2).as_bytes()).await.unwrap();
        connection.write_all(b"{").await.unwrap();
        unfinished.push(connection);
    }
    assert_eq!(health(address).await, 200);
    let grown = resident(served.process.id()).saturating_sub(idle);
    println!("{} MB above idle with 200 bodies of 800 kB and 100 of one byte that do not end", grown / MB);
    assert!(grown < 120 * MB, "{} MB", grown / MB);
    let (run, _) = served.clients.start("runyard.core.uuid4", json!({})).await;
    assert!(!run.is_empty(), "small bodies are read all the same");
}

/// A list of ACP with this many runs, each with this much data.
async fn heavy_list(served: &Served, runs: usize, bytes: usize) {
    let metadata = json!({ "blob": "x".repeat(bytes) });
    let start = |number: usize| {
        let body = json!({ "content": "Sleep for 600 seconds.", "mode": "async", "title": number.to_string(), "metadata": metadata });
        let clients = served.clients();
        async move { clients.post("acp", "/v1/servers/default/runs", body.to_string()).await.status }
    };
    for number in 0..runs {
        assert_eq!(start(number).await, 202);
    }
}

#[tokio::test]
async fn a_list_of_large_entries_ends_early_and_many_unread_answers_hold_bounded_memory() {
    const PATH: &str = "/v1/servers/default/runs?limit=100";
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    heavy_list(&served, 12, 400 * 1024).await;
    let clients = served.clients();
    let page = clients.get("acp", PATH).await;
    let listed = page.json();
    assert_eq!((page.status, listed["data"].as_array().map(Vec::len)), (200, Some(1)), "twice 400 kB, and no second");
    assert!(page.body.len() < 2 * MB);
    assert_eq!(listed["data"], listed["runs"]);

    let idle = resident(served.process.id());
    let url = clients.request("acp", http::Method::GET, PATH).build().unwrap().url().clone();
    let address = format!("127.0.0.1:{}", url.port().unwrap());
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut unread = Vec::new();
    for _ in 0..200 {
        let mut connection = connect(&address).await;
        connection.write_all(request.as_bytes()).await.unwrap();
        unread.push(connection);
    }
    assert_eq!(health(&address).await, 200);
    // The test reads them now: each is a whole answer, or a refusal that asks for a retry.
    let mut most = 0;
    let read = join_all(unread.into_iter().map(|mut connection| async move {
        let mut answer = Vec::new();
        bounded("an answer", connection.read_to_end(&mut answer)).await.unwrap();
        let text = String::from_utf8(answer).unwrap();
        (text[9..12].parse::<u16>().unwrap(), text)
    }));
    let mut read = std::pin::pin!(read);
    let clock = runyard::clock::Clock::system();
    let answers = loop {
        tokio::select! {
            answers = &mut read => break answers,
            () = clock.sleep(Duration::from_millis(10)) => {
                most = most.max(resident(served.process.id()));
            }
        }
    };
    let whole = answers.iter().filter(|(status, _)| *status == 200).count();
    println!("{whole} of 200 answers of 0.8 MB; at most {} MB above idle", most.saturating_sub(idle) / MB);
    assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 503)));
    assert!(whole > 0);
    for (_, text) in answers.iter().filter(|(status, _)| *status == 503) {
        assert!(text.to_lowercase().contains("retry-after: 1"), "{text}");
        let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert!(body.get("error").is_some() || body.get("code").is_some(), "{body}");
    }
    assert!(most.saturating_sub(idle) < 200 * MB, "{} MB above idle", most.saturating_sub(idle) / MB);
}

#[tokio::test]
async fn events_of_a_run_come_in_pages_of_bounded_size_and_none_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start_with(folder.path(), &["--port-base", "0", "--set", "limits.answer_bytes=65536"]).await;
    let (run, _) = served.clients.start("runyard.core.echo", json!({ "echo": "x".repeat(50_000) })).await;
    served.clients.events(&run, 0).await;
    let clients = served.clients();
    let (mut seqs, mut after, mut pages) = (Vec::new(), 0, 0);
    loop {
        let page = clients.get("runyard", &format!("/v1/runs/{run}/log?after_seq={after}")).await.json();
        seqs.extend(page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()));
        pages += 1;
        match page["next_after_seq"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert!(pages > 1);
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}
