//! Failures through the APIs: retries, time limits, fallbacks, and runs that end without full success.

use runyard_api::arp::schemas::{NodeRunState, Run, RunState};
use runyard_api::runyard::types;
use serde_json::{Value, json};

use crate::harness::{Lines, World, refused, typed};

const EXTERNAL: &str = "runyard.composite.external";
const PLANNER: &str = "runyard.composite.planner.general";
const FAIL: &str = "runyard.core.fail";

fn body(node_type: &str, input: Value, extensions: Value) -> Value {
    json!({
        "root_node_type_ref": {"node_type_id": node_type, "version": "1.0.0"},
        "input": input,
        "extensions": extensions,
    })
}

fn child(key: &str, node_type: &str, inputs: Value, extensions: Value) -> Value {
    json!({
        "idempotency_key": key,
        "node_type_ref": {"node_type_id": node_type, "version": "1.0.0"},
        "inputs": inputs,
        "extensions": extensions,
    })
}

fn quick(max_attempts: u32) -> Value {
    json!({"max_attempts": max_attempts, "initial_interval_ms": 20})
}

async fn tree(world: &World, run: &Run) -> types::Run {
    world.native.get_run(&run.run_id).await.unwrap().into_inner()
}

/// Types of the run's own log, of one node run or of all.
async fn log(world: &World, run: &Run) -> Vec<String> {
    let stream = world.native.stream_run_events(&run.run_id, None, None, None).await.unwrap();
    let lines = Lines::of(stream.into_inner_stream()).rest().await;
    lines.iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_fails_twice_succeeds_at_the_third_try() {
    let world = World::new().await;
    let run = world.start(body(FAIL, json!({"tries": 2}), json!({"runyard.retry": quick(3)}))).await;
    let ended = world.finished(&run.run_id).await;
    assert_eq!(ended.state, RunState::Succeeded);
    assert_eq!(ended.extensions.unwrap().0["runyard.outputs"], json!({"attempt": 3}));
    let shown = tree(&world, &run).await.node_runs.remove(0);
    assert_eq!((shown.attempt, shown.attempt_error.unwrap().code), (3, "failed_on_purpose".to_owned()));
    let retry = shown.retry.unwrap();
    assert_eq!((retry.max_attempts, retry.initial_interval_ms, retry.backoff_coefficient), (3, 20, 2.0));
    let seen = log(&world, &run).await;
    assert_eq!(seen.iter().filter(|kind| *kind == "attempt_failed").count(), 2);
    // The standard has no event for an attempt, so it shows one call, executed once.
    let shown = world.events(&run.run_id).await;
    let kinds: Vec<&str> = shown.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["run_started", "node_run_assigned", "atomic_executed", "node_evaluated", "run_completed"]);
}

#[tokio::test]
async fn what_is_not_retryable_fails_at_once_and_the_last_try_gives_the_reason() {
    let world = World::new().await;
    for (input, attempts) in [(json!({"retryable": false}), 1), (json!({"code": "broken"}), 3)] {
        let run = world.start(body(FAIL, input, json!({"runyard.retry": quick(3)}))).await;
        assert_eq!(world.finished(&run.run_id).await.state, RunState::Failed);
        assert_eq!(tree(&world, &run).await.node_runs[0].attempt, attempts);
    }
}

#[tokio::test]
async fn a_try_that_takes_too_long_is_given_up() {
    let world = World::new().await;
    let limit = json!({"runyard.timeout_ms": 50, "runyard.retry": quick(2)});
    let run = world.start(body(FAIL, json!({"after_ms": 60_000}), limit)).await;
    let ended = world.finished(&run.run_id).await;
    let error = &ended.extensions.unwrap().0["runyard.error"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("timed_out"), &json!(true)));
    assert_eq!(tree(&world, &run).await.node_runs[0].attempt, 2);
}

