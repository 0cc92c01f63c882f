//! A run from its start to its end: the exact order of events, and all of it valid by the standard.

use serde_json::{Value, json};

use crate::harness::{World, refused, standard, typed};

const PLANNER: &str = "runyard.composite.planner.general";

/// Type of each event, with a readable name for its node run.
fn described(events: &[Value], names: &[(&str, &str)]) -> Vec<String> {
    let name = |id: &str| names.iter().find(|(known, _)| *known == id).map_or(id, |(_, name)| name).to_owned();
    events
        .iter()
        .map(|event| {
            let kind = event["type"].as_str().unwrap();
            event["node_run_id"].as_str().map_or(kind.to_owned(), |id| format!("{kind} {}", name(id)))
        })
        .collect()
}

fn seqs(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn events_of_an_atomic_run_are_in_order() {
    let world = World::new().await;
    let run = world.run("runyard.core.echo", json!({"echo": "hi"})).await;
    let events = world.events(&run.run_id).await;
    let names = [(&*run.root_node_run_id, "root")];
    assert_eq!(
        described(&events, &names),
        ["run_started", "node_run_assigned root", "atomic_executed root", "node_evaluated root", "run_completed"]
    );
    assert_eq!(seqs(&events), [1, 2, 3, 4, 5]);
    assert_eq!(events[4]["data"], json!({"state": "succeeded"}));
}

#[tokio::test]
async fn events_of_a_planned_run_are_in_order_and_valid_by_the_standard() {
    let world = World::new().await;
    let run = world.run(PLANNER, json!({"goal": "Generate a UUID, then hash it with SHA-256."})).await;
    let events = world.events(&run.run_id).await;
    let seen = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    let [root, first, second] = &seen.node_runs[..] else { panic!("{seen:?}") };
    let names = [(&*root.node_run_id, "root"), (&*first.node_run_id, "S1"), (&*second.node_run_id, "S2")];
    assert_eq!(
        described(&events, &names),
        [
            "run_started",
            "node_run_assigned root",
            "composite_decomposed root",
            "candidate_set_generated S1",
            "subtask_mapped S1",
            "node_run_assigned S1",
            "candidate_set_generated S2",
            "subtask_mapped S2",
            "node_run_assigned S2",
            "atomic_executed S1",
            "node_evaluated S1",
            "atomic_executed S2",
            "node_evaluated S2",
            "node_evaluated root",
            "run_completed",
        ]
    );
    assert_eq!(seqs(&events), (1..=15).collect::<Vec<_>>());
    assert_eq!(second.depends_on, [&*first.node_run_id]);
    let (event, node_run) = (standard("RunEvent"), standard("NodeRun"));
    for shown in &events {
        event.validate(shown).unwrap();
    }
    for node in &seen.node_runs {
        let shown = world.get("run-coordinator", &format!("/v1/node-runs/{}", node.node_run_id)).await.json();
        node_run.validate(&shown).unwrap();
        assert_eq!(shown["state"], "succeeded");
    }
    for api in ["run-gateway", "run-coordinator"] {
        let shown = world.get(api, &format!("/v1/runs/{}", run.run_id)).await.json();
        standard("Run").validate(&shown).unwrap();
    }
}

#[tokio::test]
async fn events_of_an_external_run_are_in_order() {
    let world = World::new().await;
    let run = world.run("runyard.composite.external", json!({})).await;
    let decision = json!({
        "subtask_id": "s1",
        "chosen_node_type_ref": {"node_type_id": "runyard.core.echo", "version": "1.0.0"},
        "rationale": "it was there",
    });
    let child = json!([{
        "node_type_ref": {"node_type_id": "runyard.core.echo", "version": "1.0.0"},
        "inputs": {"echo": "hi"},
        "idempotency_key": "a",
        "candidate_set_id": "set-1",
        "binding_decision": decision,
    }]);
    let child = world.children(&run, child).await.unwrap().remove(0).node_run_id;
    // The child's own end, before the composite's.
    let stream = world.coordinator.stream_node_run_events(&child, None, None, None).await.unwrap();
    let mut lines = crate::harness::Lines::of(stream.into_inner_stream());
    while lines.next().await.unwrap()["type"] != "node_evaluated" {}
    let verdict = json!({
        "evaluation_result": {"status": "fail", "reason_code": "too_short"},
        "recovery_action": {"type": "retry", "target_node_run_id": child},
    });
    world.evaluate(&run.root_node_run_id, verdict).await.unwrap();
    world.complete(&run.root_node_run_id, json!({"state": "succeeded", "outputs": {"n": 1}})).await.unwrap();
    let events = world.events(&run.run_id).await;
    let names = [(&*run.root_node_run_id, "root"), (&*child, "a")];
    assert_eq!(
        described(&events, &names),
        [
            "run_started",
            "node_run_assigned root",
            "composite_decomposed root",
            "candidate_set_generated a",
            "subtask_mapped a",
            "node_run_assigned a",
            "atomic_executed a",
            "node_evaluated a",
            "node_evaluated root",
            "recovery_applied root",
            "run_completed",
        ]
    );
    assert_eq!(events[4]["data"], decision);
    assert_eq!(events[9]["data"]["type"], "retry");
}

#[tokio::test]
async fn a_failed_plan_is_shown_with_its_reason() {
    let world = World::new().await;
    let run = world.run(PLANNER, json!({"goal": "Generate a UUID.", "max_steps": 1, "max_depth": 0})).await;
    let events = world.events(&run.run_id).await;
    let last = events.last().unwrap();
    assert_eq!(last["data"]["state"], "failed", "{last}");
    assert_eq!(last["data"]["error"]["code"], "constraint_violation", "{last}");
    assert_eq!(last["data"]["error"]["details"]["constraint"], "max_depth");
    let ended = world.gateway.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!(ended.extensions.unwrap().0["runyard.error"], last["data"]["error"]);
}

#[tokio::test]
async fn under_an_alias_unknown_inputs_are_dropped_and_noted_and_children_bear_aliases() {
    let world = World::new().await;
    let start = |id: &str, input: serde_json::Value| json!({"root_node_type_ref": {"node_type_id": id, "version": "0.3.8"}, "input": input});
    let uuid = world.start(start("jarvis.core.uuid4", json!({"goal": "a UUID"}))).await;
    assert_eq!(uuid.extensions.unwrap().0["runyard.dropped_inputs"], json!(["goal"]));
    assert_eq!(world.node(&uuid.root_node_run_id).await.inputs.unwrap().len(), 0);

    let inputs = json!({
        "goal": "Hash the order number and return it.", "prompt": null, "max_steps": null,
        "context": {"order_number": "abc"}, "user_id": "u1",
    });
    let run = world.start(start("jarvis.composite.planner.general", inputs)).await;
    let events = world.events(&run.run_id).await;
    let ended = world.finished(&run.run_id).await.extensions.unwrap().0;
    assert_eq!(ended["runyard.dropped_inputs"], json!(["user_id"]));
    let child = &ended["runyard.outputs"]["child_node_runs"][0];
    let alias = json!({"node_type_id": "jarvis.core.hash.sha256", "version": "0.3.8"});
    assert_eq!(child["node_type_ref"], alias);
    let node = world.node(child["node_run_id"].as_str().unwrap()).await;
    assert_eq!(json!(node.node_type_ref), alias);
    let resolved = json!({"node_type_id": "runyard.core.hash.sha256", "version": "1.0.0"});
    assert_eq!(node.extensions.unwrap().0["runyard.resolved_node_type"], resolved);
    let of = |kind: &str| events.iter().find(|event| event["type"] == kind).unwrap()["data"].clone();
    assert_eq!(of("candidate_set_generated")["candidates"][0]["node_type_ref"], alias);
    assert_eq!(of("subtask_mapped")["chosen_node_type_ref"], alias);

    // A node type that is named by its own id stays strict.
    let strict = json!({
        "root_node_type_ref": {"node_type_id": "runyard.core.uuid4", "version": "1.0.0"}, "input": {"goal": "a UUID"},
    });
    assert_eq!(refused(world.gateway.start_run(None, &typed(strict)).await).short(), (400, "invalid_inputs"));
}

#[tokio::test]
async fn candidate_set_ids_are_unique_over_runs() {
    let world = World::new().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let goal = "Generate a UUID, then hash it with SHA-256.";
        let run = world.run("runyard.composite.planner.general", json!({"goal": goal})).await.run_id;
        for event in world.events(&run).await.iter().filter(|event| event["type"] == "candidate_set_generated") {
            assert!(seen.insert(event["data"]["candidate_set_id"].as_str().unwrap().to_owned()), "{event}");
        }
    }
    assert_eq!(seen.len(), 4);
}
