//! Every measurement in its shortest form: it measures what it says, and leaves nothing behind. Speed is not checked,
//! because the machine may be busy.
//! the machine may be busy.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use runyard::store::Store;
use runyard::store::sqlite::Sqlite;
use serde_json::Value;
use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// How long one measurement may take before it counts as hanging. Generous: the machine may be busy.
const BOUND: Duration = Duration::from_secs(120);

/// The program, in a folder of its own and with nothing of this process's environment.
fn bench(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runyard-bench"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn output(folder: &Path, arguments: &[&str]) -> Output {
    tokio::time::timeout(BOUND, bench(folder, arguments).output()).await.expect("it ends in time").unwrap()
}

/// Every object that it prints.
async fn measured(arguments: &[&str]) -> Vec<Value> {
    let folder = tempdir().unwrap();
    let done = output(folder.path(), &[&["--json", "--seconds", "0.1"], arguments].concat()).await;
    let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8_lossy(&done.stderr).into_owned());
    assert!(done.status.success() && !err.contains("panicked"), "{out}{err}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn words(objects: &[Value], kind: &str, field: &str) -> BTreeSet<String> {
    of_kind(objects, kind).map(|object| object[field].as_str().unwrap().to_owned()).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn starts_are_measured_beside_their_limits() {
    let objects = measured(&["starts", "--connections", "1,4"]).await;
    assert_eq!(objects[0]["kind"], "machine");
    assert!(objects[0]["flush_us"]["p50"].as_f64().unwrap() > 0.0);
    assert_eq!(words(&objects, "figure", "subject"), set(&["durable", "in memory", "no-op API", "SQLite alone"]));
    assert_eq!(of_kind(&objects, "figure").count(), 8);
    assert_eq!(of_kind(&objects, "ratio").count(), 8);
    for figure in of_kind(&objects, "figure") {
        let latency = |name: &str| figure["latency_us"][name].as_f64().unwrap();
        assert!(figure["operations"].as_u64().unwrap() > 0 && latency("p50") > 0.0, "{figure}");
        assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("max"), "{figure}");
        assert!(figure["connections"] == 1 || figure["connections"] == 4);
    }
    let durable = of_kind(&objects, "figure").find(|figure| figure["subject"] == "durable").unwrap();
    if cfg!(target_os = "linux") {
        assert!(durable["written_bytes"].as_f64().unwrap() > 4_096.0, "a start is on the disk: {durable}");
    }
}

#[tokio::test]
async fn runs_reads_and_mixed_requests_are_measured() {
    let objects = measured(&["runs"]).await;
    let runs = ["one step", "five in a chain", "a hundred side by side", "only started"];
    assert_eq!(words(&objects, "figure", "subject"), set(&runs));
    let flushes = of_kind(&objects, "fact").find(|fact| fact["what"] == "flushes for each run, one step").unwrap();
    assert!((1.0..=4.0).contains(&flushes["value"].as_f64().unwrap()), "{flushes}");
    let objects = measured(&["reads", "--connections", "2"]).await;
    assert_eq!(words(&objects, "figure", "subject"), set(&["one run", "no-op API"]));
    let objects = measured(&["mixed", "--connections", "3", "--rate", "100"]).await;
    let subjects = words(&objects, "figure", "subject");
    assert!(
        subjects.contains("all") && subjects.is_subset(&set(&["all", "read", "start", "one step"])),
        "{subjects:?}"
    );
}

#[tokio::test]
async fn watchers_receive_every_event_once_and_an_idle_server_rests() {
    let few = ["streams", "--watchers", "7", "--runs", "3", "--rate", "50", "--seconds", "0.5"];
    let objects = measured(&few).await;
    let fact =
        |what: &str| of_kind(&objects, "fact").find(|fact| fact["what"] == what).unwrap()["value"].as_f64().unwrap();
    assert_eq!((fact("verdicts given"), fact("not seen, or seen twice")), (25.0, 0.0));
    assert_eq!(words(&objects, "figure", "subject"), set(&["seen after the answer", "seen after the request"]));
    let objects = measured(&["idle"]).await;
    assert_eq!(words(&objects, "figure", "subject"), set(&["cold start to ready"]));
    if cfg!(target_os = "linux") {
        assert_eq!(words(&objects, "fact", "what"), set(&["resident memory", "of one processor", "written"]));
    }
}

#[tokio::test]
async fn a_full_store_is_measured_beside_an_empty_one() {
    let objects = measured(&["scale", "--kept", "1200", "--unfinished", "60"]).await;
    let figures = words(&objects, "figure", "subject");
    for what in ["starts", "reads", "first page", "counts"] {
        assert!(
            figures.contains(&format!("{what}, empty")) && figures.contains(&format!("{what}, filled")),
            "{figures:?}"
        );
    }
    assert!(figures.contains("ready, all unfinished"), "{figures:?}");
    assert_eq!(of_kind(&objects, "ratio").count(), 4);
}

#[tokio::test]
async fn a_running_server_is_measured_without_yardsticks() {
    let folder = tempdir().unwrap();
    let mut server = bench(folder.path(), &["bench-server", "disk"]);
    let mut server = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let line = BufReader::new(server.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let url = ready["gateway"].as_str().unwrap().to_owned();
    let objects = measured(&["starts", "--connections", "2", "--url", &url]).await;
    assert_eq!(words(&objects, "figure", "subject"), set(&["durable"]));
    assert_eq!(of_kind(&objects, "ratio").count(), 0);
    server.kill().await.unwrap();
    let refused = output(folder.path(), &["starts", "--url", "ftp://nowhere"]).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("plain HTTP"), "{said}");
}

#[tokio::test]
async fn a_filled_folder_has_the_wanted_runs() {
    let folder = tempdir().unwrap();
    let done =
        output(folder.path(), &["--json", "fill", "--data-dir", "data", "--ended", "700", "--asleep", "3"]).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let filled: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&filled["kind"], &filled["runs"]), (&Value::from("filled"), &Value::from(703)));
    let store = Sqlite::open(folder.path().join("data"), Default::default()).unwrap();
    let counts = store.counts("default").await.unwrap();
    assert_eq!(counts.iter().map(|(_, runs)| runs).sum::<u64>(), 703);
}

#[tokio::test]
async fn a_quiet_tenant_is_measured_on_a_quiet_server_and_beside_a_flood() {
    let objects = measured(&["fairness"]).await;
    assert_eq!(words(&objects, "figure", "subject"), set(&["on a quiet server", "beside a flood"]));
    assert_eq!(words(&objects, "ratio", "what"), set(&["p50: flood over quiet", "p99: flood over quiet"]));
}
