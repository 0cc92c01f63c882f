//! The ARP Runtime: a goal in, an output out. Its fields, one by one, are in `runtime/fields.rs`.

mod fields;
mod watching;

use runyard_api::arp::runtime::types::{RunResult, RunStatus};
use runyard_api::arp::schemas::RunState;
use serde_json::{Value, json};

use crate::harness::{Frames, World, refused, typed};

const GOAL: &str = "Generate a UUID, then return it.";
const SLEEP: &str = "Sleep for 600 seconds.";

fn goal(goal: &str) -> Value {
    json!({"input": {"goal": goal}})
}

/// The same request with one more field.
fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

async fn create(world: &World, body: Value) -> RunStatus {
    world.runtime.create_run(None, &typed(body)).await.unwrap().into_inner()
}

async fn frames(world: &World, run: &str, after: Option<i64>, last: Option<i64>) -> Frames {
    match world.runtime.stream_run_events(run, after, None, last).await {
        Ok(events) => Frames::of(events.into_inner_stream()),
        // The run has ended, and all its events were returned.
        Err(error) if error.status().is_some_and(|status| status.as_u16() == 204) => {
            Frames::of(futures::stream::empty::<Result<_, std::io::Error>>())
        }
        Err(error) => panic!("{error}"),
    }
}

/// The result of a run, once it has ended.
async fn result(world: &World, run: &str) -> RunResult {
    frames(world, run, None, None).await.rest().await;
    world.runtime.get_run_result(run).await.unwrap().into_inner()
}

/// The result of this request.
async fn outcome(world: &World, body: Value) -> RunResult {
    let run = create(world, body).await.run_id;
    result(world, &run).await
}

/// The code with which this request's run fails.
async fn failure(world: &World, body: Value) -> String {
    let result = outcome(world, body).await;
    assert!(!result.ok && result.output.is_none(), "{result:?}");
    result.error.unwrap().code
}

#[tokio::test]
async fn a_goal_becomes_an_answer() {
    let world = World::new().await;
    let created = create(&world, goal(GOAL)).await;
    let result = result(&world, &created.run_id).await;
    let output = result.output.unwrap();
    let text = output["final_text"].as_str().unwrap();
    assert_eq!((text.len(), &output["result"]), (36, &json!(text)));
    assert_eq!(output["child_node_runs"][0]["outputs"], json!({"uuid4": text}));
    assert!(result.ok && result.error.is_none());
    let status = world.runtime.get_run_status(&created.run_id).await.unwrap().into_inner();
    assert_eq!((&status.run_id, status.state), (&created.run_id, RunState::Succeeded));
    assert!(status.started_at.unwrap() <= status.ended_at.unwrap());
}

#[tokio::test]
async fn without_an_end_there_is_no_result_yet() {
    let world = World::new().await;
    let run = create(&world, goal(SLEEP)).await.run_id;
    let refusal = refused(world.runtime.get_run_result(&run).await);
    assert_eq!(refusal.short(), (409, "run_not_finished"));
    assert_eq!(refusal.details, json!({"run_id": run, "state": "running"}));
    assert_eq!(refusal.headers["retry-after"], "1");
    let answer = world.get("runtime", &format!("/v1/runs/{run}/result")).await;
    assert_eq!(answer.json()["error"]["retryable"], true);
    world.runtime.cancel_run(&run).await.unwrap();
    assert_eq!(world.runtime.get_run_result(&run).await.unwrap().into_inner().error.unwrap().code, "canceled");
}

#[tokio::test]
async fn a_cancel_ends_the_run_for_every_api_and_only_once() {
    let world = World::new().await;
    let run = create(&world, goal(SLEEP)).await.run_id;
    let canceled = world.runtime.cancel_run(&run).await.unwrap().into_inner();
    assert_eq!((canceled.state, canceled.ended_at.is_some()), (RunState::Canceled, true));
    let again = world.runtime.cancel_run(&run).await.unwrap().into_inner();
    assert_eq!((again.state, again.ended_at), (RunState::Canceled, canceled.ended_at));
    assert_eq!(world.gateway.get_run(&run).await.unwrap().into_inner().state, RunState::Canceled);
    let events = frames(&world, &run, None, None).await.rest().await;
    let last = &events.last().unwrap().data;
    assert_eq!((&last["type"], &last["data"]["state"]), (&json!("error"), &json!("canceled")));
    assert_eq!(last["data"]["error"]["code"], "canceled");
    let result = result(&world, &run).await;
    assert!(!result.ok && result.output.is_none() && result.error.unwrap().code == "canceled");
    // A run that ended otherwise keeps its state, and an unknown run cannot be canceled.
    let done = create(&world, goal(GOAL)).await.run_id;
    assert!(self::result(&world, &done).await.ok);
    assert_eq!(world.runtime.cancel_run(&done).await.unwrap().into_inner().state, RunState::Succeeded);
    assert_eq!(refused(world.runtime.cancel_run("unknown").await).short(), (404, "run_not_found"));
    // The other API can cancel it as well.
    let other = create(&world, goal(SLEEP)).await.run_id;
    world.gateway.cancel_run(&other).await.unwrap();
    let status = world.runtime.get_run_status(&other).await.unwrap().into_inner();
    assert_eq!(status.state, RunState::Canceled);
}

