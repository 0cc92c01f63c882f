//! Operations on stored data: backup, restore, check and retention, with the binary alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runyard::clock::Clock;
use serde_json::{Value, json};

use crate::process::{ProcessClients, Served, assert_whole, bounded, runyard, start_body};

const UUID4: &str = "runyard.core.uuid4";

fn data(folder: &Path, name: &str) -> PathBuf {
    folder.join(".runyard").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Starts runs one after the other until the test stops it; returns the acknowledged ones.
async fn keeps_starting(clients: ProcessClients, mut stop: tokio::sync::oneshot::Receiver<()>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    while stop.try_recv().is_err() {
        acknowledged.push(clients.start(UUID4, json!({})).await.0);
    }
    acknowledged
}

#[tokio::test]
async fn a_backup_under_load_has_what_was_acknowledged_and_its_runs_go_on_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let clients = served.clients.clone();
    let (sleeping, _) = clients.plan("Sleep for 2 seconds, then generate a UUID and return it.").await;
    let (ended, _) = clients.start(UUID4, json!({})).await;
    let events_before = clients.events(&ended, 0).await;
    let mut before = Vec::new();
    for _ in 0..20 {
        before.push(clients.start(UUID4, json!({})).await.0);
    }
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let load = tokio::spawn(keeps_starting(clients.clone(), stopped));
    let file = folder.path().join("copy.db");
    let made = runyard(folder.path(), &["backup", "copy.db", "--json"]).await.exits(0).object();
    assert_eq!((made["kind"].as_str(), made["has_key"].as_bool()), (Some("backup"), Some(false)));
    assert_eq!(made["bytes"].as_u64().unwrap(), fs::metadata(&file).unwrap().len());
    // A running server can be checked, too.
    let checked = runyard(folder.path(), &["check", "--json"]).await.exits(0).object();
    assert_eq!(checked["findings"], 0);
    stop.send(()).unwrap();
    let during = bounded("the load", load).await.unwrap();
    assert!(!during.is_empty(), "it went on meanwhile");
    served.kill();

    let key = data(folder.path(), "secret.key");
    let other = tempfile::tempdir().unwrap();
    let restored =
        runyard(other.path(), &["restore", text(&file), "--key", text(&key), "--json"]).await.exits(0).object();
    assert!(restored["runs"].as_u64().unwrap() >= 22, "{restored}");
    let served = Served::start(other.path()).await;
    for run in &before {
        served.clients.run(run).await;
    }
    assert_eq!(served.clients.events(&ended, 0).await, events_before, "word for word");
    let events = served.clients.events(&sleeping, 0).await;
    assert_whole(&events);
    assert_eq!(served.clients.run(&sleeping).await["state"], "succeeded");
    runyard(other.path(), &["check"]).await.exits(0);
}

#[tokio::test]
async fn a_restore_overwrites_nothing_without_its_flag() {
    let folder = tempfile::tempdir().unwrap();
    runyard(folder.path(), &["backup", "none.db"]).await.exits(1);
    runyard(folder.path(), &["run", "--json", "Generate a UUID, then return it."]).await.exits(0);
    fs::create_dir(folder.path().join("copies")).unwrap();
    let made = runyard(folder.path(), &["backup", "copies", "--json"]).await.exits(0).object();
    let backup = made["file"].as_str().unwrap().to_owned();
    assert!(backup.starts_with("copies/runyard-"), "named by the time: {backup}");
    let again = runyard(folder.path(), &["backup", &backup]).await.exits(1);
    assert!(again.err.contains("exists"), "{}", again.err);
    runyard(folder.path(), &["check", &backup]).await.exits(0);

    runyard(folder.path(), &["run", "--json", "Generate a UUID, then return it."]).await.exits(0);
    let listed =
        async || runyard(folder.path(), &["list", "--json"]).await.exits(0).object()["runs"].as_array().unwrap().len();
    let refused = runyard(folder.path(), &["restore", &backup]).await.exits(1);
    assert!(refused.err.contains("--replace"), "{}", refused.err);
    assert_eq!(listed().await, 2);
    let served = Served::start(folder.path()).await;
    let refused = runyard(folder.path(), &["restore", &backup, "--replace"]).await.exits(1);
    assert!(refused.err.contains("in use"), "{}", refused.err);
    served.kill();
    runyard(folder.path(), &["restore", &backup, "--replace"]).await.exits(0);
    assert_eq!(listed().await, 1);

    // Into a folder with another key, or without one.
    let other = tempfile::tempdir().unwrap();
    let backup = folder.path().join(&backup);
    let refused = runyard(other.path(), &["restore", text(&backup)]).await.exits(1);
    assert!(refused.err.contains("--key") && refused.err.contains("--new-key"), "{}", refused.err);
    assert!(!data(other.path(), "runyard.db").exists());
    runyard(other.path(), &["restore", text(&backup), "--new-key"]).await.exits(0);
    runyard(other.path(), &["list"]).await.exits(0);
    let refused = runyard(other.path(), &["restore", text(&backup), "--replace"]).await.exits(1);
    assert!(refused.err.contains("another server key"), "{}", refused.err);

    // An incomplete backup is not restored.
    let mut bytes = fs::read(&backup).unwrap();
    let length = bytes.len();
    bytes[length / 2..].fill(0x5a);
    let damaged = folder.path().join("damaged.db");
    fs::write(&damaged, bytes).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    runyard(fresh.path(), &["restore", text(&damaged), "--new-key"]).await.exits(1);
    assert!(!data(fresh.path(), "runyard.db").exists() && !data(fresh.path(), "restore.unfinished").exists());
    fs::write(&damaged, "no database").unwrap();
    let refused = runyard(fresh.path(), &["restore", text(&damaged)]).await.exits(1);
    assert!(refused.err.contains("not a database of runyard"), "{}", refused.err);
}

