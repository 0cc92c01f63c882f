//! `kill -9` at any moment: acknowledged data is stored, finished steps stay as they were, and the rest continues at
//! once.
//!
//! The test kills the real binary. The store's own tests cover torn writes.

use std::collections::BTreeMap;
use std::path::Path;

use futures::StreamExt;
use runyard::store::Claims;
use runyard::store::sqlite::{Options, Sqlite};
use runyard_client::{Backoff, WatchItem, ndjson, run_gateway};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::process::{ProcessClients, Served, assert_whole, bounded, free_port_base, of_kind, runyard, start_body};

/// Three steps that generate a value, three that take time.
const GOAL: &str = "Sleep for 0.3 seconds, then generate a UUID, then sleep for 0.4 seconds, then generate a UUID, \
     then sleep for 0.3 seconds, then generate a UUID and return it.";
const STEPS: usize = 6;

/// The first events of a run, while its server lives.
async fn first_events(clients: &ProcessClients, run_id: &str, count: usize) -> Vec<Value> {
    let stream = clients.gateway.stream_run_events(run_id, None, None, None).await.unwrap().into_inner().into_inner();
    let lines = ndjson::lines(stream).take(count).map(Result::unwrap);
    bounded("the first events", lines.collect::<Vec<_>>()).await
}

/// The outputs of every finished step, by its node run.
async fn made(clients: &ProcessClients, events: &[Value]) -> BTreeMap<String, Value> {
    let mut made = BTreeMap::new();
    for node_run in of_kind(events, "atomic_executed") {
        let outputs = clients.node_run(node_run).await["outputs"].clone();
        assert!(outputs.is_object(), "a finished step has outputs");
        made.insert(node_run.to_owned(), outputs);
    }
    made
}

#[tokio::test]
async fn a_run_survives_a_kill_at_every_moment_and_no_finished_step_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    // After this many events. The last moments are between the sleeps of the second half.
    for moment in [1, 2, 9, 21, 24, 27] {
        let served = Served::start(folder.path()).await;
        let (run_id, root) = served.clients.plan(GOAL).await;
        let before = first_events(&served.clients, &run_id, moment).await;
        let made_before = made(&served.clients, &before).await;
        served.kill();

        let served = Served::start(folder.path()).await;
        let after = served.clients.events(&run_id, moment as u64).await;
        let all = [before, after].concat();
        assert_whole(&all);
        assert_eq!(all, served.clients.events(&run_id, 0).await, "what was seen before the crash is what is stored");
        assert_eq!(of_kind(&all, "atomic_executed").len(), STEPS);
        let made = made(&served.clients, &all).await;
        for (node_run, outputs) in &made_before {
            assert_eq!(made.get(node_run), Some(outputs), "killed after {moment} events");
        }
        let result = served.clients.node_run(&root).await["outputs"]["result"].clone();
        let uuids = made.values().filter_map(|outputs| outputs.get("uuid4")).collect::<Vec<_>>();
        assert_eq!(uuids.len(), 3);
        assert!(uuids.contains(&&result), "{result}");
        assert_eq!(served.clients.run(&run_id).await["state"], "succeeded");
        served.kill();
    }
}

#[tokio::test]
async fn one_run_survives_a_kill_after_each_of_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start(folder.path()).await;
    let (run_id, _) = served.clients.plan(GOAL).await;
    let mut seen: Vec<Value> = Vec::new();
    for _ in 0..STEPS - 1 {
        let after = Some(i64::try_from(seen.len()).unwrap());
        let stream = served.clients.gateway.stream_run_events(&run_id, after, None, None).await.unwrap();
        let mut lines = ndjson::lines(stream.into_inner().into_inner()).boxed();
        loop {
            let event = bounded("the next step", lines.next()).await.unwrap().unwrap();
            let is_step = event["type"] == "atomic_executed";
            seen.push(event);
            if is_step {
                break;
            }
        }
        served.kill();
        served = Served::start(folder.path()).await;
    }
    seen.extend(served.clients.events(&run_id, seen.len() as u64).await);
    assert_whole(&seen);
    assert_eq!(of_kind(&seen, "atomic_executed").len(), STEPS);
}

