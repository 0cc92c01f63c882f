//! Starting is idempotent: by the id that the caller chose, and by `Idempotency-Key`.

use runyard_api::arp::schemas::{Run, RunStartRequest, RunState};
use serde_json::{Value, json};

use crate::harness::{World, refused, typed};

fn echo(text: &str) -> Value {
    json!({
        "root_node_type_ref": {"node_type_id": "runyard.core.echo", "version": "1.0.0"},
        "input": {"echo": text},
    })
}

fn named(name: &str, text: &str) -> RunStartRequest {
    let mut body = echo(text);
    body["run_id"] = json!(name);
    typed(body)
}

/// Starts on the gateway; the run, and whether it had been started before.
async fn start(world: &World, key: Option<&str>, body: &RunStartRequest) -> (Run, bool) {
    let answer = world.gateway.start_run(key, body).await.unwrap();
    let replayed = answer.headers().get("idempotent-replayed").map(|value| value.to_str().unwrap().to_owned());
    assert!(replayed.is_none() || replayed.as_deref() == Some("true"));
    (answer.into_inner(), replayed.is_some())
}

#[tokio::test]
async fn the_same_id_with_the_same_body_is_the_same_run() {
    let world = World::new().await;
    let (first, replayed) = start(&world, None, &named("mine", "a")).await;
    assert!(!replayed);
    world.finished("mine").await;
    let (again, replayed) = start(&world, None, &named("mine", "a")).await;
    assert_eq!((&again.root_node_run_id, again.state, replayed), (&first.root_node_run_id, RunState::Succeeded, true));
    assert_eq!(world.native.count_runs().await.unwrap().into_inner().total, 1);
    // The order of object members does not matter.
    let text = r#"{"input":{"echo":"a"},"run_id":"mine","root_node_type_ref":{"version":"1.0.0","node_type_id":"runyard.core.echo"}}"#;
    let answer = world.post("run-gateway", "/v1/runs", text).await;
    assert_eq!((answer.status, answer.header("idempotent-replayed")), (200, Some("true")));
    // The coordinator has the same runs.
    let answer = world.coordinator.start_run(None, &named("mine", "a")).await.unwrap();
    assert_eq!(answer.headers()["idempotent-replayed"], "true");
}

#[tokio::test]
async fn the_same_id_with_another_body_is_refused() {
    let world = World::new().await;
    start(&world, None, &named("mine", "a")).await;
    let refusal = refused(world.gateway.start_run(None, &named("mine", "b")).await);
    assert_eq!((refusal.short(), &refusal.details["run_id"]), ((409, "run_already_exists"), &json!("mine")));
    let mut limited: Value = serde_json::to_value(named("mine", "a")).unwrap();
    limited["constraints"] = json!({"budgets": {"max_steps": 5}});
    assert_eq!(refused(world.gateway.start_run(None, &typed(limited)).await).short(), (409, "run_already_exists"));
    assert_eq!(world.finished("mine").await.extensions.unwrap().0["runyard.outputs"], json!({"echo": "a"}));
}

#[tokio::test]
async fn a_key_is_good_for_one_body() {
    let world = World::new().await;
    let (first, replayed) = start(&world, Some("k"), &typed(echo("a"))).await;
    assert!(!replayed);
    let (again, replayed) = start(&world, Some("k"), &typed(echo("a"))).await;
    assert_eq!((again.run_id, replayed), (first.run_id.clone(), true));
    let refusal = refused(world.gateway.start_run(Some("k"), &typed(echo("b"))).await);
    assert_eq!((refusal.short(), &refusal.details["idempotency_key"]), ((409, "idempotency_conflict"), &json!("k")));
    let (other, replayed) = start(&world, Some("K"), &typed(echo("a"))).await;
    assert!(!replayed && other.run_id != first.run_id, "keys have case");
    let (unkeyed, replayed) = start(&world, None, &typed(echo("a"))).await;
    assert!(!replayed && unkeyed.run_id != first.run_id, "without a key every start is a new run");
    let longest = "~".repeat(255);
    let (long, _) = start(&world, Some(&longest), &typed(echo("a"))).await;
    assert_eq!(start(&world, Some(&longest), &typed(echo("a"))).await.0.run_id, long.run_id);
}

#[tokio::test]
async fn key_and_id_together_must_both_agree() {
    let world = World::new().await;
    start(&world, Some("k"), &named("mine", "a")).await;
    assert!(start(&world, Some("k"), &named("mine", "a")).await.1);
    let conflict = refused(world.gateway.start_run(Some("k"), &named("yours", "a")).await);
    assert_eq!(conflict.short(), (409, "idempotency_conflict"));
    let taken = refused(world.gateway.start_run(Some("other"), &named("mine", "b")).await);
    assert_eq!(taken.short(), (409, "run_already_exists"));
    assert_eq!(world.native.count_runs().await.unwrap().into_inner().total, 1);
}

#[tokio::test]
async fn a_refused_start_uses_neither_key_nor_id() {
    let world = World::new().await;
    let mut bad = serde_json::to_value(named("mine", "a")).unwrap();
    bad["input"] = json!({});
    assert_eq!(refused(world.gateway.start_run(Some("k"), &typed(bad)).await).short(), (400, "invalid_inputs"));
    assert!(!start(&world, Some("k"), &named("mine", "a")).await.1);
}

#[tokio::test]
async fn of_many_equal_starts_at_once_one_makes_the_run() {
    let world = World::new().await;
    for (key, body) in [(None, named("mine", "a")), (Some("k"), typed(echo("b")))] {
        let starts = (0..16).map(|_| start(&world, key, &body));
        let all = futures::future::join_all(starts).await;
        assert_eq!(all.iter().filter(|(_, replayed)| !replayed).count(), 1);
        assert!(all.iter().all(|(run, _)| run.run_id == all[0].0.run_id));
    }
    assert_eq!(world.native.count_runs().await.unwrap().into_inner().total, 2);
    // Of many requests for one id with different contents, one wins and the others are refused.
    let bodies: Vec<_> = (0..16).map(|n| named("wanted", &n.to_string())).collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| world.gateway.start_run(None, body))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 15));
    assert!(lost.into_iter().all(|answer| refused(answer).short() == (409, "run_already_exists")));
}
