//! One folder, several processes: which process owns it, which ones use the owner, and what happens when the owner
//! stops or is killed.

use std::time::Duration;

use futures::StreamExt;
use runyard::clock::Clock;
use runyard::store::folder::Folder;
use serde_json::json;

use super::last_uuid;
use crate::process::{Process, Served, assert_whole, bounded, bytes, of_kind, runyard, runyard_unread};

#[tokio::test]
async fn run_beside_serve_is_one_server_and_one_execution() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let run = runyard(folder.path(), &["run", "--json", "Generate a UUID, then return it."]).await.exits(0);
    let lines = run.objects();
    let run_id = lines[0]["run"]["run_id"].as_str().unwrap();
    let printed: Vec<_> =
        lines.iter().filter(|line| line["kind"] == "event").map(|line| line["event"].clone()).collect();
    let events = served.clients.events(run_id, 0).await;
    assert_eq!(printed, events, "both see the run");
    assert_whole(&events);
    assert_eq!(of_kind(&events, "atomic_executed").len(), 1);
    let listed = runyard(folder.path(), &["list", "--json"]).await.exits(0).object();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1);
    assert_eq!(json!(served.clients.native.get_run(run_id).await.unwrap().into_inner())["state"], "succeeded");
}

#[tokio::test]
async fn a_second_serve_is_refused_with_the_address_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let second = runyard(folder.path(), &["serve", "--port-base", "0"]).await.exits(1);
    let pid = served.process.id().to_string();
    assert!(second.err.contains(&pid) && second.err.contains(&served.clients.native_url), "{}", second.err);
    let second = runyard(folder.path(), &["serve", "--port-base", "0", "--json"]).await.exits(1);
    assert!(second.err.contains("\"folder_owned\"") && second.err.contains(&pid), "{}", second.err);
    served.clients.native.health().await.unwrap();
}

#[tokio::test]
async fn an_owner_that_was_killed_is_no_owner() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let (run_id, _) = served.clients.plan("Generate a UUID, then return it.").await;
    served.clients.events(&run_id, 0).await;
    served.kill();
    assert!(folder.path().join(".runyard/server.json").exists(), "a stale one");
    let listed = runyard(folder.path(), &["list", "--json"]).await.exits(0).object();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1);
    let served = Served::start(folder.path()).await;
    assert_eq!(served.clients.run(&run_id).await["state"], "succeeded");
}

#[tokio::test]
async fn run_takes_over_when_the_server_it_used_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let mut running =
        Process::start(folder.path(), &["run", "Sleep for 0.5 seconds, then generate a UUID, then return it."]);
    let before = running.until_err(|line| line.contains("planned")).await;
    served.kill();
    let done = running.done().await.exits(0);
    assert!(done.err.contains("runyard.core.uuid4"), "{before:?} {done:?}");
    last_uuid(&done.out);
    let listed = runyard(folder.path(), &["list", "--json"]).await.exits(0).object();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1, "taken over, not started again");
    assert_eq!(listed["runs"][0]["state"], "succeeded");
}

#[tokio::test]
async fn asked_to_stop_a_server_ends_its_streams_and_then_itself() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let served = Served::start(folder.path()).await;
        let (run_id, _) = served.clients.start("runyard.core.sleep", json!({ "seconds": 3600 })).await;
        let stream = served.clients.gateway.stream_run_events(&run_id, None, None, None).await.unwrap().into_inner();
        let mut stream = stream.into_inner();
        bounded("the first event", stream.next()).await.unwrap().unwrap();
        served.process.signal(signal);
        while let Some(chunk) = bounded("the end of the stream", stream.next()).await {
            chunk.unwrap_or_else(|error| panic!("{signal}: cut instead of ended: {error}"));
        }
        let done = served.process.done().await.exits(0);
        assert_eq!(done.out, "", "the ready line was all: {done:?}");
        assert!(!folder.path().join(".runyard/server.json").exists());

        let again = Served::start(folder.path()).await;
        assert_eq!(again.clients.run(&run_id).await["state"], "running", "{signal}: nothing is lost");
        let canceled = again.clients.gateway.cancel_run(&run_id).await.unwrap().into_inner();
        assert_eq!(canceled.state.to_string(), "canceled");
        let stream = again.clients.gateway.stream_run_events(&run_id, None, None, None).await.unwrap().into_inner();
        assert!(bytes(stream).await.contains("run_completed"));
    }
}

#[tokio::test]
async fn a_server_whose_ready_line_is_not_read_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let serving = tokio::spawn(async move { runyard_unread(&path, &["serve", "--port-base", "0"]).await });
    let info = bounded("an owner", async {
        loop {
            match Folder::owner(folder.path().join(".runyard")) {
                Some(info) => return info,
                None => Clock::system().sleep(Duration::from_millis(20)).await,
            }
        }
    });
    let pid = info.await.pid.to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    bounded("its end", serving).await.unwrap().exits(0);
}