#[tokio::test]
async fn a_watcher_sees_no_gap_and_no_duplicate_across_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let base = free_port_base().to_string();
    let served = Served::start_with(folder.path(), &["--port-base", &base]).await;
    let clients = served.clients.clone();
    let (run_id, _) = clients.plan(GOAL).await;

    let (sender, mut seen) = unbounded_channel();
    let watcher = tokio::spawn(async move {
        let backoff = Backoff { attempts_max: 200, ..Backoff::default() };
        let client = run_gateway::Client::builder(&clients.gateway_url).no_proxy().build().unwrap();
        let mut items = client.watch(run_id).backoff(backoff).with_interruptions();
        let mut interruptions = 0;
        while let Some(next) = items.next().await {
            match next.unwrap() {
                WatchItem::Event(event) => sender.send(json!(event)).unwrap(),
                WatchItem::Interrupted { .. } => interruptions += 1,
            }
        }
        interruptions
    });
    let mut events: Vec<Value> = Vec::new();
    while of_kind(&events, "atomic_executed").len() < 2 {
        events.push(bounded("an event", seen.recv()).await.unwrap());
    }
    served.kill();
    let _served = Served::start_with(folder.path(), &["--port-base", &base]).await;
    let interruptions = bounded("the watcher", watcher).await.unwrap();
    while let Some(event) = seen.recv().await {
        events.push(event);
    }
    assert!(interruptions > 0, "it was cut");
    assert_whole(&events);
}

#[tokio::test]
async fn the_wait_for_the_next_try_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let mut body = start_body("runyard.core.fail", json!({ "tries": 1 }));
    let retry = json!({ "runyard.retry": { "max_attempts": 3, "initial_interval_ms": 1500 } });
    body.extensions = Some(serde_json::from_value(retry).unwrap());
    let run_id = served.clients.gateway.start_run(None, &body).await.unwrap().into_inner().run_id;
    let waiting = |events: &[Value]| events.iter().any(|event| event["type"] == "attempt_failed");
    let stream = served.clients.native.stream_run_events(&run_id, None, None, None).await.unwrap();
    let mut lines = ndjson::lines(stream.into_inner().into_inner()).boxed();
    let mut before: Vec<Value> = Vec::new();
    while !waiting(&before) {
        before.push(bounded("the first try's end", lines.next()).await.unwrap().unwrap());
    }
    served.kill();

    let served = Served::start(folder.path()).await;
    let stream = served.clients.native.stream_run_events(&run_id, None, None, None).await.unwrap();
    let lines = ndjson::lines(stream.into_inner().into_inner()).map(Result::unwrap);
    let all = bounded("the end", lines.collect::<Vec<Value>>()).await;
    assert_eq!(all[..before.len()], before[..], "what was seen before the crash is what is stored");
    let kinds: Vec<&str> = all.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let retried = ["started", "node_started", "attempt_failed", "node_queued", "node_started", "node_finished"];
    assert_eq!(kinds[..6], retried, "tried twice and no more");
    let due_ms = all[2]["data"]["retry_at_ms"].as_i64().unwrap();
    let again: jiff::Timestamp = all[4]["time"].as_str().unwrap().parse().unwrap();
    assert!(again.as_millisecond() >= due_ms, "never early");
    assert_eq!(served.clients.run(&run_id).await["state"], "succeeded");
}

