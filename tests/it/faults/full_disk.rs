//! A full disk, simulated by a limit on the size of files: the same writes fail, and this process can lift the limit
//! again.

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;

use super::start_everywhere;
use crate::harness::eventually;
use crate::harness::peer::{Answers, Peer};
use crate::process::{Served, assert_whole, runyard};

/// A write beyond the limit is then an error and not a signal.
const NO_SIGNAL: &str = "trap '' XFSZ";

/// Limits the size of the server's files.
fn allow(served: &Served, bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(served.process.id()).unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// The gateway's report about the store.
async fn store_is(served: &Served) -> String {
    let health = json!(served.clients.gateway.health().await.unwrap().into_inner());
    health["checks"][0]["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_full_disk_refuses_starts_of_every_api_and_loses_no_acknowledged_run() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start_after(folder.path(), NO_SIGNAL, &["--port-base", "0"]).await;
    let (finished, _) = served.clients.plan("Generate a UUID, then return it.").await;
    let events = served.clients.events(&finished, 0).await;
    let goal = "Sleep for 0.4 seconds, then generate a UUID, then return it.";
    let (live, _) = served.clients.plan(goal).await;
    let clients = served.clients();

    // The WAL may not grow, and every write goes there first.
    let wal = std::fs::metadata(folder.path().join(".runyard/runyard.db-wal")).unwrap().len();
    allow(&served, Some(wal));
    for (api, answer) in start_everywhere(&clients).await {
        assert_eq!(answer.refusal(), (503, "store_unavailable".to_owned()), "{api}: {}", answer.text());
        assert_eq!(answer.header("retry-after"), Some("1"), "{api}");
    }
    assert_eq!(store_is(&served).await, "down");
    assert_eq!(served.clients.events(&finished, 0).await, events, "what is there is read as before");
    assert_eq!(served.clients.run(&live).await["state"], "running");

    allow(&served, None);
    for (api, answer) in start_everywhere(&clients).await {
        assert!((200..300).contains(&answer.status), "{api}: {}", answer.text());
    }
    assert_eq!(store_is(&served).await, "ok");
    let kept = [finished, live];
    for run_id in &kept {
        assert_whole(&served.clients.events(run_id, 0).await);
        assert_eq!(served.clients.run(run_id).await["state"], "succeeded");
    }
    served.kill();
    let served = Served::start(folder.path()).await;
    for run_id in &kept {
        assert_eq!(served.clients.run(run_id).await["state"], "succeeded");
    }
    let listed = runyard(folder.path(), &["list", "--all", "--json"]).await.exits(0).object();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 2 + 6, "what was refused was not started");
}

#[tokio::test]
async fn a_step_that_ends_while_the_disk_is_full_is_recorded_when_there_is_space() {
    let peer = Peer::start(|asked| match asked.target.as_str() {
        "/wait" => Answers::Nothing,
        _ => Answers::Json(200, json!("done")),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--port-base", "0", "--set", "egress.allow_networks=127.0.0.0/8"];
    let served = Served::start_after(folder.path(), NO_SIGNAL, &flags).await;
    // The call has no answer before its time limit, and by then there is no space to record that.
    let inputs = json!({ "url": format!("{}/wait", peer.url), "timeout_ms": 300 });
    let (run_id, _) = served.clients.start("runyard.http.request", inputs).await;
    peer.was_asked(1).await;
    let wal = std::fs::metadata(folder.path().join(".runyard/runyard.db-wal")).unwrap().len();
    allow(&served, Some(wal));
    let noticed = || async { (store_is(&served).await == "down").then_some(()) };
    eventually("health notices without anybody starting anything", noticed).await;
    assert_eq!(served.clients.run(&run_id).await["state"], "running");
    allow(&served, None);
    assert_whole(&served.clients.events(&run_id, 0).await);
    assert_eq!(served.clients.run(&run_id).await["state"], "failed");
    assert_eq!(peer.asked().len(), 1, "what is known is not asked for again");
    assert_eq!(store_is(&served).await, "ok");
}