#[tokio::test]
async fn a_run_of_the_runtime_is_a_run_for_every_api() {
    let world = World::new().await;
    let body = with(goal(GOAL), "extensions", json!({"acme.ticket": 7}));
    let run = create(&world, body).await.run_id;
    let output = result(&world, &run).await.output.unwrap();
    let arp = world.finished(&run).await;
    assert_eq!(arp.run_id, run);
    let extensions = arp.extensions.unwrap().0;
    assert_eq!((&extensions["runyard.outputs"]["result"], &extensions["acme.ticket"]), (&output["result"], &json!(7)));
    let root = world.node(&arp.root_node_run_id).await;
    assert_eq!(root.node_type_ref.node_type_id, "runyard.composite.planner.general");
    let own = world.native.get_run(&run).await.unwrap().into_inner();
    assert_eq!((own.face.as_str(), own.title.as_deref()), ("runtime", Some(GOAL)));
    // By its other name, too.
    let uuid = own.run_id.trim_start_matches("run_");
    let hyphenated = format!("{}-{}-{}-{}-{}", &uuid[..8], &uuid[8..12], &uuid[12..16], &uuid[16..20], &uuid[20..]);
    let status = world.runtime.get_run_status(&hyphenated).await.unwrap().into_inner();
    assert_eq!(status.run_id, run);
}

#[tokio::test]
async fn runs_of_other_apis_are_runs_of_the_runtime() {
    let world = World::new().await;
    let planner = json!({"goal": "Say 'hello', then return it."});
    let planned = world.run("jarvis.composite.planner.general", planner).await.run_id;
    let output = result(&world, &planned).await.output.unwrap();
    assert_eq!((&output["result"], &output["final_text"]), (&json!("hello"), &json!("hello")));
    let atomic = world.run("runyard.core.echo", json!({"echo": "hi"})).await.run_id;
    let atomic = result(&world, &atomic).await;
    assert_eq!(Value::Object(atomic.output.unwrap()), json!({"echo": "hi", "final_text": "hi"}));

    let run = world.run("runyard.composite.external", json!({})).await;
    assert_eq!(refused(world.runtime.get_run_result(&run.run_id).await).details["state"], "running");
    let made = json!([{"type": "file", "id": "report.pdf"}]);
    let outputs = json!({"final_text": "mine", "pages": 3});
    let completion = json!({"state": "succeeded", "outputs": outputs, "output_artifacts": made});
    world.complete(&run.root_node_run_id, completion).await.unwrap();
    let external = result(&world, &run.run_id).await;
    assert_eq!(Value::Object(external.output.unwrap()), outputs, "what the run says itself is not overwritten");
    assert_eq!(serde_json::to_value(external.artifacts).unwrap(), made);
    // The run fails without a message, but there is an error all the same.
    let run = world.run("runyard.composite.external", json!({})).await;
    world.complete(&run.root_node_run_id, json!({"state": "failed"})).await.unwrap();
    let failed = result(&world, &run.run_id).await;
    assert_eq!((failed.ok, failed.error.unwrap().code.as_str()), (false, "failed"));
}

#[tokio::test]
async fn starting_is_idempotent_by_id_and_by_key() {
    let world = World::new().await;
    let named = |text: &str| typed(with(goal(text), "run_id", json!("mine")));
    let first = world.runtime.create_run(None, &named(GOAL)).await.unwrap();
    assert!(first.headers().get("idempotent-replayed").is_none());
    let done = result(&world, "mine").await;
    let again = world.runtime.create_run(None, &named(GOAL)).await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.into_inner().state, RunState::Succeeded);
    let other = refused(world.runtime.create_run(None, &named("now")).await);
    assert_eq!((other.short(), &other.details["run_id"]), ((409, "run_already_exists"), &json!("mine")));
    assert_eq!(result(&world, "mine").await, done);

    let keyed = |text: &str| typed(goal(text));
    let one = world.runtime.create_run(Some("k"), &keyed(GOAL)).await.unwrap().into_inner();
    let same = world.runtime.create_run(Some("k"), &keyed(GOAL)).await.unwrap();
    assert_eq!(same.headers()["idempotent-replayed"], "true");
    assert_eq!(same.into_inner().run_id, one.run_id);
    assert_eq!(
        refused(world.runtime.create_run(Some("k"), &keyed("now")).await).short(),
        (409, "idempotency_conflict")
    );
    assert_eq!(world.native.count_runs().await.unwrap().into_inner().total, 2);

    // A key belongs to one operation: the same text at another API is another key.
    let elsewhere = json!({
        "root_node_type_ref": {"node_type_id": "runyard.core.uuid4", "version": "1.0.0"},
        "input": {},
    });
    let elsewhere = world.gateway.start_run(Some("k"), &typed(elsewhere)).await.unwrap();
    assert!(elsewhere.headers().get("idempotent-replayed").is_none());
    assert_ne!(elsewhere.into_inner().run_id, one.run_id);

    // An id means one run for every API.
    let taken = json!({
        "run_id": "mine",
        "root_node_type_ref": {"node_type_id": "runyard.composite.planner.general", "version": "1.0.0"},
        "input": {"goal": GOAL},
    });
    assert_eq!(refused(world.gateway.start_run(None, &typed(taken)).await).short(), (409, "run_already_exists"));
}

#[tokio::test]
async fn a_short_run_is_answered_as_finished_and_a_long_one_after_the_wait() {
    let world = World::with(|config| config.runtime.sync_wait_ms = 60_000).await;
    let run = create(&world, goal(GOAL)).await;
    assert_eq!((run.state, run.ended_at.is_some()), (RunState::Succeeded, true));
    assert!(world.runtime.get_run_result(&run.run_id).await.unwrap().into_inner().ok, "no second question is needed");
    let world = World::with(|config| config.runtime.sync_wait_ms = 1).await;
    assert_eq!(create(&world, goal(SLEEP)).await.state, RunState::Running);
}
