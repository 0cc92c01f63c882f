//! A server process under a memory limit that receives harmful requests, is killed, and is restarted with its stored
//! data.

use std::path::Path;
use std::time::Duration;

use runyard::clock::Stopwatch;
use serde_json::{Value, json};

use crate::process::{Served, bounded, runyard};

/// Address space of the process: 512 MiB. The allocators are set to reserve little that they do not use: by default the
/// C library alone reserves 64 MiB for each thread, so that the limit would be reached before the first request.
const MEMORY: &str = "ulimit -v 524288 && export MALLOC_ARENA_MAX=1 MIMALLOC_ARENA_RESERVE=16384";
/// How long all requests may take together. Each of them has a shorter bound of its own.
const POISON_BOUND: Duration = Duration::from_secs(240);
/// The number of answers whose median time is printed.
const LOOKS: usize = 10;

/// Sends harmful requests to a server and returns the ids of the runs that they created.
pub(super) async fn survives(what: &str, poison: impl AsyncFnOnce(&Served) -> Vec<String>) {
    survives_with(what, &[], poison).await;
}

/// The same for a server with these flags.
#[expect(clippy::print_stderr, reason = "how long health took is for people, and holds nothing to a time")]
pub(super) async fn survives_with(what: &str, flags: &[&str], poison: impl AsyncFnOnce(&Served) -> Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let served = confined(folder.path(), flags).await;
    let (quiet, _) = served.clients.start("runyard.composite.external", json!({})).await;
    let before = health(&served).await;
    let made = tokio::time::timeout(POISON_BOUND, poison(&served)).await.unwrap_or_else(|_| panic!("{what} hangs"));
    let during = health(&served).await;
    eprintln!("{what}: health answers in {during:?}, before in {before:?} (medians of {LOOKS})");
    trivial(&served).await;
    served.kill();

    let served = confined(folder.path(), flags).await;
    health(&served).await;
    trivial(&served).await;
    let listed = served.clients().get("runyard", "/v1/runs").await;
    assert_eq!(listed.status, 200, "{what}: {}", listed.text());
    assert_eq!(served.clients.run(&quiet).await["state"], "running", "{what}");
    let backup = runyard(folder.path(), &["backup", "--json", "copy.db"]).await.exits(0).object();
    assert_eq!(backup["damaged_runs"], json!([]), "{what}: {backup}");
    for run in &made {
        let canceled =
            bounded("a cancel", served.clients().post("runyard", &format!("/v1/runs/{run}:cancel"), "{}")).await;
        assert_eq!(canceled.status, 200, "{what}: {}", canceled.text());
    }
    served.process.signal("TERM");
    served.process.done().await.exits(0);
    runyard(folder.path(), &["check"]).await.exits(0);
    for run in &made {
        runyard(folder.path(), &["remove", run]).await.exits(0);
    }
    runyard(folder.path(), &["check"]).await.exits(0);
    let restore = ["restore", "--data-dir", "new", "--key", ".runyard/secret.key", "copy.db"];
    runyard(folder.path(), &restore).await.exits(0);
    runyard(folder.path(), &["check", "--data-dir", "new"]).await.exits(0);
}

/// A server with this memory limit.
pub(super) async fn confined(folder: &Path, flags: &[&str]) -> Served {
    let flags = [&["--port-base", "0", "--log", "warn"], flags].concat();
    bounded("a start", Served::start_after(folder, MEMORY, &flags)).await
}

/// The median time of a health answer.
async fn health(served: &Served) -> Duration {
    let url = format!("{}/v1/health", served.clients.native_url);
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let mut times = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        let begun = Stopwatch::start();
        let answer = bounded("a health answer", client.get(&url).send()).await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[LOOKS / 2]
}

/// A run without external effects ends.
async fn trivial(served: &Served) {
    let (run, _) = served.clients.start("runyard.core.uuid4", json!({})).await;
    let events = served.clients.events(&run, 0).await;
    assert_eq!(events.last().map(|event| &event["type"]), Some(&json!("run_completed")), "{events:#?}");
}

/// The error codes with which a run and its node runs end; for a run whose child failed, the child's as well.
pub(super) async fn ended_with(served: &Served, run: &str) -> Vec<String> {
    served.clients.events(run, 0).await;
    let shown = served.clients().get("runyard", &format!("/v1/runs/{run}")).await.json();
    let error = &shown["error"];
    let codes = [&error["code"], &error["details"]["code"]].into_iter().filter_map(Value::as_str);
    codes.map(str::to_owned).collect()
}

/// Starts at the Runyard API: the ids of the accepted ones, and the error codes of the others.
pub(super) async fn starts(served: &Served, bodies: impl IntoIterator<Item = Value>) -> (Vec<String>, Vec<String>) {
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    for body in bodies {
        let answer = bounded("a start", served.clients().post("runyard", "/v1/runs", body.to_string())).await;
        match answer.status {
            201 => made.push(answer.json()["run_id"].as_str().unwrap().to_owned()),
            _ => refused.push(answer.refusal().1),
        }
    }
    (made, refused)
}