/// Waits until this holds for a run, as the Runyard API shows it.
async fn until(clients: &ProcessClients, run_id: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    bounded("a run as it should be", async {
        loop {
            let run = json!(clients.native.get_run(run_id).await.unwrap().into_inner());
            if is_it(&run) {
                return run;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_run_that_waits_for_an_approval_or_is_paused_survives_a_kill_at_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start(folder.path()).await;
    let start = json!({ "goal": "Generate a UUID, then echo it.", "approval": "on_tool_call", "name": "mine" });
    served.clients.native.start_run(None, &serde_json::from_value(start).unwrap()).await.unwrap();
    for asked in 1..=2 {
        let run =
            until(&served.clients, "mine", |run| run["approvals"].as_array().is_some_and(|all| all.len() == asked));
        let before = run.await;
        served.kill();
        served = Served::start(folder.path()).await;
        assert_eq!(until(&served.clients, "mine", |_| true).await, before, "it waits as it did");

        let clients = &served.clients.native;
        clients
            .pause_run("mine", Some(&serde_json::from_value(json!({ "reason": "maintenance" })).unwrap()))
            .await
            .unwrap();
        let approval = before["approvals"][asked - 1]["approval_id"].as_str().unwrap().to_owned();
        let yes = serde_json::from_value(json!({ "decision": "approved" })).unwrap();
        clients.decide_approval(&approval, &yes).await.unwrap();
        let before = until(&served.clients, "mine", |_| true).await;
        assert_eq!((&before["state"], &before["reason"]), (&json!("waiting"), &json!("paused")));
        served.kill();
        served = Served::start(folder.path()).await;
        assert_eq!(until(&served.clients, "mine", |_| true).await, before, "it is paused as it was");
        // A client that did not get the answer repeats its request.
        served.clients.native.decide_approval(&approval, &yes).await.unwrap();
        served.clients.native.resume_run("mine").await.unwrap();
    }
    let events = served.clients.events("mine", 0).await;
    assert_whole(&events);
    assert_eq!(served.clients.run("mine").await["state"], "succeeded");
    let stream = served.clients.native.stream_run_events("mine", None, None, None).await.unwrap();
    let lines = ndjson::lines(stream.into_inner().into_inner()).map(Result::unwrap);
    let all = bounded("the log", lines.collect::<Vec<Value>>()).await;
    let count = |kind: &str| all.iter().filter(|event| event["type"] == kind).count();
    let counted = ["approval_asked", "approval_decided", "paused", "resumed", "finished"].map(count);
    assert_eq!(counted, [2, 2, 2, 2, 1]);
}

#[tokio::test]
async fn a_denial_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let start = json!({ "node_type_ref": { "node_type_id": "runyard.core.uuid4" }, "approval": "on_start" });
    let run =
        served.clients.native.start_run(None, &serde_json::from_value(start).unwrap()).await.unwrap().into_inner();
    let approval = run.approvals.unwrap().remove(0).approval_id;
    let no = serde_json::from_value(json!({ "decision": "denied" })).unwrap();
    served.clients.native.decide_approval(&approval, &no).await.unwrap();
    served.kill();
    let served = Served::start(folder.path()).await;
    let run = until(&served.clients, &run.run_id, |_| true).await;
    assert_eq!((&run["state"], &run["reason"]), (&json!("canceled"), &json!("denied")));
    let yes = serde_json::from_value(json!({ "decision": "approved" })).unwrap();
    assert!(served.clients.native.decide_approval(&approval, &yes).await.is_err());
}

/// Claims every effect that is due within the hour, for an hour, like a server that is about to die.
async fn claim_and_die(folder: &Path) -> usize {
    const HOUR_MS: i64 = 3_600_000;
    let store = Sqlite::open(folder.join(".runyard"), Options::default()).unwrap();
    let now_ms = runyard::clock::Clock::system().now_ms();
    store.claim("dead", now_ms + HOUR_MS, HOUR_MS, 100).await.unwrap().len()
}

#[tokio::test]
async fn what_a_dead_server_was_performing_goes_on_at_once_and_not_after_its_lease() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start_with(folder.path(), &["--port-base", "0", "--set", "perform=false"]).await;
    let (planned, _) = served.clients.plan("Generate a UUID, then return it.").await;
    let (called, _) = served.clients.start("runyard.core.uuid4", json!({})).await;
    let (slept, _) = served.clients.start("runyard.core.sleep", json!({ "seconds": 0.2 })).await;
    served.kill();
    assert_eq!(claim_and_die(folder.path()).await, 3, "a plan, a call and a timer");

    let served = Served::start(folder.path()).await;
    for run_id in [planned, called, slept] {
        // The bound is far below the hour of the leases.
        let events = served.clients.events(&run_id, 0).await;
        assert_whole(&events);
        assert_eq!(events.last().unwrap()["data"]["state"], "succeeded");
    }
}

#[tokio::test]
async fn every_acknowledged_start_survives_a_kill_in_the_middle_of_many() {
    const STARTS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let (sender, mut acknowledged) = unbounded_channel();
    for number in 0..STARTS {
        let (clients, sender) = (served.clients.clone(), sender.clone());
        tokio::spawn(async move {
            let (key, body) = start(number);
            if let Ok(run) = clients.gateway.start_run(Some(&key), &body).await {
                sender.send((number, run.into_inner().run_id)).unwrap();
            }
        });
    }
    drop(sender);
    let mut started = BTreeMap::new();
    while started.len() < STARTS / 4 {
        let (number, run_id) = bounded("an acknowledgement", acknowledged.recv()).await.unwrap();
        started.insert(number, run_id);
    }
    served.kill();
    while let Some((number, run_id)) = bounded("the other starts", acknowledged.recv()).await {
        started.insert(number, run_id);
    }

    let served = Served::start(folder.path()).await;
    for run_id in started.values() {
        let events = served.clients.events(run_id, 0).await;
        assert_whole(&events);
        assert_eq!(events.last().unwrap()["data"]["state"], "succeeded");
    }
    // A client without an answer repeats its request, and nothing is created twice.
    for number in 0..STARTS {
        let (key, body) = start(number);
        let run_id = served.clients.gateway.start_run(Some(&key), &body).await.unwrap().into_inner().run_id;
        assert_eq!(started.entry(number).or_insert_with(|| run_id.clone()), &run_id);
    }
    let listed = runyard(folder.path(), &["list", "--all", "--json"]).await.exits(0).object();
    assert_eq!(listed["runs"].as_array().unwrap().len(), STARTS);
}

fn start(number: usize) -> (String, runyard_api::arp::schemas::RunStartRequest) {
    let body = match number % 2 {
        0 => start_body("runyard.core.echo", json!({ "echo": number.to_string() })),
        _ => start_body("runyard.composite.planner.general", json!({ "goal": "Generate a UUID, then return it." })),
    };
    (format!("start-{number}"), body)
}