#[tokio::test]
async fn a_wal_that_was_cut_is_refused_by_serve_in_the_words_of_check() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let (kept, _) = served.clients.start(UUID4, json!({})).await;
    served.clients.events(&kept, 0).await;
    let wal = data(folder.path(), "runyard.db-wal");
    let length = fs::metadata(&wal).unwrap().len();
    let (lost, _) = served.clients.start(UUID4, json!({})).await;
    served.clients.events(&lost, 0).await;
    served.kill();
    // Bytes after the last commit are no loss of data.
    let mut torn = fs::read(&wal).unwrap();
    torn.extend([9; 3_000]);
    fs::write(&wal, &torn).unwrap();
    runyard(folder.path(), &["check"]).await.exits(0);
    torn.truncate(usize::try_from(length).unwrap());
    fs::write(&wal, &torn).unwrap();

    let checked = runyard(folder.path(), &["check", "--json"]).await.exits(1);
    let first = checked.objects().remove(0);
    assert_eq!(
        (first["law"].as_str(), first["run_id"].as_str(), first["position"].as_u64()),
        (Some("lost"), Some(&*lost), Some(1))
    );
    let refused = runyard(folder.path(), &["serve", "--port-base", "0"]).await.exits(1);
    let words = format!("position 1 of run {lost} of tenant \"default\" was acknowledged and is not there");
    assert!(refused.err.contains(&words), "{}", refused.err);
    // An operator who accepts the loss can continue with the rest.
    fs::remove_file(data(folder.path(), "acknowledged")).unwrap();
    let served = Served::start(folder.path()).await;
    assert_eq!(served.clients.run(&kept).await["state"], "succeeded");
}

#[tokio::test]
async fn runs_that_ended_are_forgotten_everywhere_and_counted_right() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["retention.max_runs=3", "retention.keys_seconds=0", "retention.interval_seconds=1"];
    let flags: Vec<&str> = flags.iter().flat_map(|flag| ["--set", flag]).chain(["--port-base", "0"]).collect();
    let served = Served::start_with(folder.path(), &flags).await;
    let clients = &served.clients;
    let (asleep, _) = clients.start("runyard.core.sleep", json!({ "seconds": 3600 })).await;
    let body = start_body(UUID4, json!({}));
    let mut runs = Vec::new();
    for number in 0..8 {
        let run = clients.gateway.start_run(Some(&format!("key-{number}")), &body).await.unwrap().into_inner();
        clients.events(&run.run_id, 0).await;
        runs.push((run.run_id, run.root_node_run_id));
    }
    let clock = Clock::system();
    let counts = async || json!(clients.native.count_runs().await.unwrap().into_inner());
    bounded("runs to be removed", async {
        while counts().await["succeeded"] != 3 {
            clock.sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(counts().await["total"], 4);
    let (first, root) = &runs[0];
    let status = |error: Option<http::StatusCode>| error.map(|status| status.as_u16());
    assert_eq!(status(clients.gateway.get_run(first).await.unwrap_err().status()), Some(404));
    assert_eq!(status(clients.native.get_run(first).await.unwrap_err().status()), Some(404));
    let stream = clients.gateway.stream_run_events(first, None, None, None).await;
    assert_eq!(status(stream.err().unwrap().status()), Some(404));
    bounded("the way from a node run to go", async {
        while clients.coordinator.get_node_run(root).await.is_ok() {
            clock.sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    // The key of a removed run starts another run; the key of a stored run still returns that run.
    let again = clients.gateway.start_run(Some("key-0"), &body).await.unwrap().into_inner();
    assert_ne!(&again.run_id, first);
    assert_eq!(clients.run(&asleep).await["state"], "running");
    served.kill();
    let checked = runyard(folder.path(), &["check", "--json"]).await.exits(0).object();
    assert_eq!(checked["findings"], Value::from(0));
}
