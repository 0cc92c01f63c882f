//! External composites, driven through the coordinator's node run operations from their first child to their end.

use runyard_api::arp::schemas::{EvaluationStatus, NodeRun, NodeRunState, Run, RunState};
use serde_json::{Value, json};

use crate::harness::{Refused, World, eventually, refused, typed};

const EXTERNAL: &str = "runyard.composite.external";

async fn external(world: &World) -> Run {
    world.run(EXTERNAL, json!({"case": 7})).await
}

fn child(node_type: &str, inputs: Value, key: Option<&str>) -> Value {
    let mut spec = json!({"node_type_ref": {"node_type_id": node_type, "version": "1.0.0"}, "inputs": inputs});
    if let Some(key) = key {
        spec["idempotency_key"] = json!(key);
    }
    spec
}

fn echo(text: &str, key: &str) -> Value {
    child("runyard.core.echo", json!({"echo": text}), Some(key))
}

async fn ended(world: &World, node_run: &str) -> NodeRun {
    eventually("the node run ends", || async {
        Some(world.node(node_run).await).filter(|node| node.ended_at.is_some())
    })
    .await
}

fn short<T: std::fmt::Debug>(answer: Result<T, Refused>) -> (u16, String) {
    let refusal = answer.unwrap_err();
    (refusal.status, refusal.code)
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn an_external_composite_from_its_start_to_its_end() {
    let world = World::new().await;
    let run = external(&world).await;
    assert_eq!(run.state, RunState::Running);
    let both =
        world.children(&run, json!([echo("hi", "a"), child("runyard.core.uuid4", json!({}), None)])).await.unwrap();
    let [first, second] = &both[..] else { panic!("{both:?}") };
    for made in &both {
        assert_eq!((&made.run_id, made.parent_node_run_id.as_ref()), (&run.run_id, Some(&run.root_node_run_id)));
        // The server executes atomic node types itself.
        let node = ended(&world, &made.node_run_id).await;
        assert_eq!((node.state, node.started_at.is_some()), (NodeRunState::Succeeded, true));
    }
    assert_eq!(world.node(&first.node_run_id).await.outputs.unwrap()["echo"], "hi");
    assert!(world.node(&second.node_run_id).await.outputs.unwrap()["uuid4"].is_string());
    let verdict = json!({"evaluation_result": {
        "status": "unknown", "reason_code": "r", "message": "m", "details": {"d": 1}, "confidence": 0.5,
        "extensions": {"acme.by": "ada"},
    }});
    world.evaluate(&run.root_node_run_id, verdict.clone()).await.unwrap();
    world.evaluate(&run.root_node_run_id, verdict.clone()).await.unwrap();
    let body = json!({
        "state": "succeeded",
        "outputs": {"answer": 42},
        "output_artifacts": [{"type": "file", "id": "f1", "uri": "https://example.org/f1"}],
    });
    world.complete(&run.root_node_run_id, body.clone()).await.unwrap();
    let root = world.node(&run.root_node_run_id).await;
    assert_eq!((root.state, root.outputs.as_ref().unwrap()["answer"].clone()), (NodeRunState::Succeeded, json!(42)));
    assert_eq!(serde_json::to_value(&root.evaluation_result).unwrap(), verdict["evaluation_result"]);
    assert_eq!(serde_json::to_value(&root.output_artifacts).unwrap(), body["output_artifacts"]);
    let run = world.finished(&run.run_id).await;
    assert_eq!(
        (run.state, &run.extensions.unwrap().0["runyard.outputs"]),
        (RunState::Succeeded, &json!({"answer": 42}))
    );
}

#[tokio::test]
async fn a_child_is_made_once_per_key_and_parent() {
    let world = World::new().await;
    let (one, two) = (external(&world).await, external(&world).await);
    let made = world.children(&one, json!([echo("hi", "a")])).await.unwrap().remove(0).node_run_id;
    let again = world.children(&one, json!([echo("new", "b"), echo("hi", "a")])).await.unwrap();
    assert_eq!(again[1].node_run_id, made);
    assert_ne!(again[0].node_run_id, made);
    let other = world.children(&two, json!([echo("other", "a")])).await.unwrap().remove(0).node_run_id;
    assert_ne!(other, made, "the same key in another run is another child");
    for (changed, field) in [
        (echo("bye", "a"), "inputs"),
        (child("runyard.core.uuid4", json!({}), Some("a")), "node_type"),
        (
            {
                let mut spec = echo("hi", "a");
                spec["constraints"] = json!({"budgets": {"max_steps": 1}});
                spec
            },
            "constraints",
        ),
    ] {
        let refused = world.children(&one, json!([echo("third", "c"), changed])).await.unwrap_err();
        assert_eq!((refused.short(), &refused.details["field"]), ((409, "idempotency_conflict"), &json!(field)));
        assert_eq!(refused.details["idempotency_key"], "a");
    }
    // The batch is refused as a whole: `c` was not created either.
    let tree = world.native.get_run(&one.run_id).await.unwrap().into_inner().node_runs;
    assert_eq!(tree.iter().map(|node| &*node.key).collect::<Vec<_>>(), ["", "a", "b"]);
    // Within one request, too, a key names one child.
    let twice = world.children(&one, json!([echo("x", "x"), echo("x", "x")])).await.unwrap();
    assert_eq!(twice[0].node_run_id, twice[1].node_run_id);
    // A repeated request after the end gets the same answer as before.
    ended(&world, &made).await;
    for node in tree.iter().skip(1) {
        ended(&world, &node.node_run_id).await;
    }
    ended(&world, &twice[0].node_run_id).await;
    world.complete(&one.root_node_run_id, json!({"state": "succeeded"})).await.unwrap();
    let late = world.children(&one, json!([echo("hi", "a")])).await.unwrap().remove(0);
    assert_eq!((late.node_run_id, late.state), (made, NodeRunState::Succeeded));
    let new = world.children(&one, json!([echo("late", "z")])).await;
    assert_eq!(short(new), refusal(409, "run_finished"));
}

#[tokio::test]
async fn a_composite_does_not_succeed_before_its_children() {
    let world = World::new().await;
    let run = external(&world).await;
    let inner =
        world.children(&run, json!([child(EXTERNAL, json!({}), Some("in"))])).await.unwrap().remove(0).node_run_id;
    let refused = world.complete(&run.root_node_run_id, json!({"state": "succeeded"})).await.unwrap_err();
    assert_eq!((refused.short(), &refused.details["live"]), ((409, "children_alive"), &json!(1)));
    let grandchild = json!([echo("deep", "d")]);
    let deep = world.children_of(&run.run_id, &inner, grandchild).await.unwrap().remove(0).node_run_id;
    ended(&world, &deep).await;
    world.complete(&inner, json!({"state": "succeeded", "outputs": {"n": 1}})).await.unwrap();
    world.complete(&run.root_node_run_id, json!({"state": "succeeded"})).await.unwrap();
    assert_eq!(world.finished(&run.run_id).await.state, RunState::Succeeded);
}

#[tokio::test]
async fn failing_a_composite_cancels_what_lives_below_it() {
    for (state, run_state) in [("failed", RunState::Failed), ("canceled", RunState::Canceled)] {
        let world = World::new().await;
        let run = external(&world).await;
        let children =
            json!([child("runyard.core.sleep", json!({"seconds": 600}), None), child(EXTERNAL, json!({}), None)]);
        let children = world.children(&run, children).await.unwrap();
        let error = json!({"code": "gave_up", "message": "too hard", "details": {"tries": 3}, "retryable": false});
        world.complete(&run.root_node_run_id, json!({"state": state, "error": error})).await.unwrap();
        for made in &children {
            assert_eq!(world.node(&made.node_run_id).await.state, NodeRunState::Canceled, "{state}");
        }
        let ended = world.finished(&run.run_id).await;
        assert_eq!((ended.state, &ended.extensions.unwrap().0["runyard.error"]), (run_state, &error), "{state}");
    }
}

#[tokio::test]
async fn an_end_is_final_and_the_same_end_again_is_answered_as_before() {
    let world = World::new().await;
    let run = external(&world).await;
    let root = &run.root_node_run_id;
    let body = json!({"state": "succeeded", "outputs": {"a": 1}});
    world.complete(root, body.clone()).await.unwrap();
    let events = world.events(&run.run_id).await;
    world.complete(root, body.clone()).await.unwrap();
    for other in [
        json!({"state": "succeeded", "outputs": {"a": 2}}),
        json!({"state": "succeeded"}),
        json!({"state": "failed", "error": {"code": "c", "message": "m"}}),
    ] {
        let refused = world.complete(root, other).await.unwrap_err();
        assert_eq!((refused.short(), &refused.details["state"]), ((409, "node_run_finished"), &json!("succeeded")));
    }
    let verdict = json!({"evaluation_result": {"status": "fail"}});
    assert_eq!(short(world.evaluate(root, verdict).await), refusal(409, "node_run_finished"));
    world.complete(root, body).await.unwrap();
    assert_eq!(world.events(&run.run_id).await, events, "nothing follows run_completed");
}

#[tokio::test]
async fn a_completion_after_a_cancel_is_too_late() {
    let world = World::new().await;
    let run = external(&world).await;
    world.coordinator.cancel_run(&run.run_id).await.unwrap();
    let late = world.complete(&run.root_node_run_id, json!({"state": "succeeded", "outputs": {}})).await;
    assert_eq!(short(late), refusal(409, "node_run_finished"));
    assert_eq!(short(world.children(&run, json!([echo("late", "a")])).await), refusal(409, "run_finished"));
    assert_eq!(world.coordinator.get_run(&run.run_id).await.unwrap().into_inner().state, RunState::Canceled);
}

#[tokio::test]
async fn what_the_server_runs_is_not_moved_from_outside() {
    let world = World::new().await;
    let goal = json!({"goal": "Sleep for 600 seconds."});
    let planned = world.run("runyard.composite.planner.general", goal).await;
    let sleep = world.run("runyard.core.sleep", json!({"seconds": 600})).await;
    for node in [&planned.root_node_run_id, &sleep.root_node_run_id] {
        let done = world.complete(node, json!({"state": "succeeded"})).await;
        assert_eq!(short(done), refusal(409, "node_run_server_owned"));
        let judged = world.evaluate(node, json!({"evaluation_result": {"status": "success"}})).await;
        assert_eq!(short(judged), refusal(409, "node_run_server_owned"));
    }
    assert_eq!(short(world.children(&sleep, json!([echo("x", "a")])).await), refusal(409, "parent_node_run_invalid"));
    assert_eq!(short(world.children(&planned, json!([echo("x", "a")])).await), refusal(409, "node_run_server_owned"));
    for run in [planned, sleep] {
        world.gateway.cancel_run(&run.run_id).await.unwrap();
    }
}

#[tokio::test]
async fn a_parent_must_be_there_and_of_the_run() {
    let world = World::new().await;
    let (one, two) = (external(&world).await, external(&world).await);
    let asked = |run: &str, parent: &str| {
        let body = json!({"run_id": run, "parent_node_run_id": parent, "node_runs": [echo("x", "a")]});
        typed(body)
    };
    for (run, parent, status, code) in [
        (&*one.run_id, &*two.root_node_run_id, 409, "parent_node_run_mismatch"),
        (&*one.run_id, "node_run_00000000000000000000000000000000", 404, "parent_node_run_not_found"),
        (&*one.run_id, "unknown", 404, "parent_node_run_not_found"),
        ("unknown", &*one.root_node_run_id, 404, "run_not_found"),
    ] {
        let refusal = refused(world.coordinator.create_node_runs(&asked(run, parent)).await);
        assert_eq!(refusal.short(), (status, code), "{run} {parent}");
    }
    for unknown in ["node_run_00000000000000000000000000000000", "x", &*one.run_id] {
        let want = refusal(404, "node_run_not_found");
        assert_eq!(short(world.complete(unknown, json!({"state": "failed"})).await), want);
        assert_eq!(short(world.evaluate(unknown, json!({"evaluation_result": {"status": "fail"}})).await), want);
        assert_eq!(
            refused(world.coordinator.stream_node_run_events(unknown, None, None, None).await).short(),
            (404, "node_run_not_found")
        );
    }
    // The answer names invalid children, and no child of the batch is created.
    let bad = json!([echo("fine", "a"), child("runyard.core.echo", json!({"echo": 1}), Some("b"))]);
    assert_eq!(short(world.children(&one, bad).await), refusal(400, "invalid_inputs"));
    let bad = json!([child("runyard.core.nope", json!({}), None)]);
    assert_eq!(short(world.children(&one, bad).await), refusal(400, "unknown_node_type"));
    assert_eq!(world.native.get_run(&one.run_id).await.unwrap().into_inner().node_runs.len(), 1);
}

#[tokio::test]
async fn a_planner_below_an_external_composite_plans_for_itself() {
    let world = World::new().await;
    let run = external(&world).await;
    let planner =
        child("jarvis.composite.planner.general", json!({"goal": "Generate a UUID, then return it."}), Some("p"));
    let made = world.children(&run, json!([planner])).await.unwrap().remove(0).node_run_id;
    let node = ended(&world, &made).await;
    assert_eq!(node.state, NodeRunState::Succeeded);
    assert_eq!(node.evaluation_result.unwrap().status, EvaluationStatus::Success);
    let uuid = node.outputs.unwrap()["child_node_runs"][0]["outputs"]["uuid4"].clone();
    assert!(uuid.is_string());
    let tree = world.native.get_run(&run.run_id).await.unwrap().into_inner().node_runs;
    assert_eq!(tree.iter().map(|node| node.depth).collect::<Vec<_>>(), [0, 1, 2]);
    world.complete(&run.root_node_run_id, json!({"state": "succeeded", "outputs": {"uuid": uuid}})).await.unwrap();
    assert_eq!(world.finished(&run.run_id).await.state, RunState::Succeeded);
}