#[tokio::test]
async fn a_canceled_run_is_not_tried_again() {
    let world = World::new().await;
    let later = json!({"runyard.retry": {"max_attempts": 5, "initial_interval_ms": 600_000}});
    let run = world.start(body(FAIL, json!({}), later)).await;
    let stream = world.native.stream_run_events(&run.run_id, None, None, None).await.unwrap();
    let mut lines = Lines::of(stream.into_inner_stream());
    while lines.next().await.unwrap()["type"] != "attempt_failed" {}
    let waiting = tree(&world, &run).await;
    assert_eq!(waiting.state, types::RunState::Waiting);
    let waits = waiting.node_runs[0].waiting_for.clone().unwrap();
    assert!(waits.reason == types::WaitReason::Timer && waits.until.is_some());
    assert_eq!(world.gateway.get_run(&run.run_id).await.unwrap().state, RunState::Running, "waiting is running there");
    world.gateway.cancel_run(&run.run_id).await.unwrap();
    assert_eq!(world.finished(&run.run_id).await.state, RunState::Canceled);
}

#[tokio::test]
async fn children_stand_in_go_on_and_are_skipped() {
    let world = World::new().await;
    let run = world.start(body(EXTERNAL, json!({}), json!({}))).await;
    let echo = json!({"echo": "x"});
    let echoes = |key: &str, extensions: Value| child(key, "runyard.core.echo", echo.clone(), extensions);
    let made = world
        .children(
            &run,
            json!([
                child("a", FAIL, json!({}), json!({"runyard.on_failure": {"go_to": "spare"}})),
                echoes("spare", json!({})),
                echoes("after_a", json!({"runyard.depends_on": ["a"]})),
                child("b", FAIL, json!({}), json!({"runyard.on_failure": "continue"})),
                echoes("after_b", json!({"runyard.depends_on": ["b"]})),
                child("c", FAIL, json!({}), json!({})),
                echoes("after_c", json!({"runyard.depends_on": ["c"]})),
                echoes("d", json!({"runyard.on_failure": {"go_to": "unneeded"}})),
                echoes("unneeded", json!({})),
            ]),
        )
        .await
        .unwrap();
    let mut ends = Vec::new();
    for node in &made {
        let stream = world.coordinator.stream_node_run_events(&node.node_run_id, None, None, None).await.unwrap();
        drop(stream);
        let ended = crate::harness::eventually("the child's end", || async {
            let node = world.node(&node.node_run_id).await;
            node.ended_at.is_some().then_some(node)
        })
        .await;
        ends.push(ended.state);
    }
    use NodeRunState::{Canceled, Failed, Succeeded};
    assert_eq!(
        ends,
        [Failed, Succeeded, Succeeded, Failed, Succeeded, Failed, Canceled, Succeeded, Canceled],
        "what was skipped shows as canceled"
    );
    let shown = tree(&world, &run).await.node_runs;
    let by_key = |key: &str| shown.iter().find(|node| node.key == key).unwrap();
    assert_eq!(by_key("a").go_to.as_deref(), Some("spare"));
    assert_eq!(by_key("a").on_failure, Some(types::OnFailure::GoTo));
    assert_eq!(by_key("b").on_failure, Some(types::OnFailure::Continue));
    assert_eq!(by_key("spare").fallback_for, Some(vec![by_key("a").node_run_id.clone()]));
    assert_eq!(by_key("unneeded").error.as_ref().unwrap().code, "not_needed");
    assert_eq!(by_key("after_c").error.as_ref().unwrap().code, "dependency_failed");
    world.complete(&run.root_node_run_id, json!({"state": "succeeded"})).await.unwrap();
}

