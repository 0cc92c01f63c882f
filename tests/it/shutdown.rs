//! Stopping a busy server: within a bound, and without losing acknowledged data.

use std::path::Path;

use futures::StreamExt;
use futures::future::join_all;
use runyard::config::Config;
use runyard::limits::Limits;
use runyard::serve::Server;
use runyard::store::folder::Folder;
use runyard_api::host::Closed;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use crate::process::{ProcessClients, assert_whole, bounded, start_body};

/// A server in this process over a folder.
async fn serve(data: &Path, stop_within_ms: u64) -> (Server, ProcessClients) {
    let body_bytes_max = 16 * 1024 * 1024;
    // Large values in place, so that an answer is larger than all buffers together.
    let limits = Limits { value_shown_bytes: 64 * 1024 * 1024, ..Limits::default() };
    let config =
        Config { data_dir: data.to_owned(), port_base: 0, stop_within_ms, body_bytes_max, limits, ..Config::default() };
    let server = Server::start(&config, slog::Logger::root(slog::Discard, slog::o!())).await.unwrap();
    let clients = ProcessClients::of(&server);
    (server, clients)
}

#[tokio::test]
async fn open_streams_end_and_resume_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (server, clients) = serve(folder.path(), 60_000).await;
    let (run_id, root) = clients.start("runyard.core.sleep", json!({ "seconds": 3600 })).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let of_run = clients.gateway.stream_run_events(&run_id, None, None, None).await.unwrap();
        let of_node_run = clients.coordinator.stream_node_run_events(&root, None, None, None).await.unwrap();
        streams.extend([of_run.into_inner().into_inner(), of_node_run.into_inner().into_inner()]);
    }
    let mut texts = Vec::new();
    for stream in &mut streams {
        // How many events a stream shows before the stop does not matter; here each has shown one.
        texts.push(bounded("the first event", stream.next()).await.unwrap().unwrap().to_vec());
    }
    // The bound is longer than this wait: streams end because the server ends them, not because they are cut.
    assert_eq!(bounded("the stop", server.stop()).await, Closed::Clean);
    for (mut stream, mut text) in streams.into_iter().zip(texts) {
        while let Some(chunk) = bounded("the end of a stream", stream.next()).await {
            text.extend_from_slice(&chunk.expect("ended, not cut"));
        }
        let text = String::from_utf8(text).unwrap();
        assert!(text.ends_with('\n') && !text.contains("run_completed"), "whole lines: {text}");
    }
    assert_eq!(Folder::owner(folder.path()), None);
    let (server, clients) = serve(folder.path(), 60_000).await;
    clients.gateway.cancel_run(&run_id).await.unwrap();
    assert_whole(&clients.events(&run_id, 0).await);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_never_reads_does_not_delay_the_shutdown_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let (server, clients) = serve(folder.path(), 300).await;
    let large = "x".repeat(6_000_000);
    let (run_id, root) = clients.start("runyard.core.echo", json!({ "echo": large })).await;
    clients.events(&run_id, 0).await;
    // Requests more than all buffers in between hold (inputs and outputs), and reads none of it.
    let address = clients.coordinator_url.strip_prefix("http://").unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(address.parse().unwrap()).await.unwrap();
    let request = format!("GET /v1/node-runs/{root} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    deaf.write_all(request.as_bytes()).await.unwrap();
    bounded("the head of the answer", deaf.readable()).await.unwrap();
    assert_eq!(bounded("the stop", server.stop()).await, Closed::Busy);
    // The folder is free although the connection is still open.
    let (server, clients) = serve(folder.path(), 60_000).await;
    assert_eq!(clients.node_run(&root).await["outputs"]["echo"], large);
    drop(deaf);
    assert_eq!(bounded("the second stop", server.stop()).await, Closed::Clean);
}

#[tokio::test]
async fn claimed_work_is_there_and_ends_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (server, clients) = serve(folder.path(), 60_000).await;
    let goal =
        "Sleep for 0.2 seconds, then generate a UUID, then sleep for 0.2 seconds, then generate a UUID and return it.";
    let runs = join_all((0..20).map(|_| clients.plan(goal))).await;
    assert_eq!(bounded("the stop", server.stop()).await, Closed::Clean);
    let (server, clients) = serve(folder.path(), 60_000).await;
    for (run_id, _) in &runs {
        let events = clients.events(run_id, 0).await;
        assert_whole(&events);
        assert_eq!(events.last().unwrap()["data"]["state"], "succeeded");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_start_that_meets_the_stop_is_acknowledged_and_kept_or_refused() {
    const STARTS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let (server, clients) = serve(folder.path(), 60_000).await;
    let starts = (0..STARTS).map(|number| {
        let clients = clients.clone();
        tokio::spawn(async move {
            let body = start_body("runyard.core.echo", json!({ "echo": number.to_string() }));
            let key = format!("key-{number}");
            (
                key.clone(),
                body.clone(),
                clients.gateway.start_run(Some(&key), &body).await.ok().map(|run| run.into_inner()),
            )
        })
    });
    let starts: Vec<_> = starts.collect();
    // Some requests are in flight when this one has its answer.
    clients.start("runyard.core.uuid4", json!({})).await;
    bounded("the stop", server.stop()).await;
    let answers = bounded("the answers", join_all(starts)).await;

    let (server, clients) = serve(folder.path(), 60_000).await;
    for answer in answers {
        let (key, body, started) = answer.unwrap();
        if let Some(run) = &started {
            assert_whole(&clients.events(&run.run_id, 0).await);
        }
        let again = clients.gateway.start_run(Some(&key), &body).await.unwrap().into_inner();
        assert!(started.is_none_or(|run| run.run_id == again.run_id), "{key} was started twice");
    }
    let page = clients
        .native
        .list_runs(None, None, None, None, None, 200.try_into().ok(), None, None, None, None)
        .await
        .unwrap();
    assert_eq!(page.into_inner().runs.len(), STARTS + 1);
    server.stop().await;
}
