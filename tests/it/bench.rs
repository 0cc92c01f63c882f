//! `runyard bench`, in its shortest form: that it measures what it says, and leaves nothing behind. How fast anything is, is not looked at:
//! the machine may be busy.

use std::collections::BTreeSet;

use serde_json::Value;
use tempfile::tempdir;

use crate::process::{Process, runyard};

/// Every object that it prints.
async fn measured(arguments: &[&str]) -> Vec<Value> {
    let folder = tempdir().unwrap();
    let short = ["bench", "--json", "--seconds", "0.1"];
    runyard(folder.path(), &[&short, arguments].concat()).await.exits(0).objects()
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
async fn starts_stand_beside_what_bounds_them() {
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
async fn runs_come_to_their_end_and_reads_and_everything_at_once() {
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
async fn watchers_see_everything_once_and_an_idle_server_rests() {
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
async fn what_is_kept_stands_beside_an_empty_store() {
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
async fn a_server_that_is_there_is_measured_without_yardsticks() {
    let folder = tempdir().unwrap();
    let mut server = Process::start(folder.path(), &["--json", "serve", "--port-base", "0"]);
    let ready: Value = serde_json::from_str(&server.line().await.unwrap()).unwrap();
    let clients = ready["doors"].as_array().unwrap();
    let url = clients.iter().find(|api| api["name"] == "run-gateway").unwrap()["url"].as_str().unwrap().to_owned();
    let objects = measured(&["starts", "--connections", "2", "--url", &url]).await;
    assert_eq!(words(&objects, "figure", "subject"), set(&["durable"]));
    assert_eq!(of_kind(&objects, "ratio").count(), 0);
    server.kill();
    let refused = runyard(folder.path(), &["bench", "starts", "--url", "ftp://nowhere"]).await.exits(2);
    assert!(refused.err.contains("plain HTTP"), "{refused:?}");
}

#[tokio::test]
async fn a_quiet_tenant_is_timed_on_a_quiet_server_and_beside_a_flood() {
    let objects = measured(&["fairness"]).await;
    assert_eq!(words(&objects, "figure", "subject"), set(&["on a quiet server", "beside a flood"]));
    assert_eq!(words(&objects, "ratio", "what"), set(&["p50: flood over quiet", "p99: flood over quiet"]));
}