/// Every API's state for the end of a run with these goals, and the reason that it gives.
async fn error_of(goal: &str) -> Value {
    let world = World::new().await;
    let extensions = json!({"runyard.steps": {"on_failure": "continue"}});
    let run = world.start(body(PLANNER, json!({"goal": goal}), extensions)).await;
    let arp = world.finished(&run.run_id).await;
    let (own, counts) = (tree(&world, &run).await, world.native.count_runs().await.unwrap().into_inner());
    let status = world.runtime.get_run_status(&run.run_id).await.unwrap().into_inner();
    let result = world.runtime.get_run_result(&run.run_id).await.unwrap().into_inner();
    let listed = world
        .native
        .list_runs(None, None, None, None, None, None, None, None, None, Some(&vec![own.state]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.runs.len(), 1, "it is found by its state");
    let last = world.events(&run.run_id).await.pop().unwrap();
    let extensions = arp.extensions.unwrap().0;
    json!({
        "arp": [arp.state, extensions["runyard.error"]["code"], extensions.contains_key("runyard.outputs")],
        "arp event": [last["data"]["state"], last["data"]["error"]["code"]],
        "runtime": [status.state, result.ok, result.output.is_some(), result.error.unwrap().code],
        "own": [own.state, own.reason, own.outputs.is_some()],
        "counts": [counts.partial, counts.nothing_achieved, counts.failed, counts.total],
    })
}

#[tokio::test]
async fn a_partial_run_is_failed_with_that_code_where_there_is_no_word_for_it() {
    assert_eq!(
        error_of("Misfire, then generate a UUID.").await,
        json!({
            "arp": ["failed", "partial", true],
            "arp event": ["failed", "partial"],
            "runtime": ["failed", false, true, "partial"],
            "own": ["partial", "partial", true],
            "counts": [1, 0, 0, 1],
        })
    );
}

#[tokio::test]
async fn a_run_that_achieved_nothing_says_so() {
    assert_eq!(
        error_of("Misfire.").await,
        json!({
            "arp": ["failed", "nothing_achieved", false],
            "arp event": ["failed", "nothing_achieved"],
            "runtime": ["failed", false, false, "nothing_achieved"],
            "own": ["nothing_achieved", "nothing_achieved", false],
            "counts": [0, 1, 0, 1],
        })
    );
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_by_name() {
    let world = World::new().await;
    for (extensions, code, field) in [
        (json!({"runyard.retry": {"max_attempts": 0}}), "invalid_policy", "retry"),
        (json!({"runyard.retry": {"max_attempts": 2, "jitter": 2}}), "invalid_policy", "retry"),
        (json!({"runyard.timeout_ms": 0}), "invalid_policy", "timeout_ms"),
        (json!({"runyard.on_failure": "continue"}), "invalid_policy", "on_failure"),
        (json!({"runyard.steps": {"on_failure": {"go_to": "S2"}}}), "invalid_policy", "steps"),
        (json!({"runyard.retry": {"tries": 3}}), "invalid_request", "/extensions/runyard.retry"),
        (json!({"runyard.retry": 3}), "invalid_request", "/extensions/runyard.retry"),
        (json!({"runyard.timeout_ms": "soon"}), "invalid_request", "/extensions/runyard.timeout_ms"),
        (json!({"runyard.on_failure": "shrug"}), "invalid_request", "/extensions/runyard.on_failure"),
        (json!({"runyard.steps": {"depends_on": []}}), "invalid_request", "/extensions/runyard.steps"),
        (json!({"runyard.approval": "sometimes"}), "invalid_request", "/extensions/runyard.approval"),
    ] {
        let start = typed(body(FAIL, json!({}), extensions.clone()));
        let refusal = refused(world.gateway.start_run(None, &start).await);
        assert_eq!(refusal.short(), (400, code), "{extensions}");
        let named =
            if code == "invalid_policy" { &refusal.details["field"] } else { &refusal.details["errors"][0]["field"] };
        assert_eq!(named, &json!(field), "{extensions}");
    }
    let run = world.start(body(EXTERNAL, json!({}), json!({}))).await;
    let lost = child("a", FAIL, json!({}), json!({"runyard.on_failure": {"go_to": "unknown"}}));
    let refusal = world.children(&run, json!([lost])).await.unwrap_err();
    assert_eq!(refusal.short(), (400, "invalid_policy"));
    assert_eq!((&refusal.details["key"], &refusal.details["field"]), (&json!("a"), &json!("on_failure")));
    let blind = child("a", FAIL, json!({}), json!({"runyard.depends_on": ["unknown"]}));
    assert_eq!(world.children(&run, json!([blind])).await.unwrap_err().short(), (400, "unknown_dependency"));
    assert_eq!(tree(&world, &run).await.node_runs.len(), 1, "nothing was made");
}
