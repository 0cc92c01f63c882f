//! Limits that a caller sets: applied before anything is recorded, or refused where this version cannot apply them.

use runyard_api::arp::schemas::{NodeRunState, Run, RunState};
use serde_json::{Value, json};

use crate::harness::{Lines, Refused, World, refused, typed};

const EXTERNAL: &str = "runyard.composite.external";
const PLANNER: &str = "runyard.composite.planner.general";

fn body(node_type: &str, input: Value, constraints: Value) -> Value {
    json!({
        "root_node_type_ref": {"node_type_id": node_type, "version": "1.0.0"},
        "input": input,
        "constraints": constraints,
    })
}

async fn external(world: &World, constraints: Value) -> Run {
    world.start(body(EXTERNAL, json!({}), constraints)).await
}

fn child(node_type: &str) -> Value {
    let inputs = if node_type.ends_with("echo") { json!({"echo": "x"}) } else { json!({}) };
    json!({"node_type_ref": {"node_type_id": node_type, "version": "1.0.0"}, "inputs": inputs})
}

fn echoes(count: usize) -> Value {
    (0..count).map(|_| child("runyard.core.echo")).collect()
}

/// Constraint, limit and found value of a refusal for a constraint.
fn broken(refusal: Refused) -> (String, String, String) {
    assert_eq!(refusal.short(), (409, "constraint_violation"), "{refusal:?}");
    let text = |field: &str| refusal.details[field].as_str().unwrap().to_owned();
    (text("constraint"), text("limit"), text("found"))
}

fn breach(constraint: &str, limit: &str, found: &str) -> (String, String, String) {
    (constraint.to_owned(), limit.to_owned(), found.to_owned())
}

/// The error of a run that ended without success.
async fn failure(world: &World, run: &Run) -> Value {
    let ended = world.finished(&run.run_id).await;
    assert_eq!(ended.state, RunState::Failed);
    ended.extensions.unwrap().0["runyard.error"].clone()
}

#[tokio::test]
async fn the_shape_of_the_tree_is_limited_and_a_refusal_changes_nothing() {
    let world = World::new().await;
    let cases = [
        (json!({"max_depth": 0}), 0, breach("max_depth", "0", "1")),
        (json!({"max_children_per_composite": 2}), 2, breach("max_children_per_composite", "2", "3")),
        (json!({"max_total_nodes_per_run": 3}), 2, breach("max_total_nodes_per_run", "3", "4")),
        (json!({"max_decomposition_rounds_per_node": 1}), 1, breach("max_decomposition_rounds_per_node", "1", "2")),
    ];
    for (structural, allowed, expected) in cases {
        let run = external(&world, json!({"structural": structural})).await;
        if allowed > 0 {
            world.children(&run, echoes(allowed)).await.unwrap();
        }
        let before = world.native.get_run(&run.run_id).await.unwrap().into_inner().node_runs.len();
        assert_eq!(broken(world.children(&run, echoes(1)).await.unwrap_err()), expected);
        let after = world.native.get_run(&run.run_id).await.unwrap().into_inner().node_runs.len();
        assert_eq!((before, after), (allowed + 1, allowed + 1), "{expected:?}");
    }
    // All or none: two children where the limit allows only one.
    let run = external(&world, json!({"structural": {"max_children_per_composite": 1}})).await;
    assert_eq!(
        broken(world.children(&run, echoes(2)).await.unwrap_err()),
        breach("max_children_per_composite", "1", "2")
    );
    world.children(&run, echoes(1)).await.unwrap();
    let none = typed(body(EXTERNAL, json!({}), json!({"structural": {"max_total_nodes_per_run": 0}})));
    assert_eq!(
        broken(refused(world.gateway.start_run(None, &none).await)),
        breach("max_total_nodes_per_run", "0", "1")
    );
}

#[tokio::test]
async fn depth_counts_through_composites_within_composites() {
    let world = World::new().await;
    let run = external(&world, json!({"structural": {"max_depth": 2}})).await;
    let one = world.children(&run, json!([child(EXTERNAL)])).await.unwrap().remove(0).node_run_id;
    let two = world.children_of(&run.run_id, &one, json!([child(EXTERNAL)])).await.unwrap().remove(0).node_run_id;
    let three = world.children_of(&run.run_id, &two, echoes(1)).await.unwrap_err();
    assert_eq!(broken(three), breach("max_depth", "2", "3"));
    // A child may have lower limits, never higher ones.
    let mut wide = child(EXTERNAL);
    wide["constraints"] = json!({"structural": {"max_depth": 9}});
    let wide = world.children_of(&run.run_id, &one, json!([wide])).await.unwrap().remove(0).node_run_id;
    let deeper = world.children_of(&run.run_id, &wide, echoes(1)).await.unwrap_err();
    assert_eq!(broken(deeper), breach("max_depth", "2", "3"));
}

#[tokio::test]
async fn lists_hold_through_aliases_on_both_sides() {
    let world = World::new().await;
    let (ours, alias) = ("runyard.core.echo", "jarvis.core.echo");
    for listed in [ours, alias] {
        for asked in [ours, alias] {
            let run = external(&world, json!({"candidates": {"denied_node_type_ids": [listed]}})).await;
            let refusal = world.children(&run, json!([child(asked)])).await.unwrap_err();
            assert_eq!(
                (broken(refusal.clone()).0, &refusal.details["found"]),
                ("denied_node_type_ids".to_owned(), &json!(asked))
            );
            world.children(&run, json!([child("runyard.core.uuid4")])).await.unwrap();

            let allowed = json!({"candidates": {"allowed_node_type_ids": [listed, EXTERNAL]}});
            let run = external(&world, allowed).await;
            world.children(&run, json!([child(asked)])).await.unwrap();
            let other = world.children(&run, json!([child("jarvis.core.uuid4")])).await.unwrap_err();
            assert_eq!(broken(other).0, "allowed_node_type_ids");
            let both = json!({"candidates": {"allowed_node_type_ids": [listed], "denied_node_type_ids": [asked]}});
            let start = typed(body(ours, json!({"echo": "x"}), both));
            assert_eq!(broken(refused(world.gateway.start_run(None, &start).await)).0, "denied_node_type_ids");
        }
    }
    let nothing = typed(body(ours, json!({"echo": "x"}), json!({"candidates": {"allowed_node_type_ids": []}})));
    assert_eq!(broken(refused(world.gateway.start_run(None, &nothing).await)).0, "allowed_node_type_ids");
}

#[tokio::test]
async fn steps_are_counted_and_composites_are_none() {
    let world = World::new().await;
    let goal = json!({"goal": "Generate a UUID, then hash it with SHA-256."});
    let run = world.start(body(PLANNER, goal.clone(), json!({"budgets": {"max_steps": 1}}))).await;
    let error = failure(&world, &run).await;
    let tree = world.native.get_run(&run.run_id).await.unwrap().into_inner().node_runs;
    assert_eq!(tree.len(), 1, "{tree:?}");
    assert_eq!(error["code"], "constraint_violation", "the plan is known to be too long before it begins");
    let run = world.start(body(PLANNER, goal, json!({"budgets": {"max_steps": 2}}))).await;
    assert_eq!(world.finished(&run.run_id).await.state, RunState::Succeeded);
    // An external planner is stopped at the first step above the limit.
    let run = external(&world, json!({"budgets": {"max_steps": 1}})).await;
    let children = world.children(&run, echoes(2)).await.unwrap();
    let mut ends = Vec::new();
    for made in &children {
        let stream = world.coordinator.stream_node_run_events(&made.node_run_id, None, None, None).await.unwrap();
        let mut lines = Lines::of(stream.into_inner_stream());
        while lines.next().await.unwrap()["type"] != "node_evaluated" {}
        let node = world.node(&made.node_run_id).await;
        ends.push((node.state, node.extensions.map(|all| all.0["runyard.error"]["code"].clone())));
    }
    let expected = [(NodeRunState::Succeeded, None), (NodeRunState::Failed, Some(json!("budget_exceeded")))];
    assert_eq!(ends, expected);
    let none = world.start(body("runyard.core.echo", json!({"echo": "x"}), json!({"budgets": {"max_steps": 0}}))).await;
    assert_eq!(failure(&world, &none).await["code"], "budget_exceeded");
}

#[tokio::test]
async fn a_run_ends_when_its_time_is_over() {
    let world = World::new().await;
    let budget = json!({"budgets": {"max_wall_time_ms": 50}});
    for (node_type, input) in [
        ("runyard.core.sleep", json!({"seconds": 600})),
        (PLANNER, json!({"goal": "Sleep for 600 seconds, then generate a UUID."})),
        (EXTERNAL, json!({})),
    ] {
        let run = world.start(body(node_type, input, budget.clone())).await;
        assert_eq!(failure(&world, &run).await["code"], "timed_out", "{node_type}");
        let tree = world.native.get_run(&run.run_id).await.unwrap().into_inner();
        assert!(tree.node_runs.iter().all(|node| node.ended_at.is_some()), "{tree:?}");
        assert_eq!(tree.reason.as_deref(), Some("timed_out"));
    }
}

#[tokio::test]
async fn side_effects_are_held_to_their_class() {
    let world = World::new().await;
    for class in ["read", "write", "irreversible"] {
        let run = world
            .start(body("runyard.core.echo", json!({"echo": "x"}), json!({"gates": {"side_effect_class": class}})))
            .await;
        assert_eq!(world.finished(&run.run_id).await.state, RunState::Succeeded, "an echo only reads");
        let request = body(
            "runyard.http.request",
            json!({"url": "http://127.0.0.1:1"}),
            json!({"gates": {"side_effect_class": class}}),
        );
        match world.gateway.start_run(None, &typed(request)).await {
            Ok(run) if class == "irreversible" => {
                assert_eq!(failure(&world, &run.into_inner()).await["code"], "egress_denied");
            }
            refusal => assert_eq!(refused(refusal).short(), (409, "constraint_violation"), "{class}"),
        }
    }
    let types = world.native.list_node_types(None, None).await.unwrap().into_inner().node_types;
    let more = types.iter().filter(|shown| shown.side_effect_class.to_string() != "read");
    assert_eq!(more.map(|shown| &*shown.node_type_id).collect::<Vec<_>>(), ["runyard.http.request"]);
}

/// ARP clients see a run that waits for an approval as running.
#[tokio::test]
async fn what_requires_an_approval_waits_for_one() {
    let world = World::new().await;
    let gates = json!({"gates": {"require_approval": true}});
    let run = world.start(body("runyard.core.echo", json!({"echo": "x"}), gates.clone())).await;
    assert_eq!(run.state.to_string(), "running");
    let shown = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!(shown.state.to_string(), "waiting");
    assert_eq!(shown.node_runs[0].waiting_for.as_ref().unwrap().reason.to_string(), "approval");

    let run = external(&world, json!({"gates": {"require_approval": false}})).await;
    let (mut gated, free) = (child("runyard.core.echo"), child("runyard.core.echo"));
    gated["constraints"] = gates;
    world.children(&run, json!([gated, free])).await.unwrap();
    let tree = world.native.get_run(&run.run_id).await.unwrap().into_inner().node_runs;
    assert_eq!((tree[1].attempt, tree[1].state.to_string()), (0, "waiting".to_owned()));
    assert_eq!(tree[1].waiting_for.as_ref().unwrap().reason.to_string(), "approval");
    assert_ne!(tree[2].state.to_string(), "waiting");
}

#[tokio::test]
async fn a_planner_keeps_the_lists_of_its_run() {
    let world = World::new().await;
    let denied = json!({"candidates": {"denied_node_type_ids": ["jarvis.core.uuid4"]}});
    let run = world.start(body(PLANNER, json!({"goal": "Generate a UUID."}), denied)).await;
    let error = failure(&world, &run).await;
    assert_eq!(error["code"], "clause_unmapped", "{error}");
    let tree = world.native.get_run(&run.run_id).await.unwrap().into_inner().node_runs;
    assert_eq!(tree.len(), 1, "nothing was made that is not allowed");
}

#[tokio::test]
async fn calls_that_leave_the_server_are_counted_and_nothing_without_a_price_is_called_under_a_max_cost() {
    let world = World::new().await;
    // No server listens on that port, and the step makes no call.
    let fetch = json!({"url": "http://127.0.0.1:9/"});
    for budget in [json!({"max_external_calls": 0}), json!({"max_cost": 0}), json!({"max_cost": 5.5})] {
        let constraint = budget.as_object().unwrap().keys().next().unwrap().clone();
        let limits = json!({"budgets": budget});
        let inside = world.start(body("runyard.core.uuid4", json!({}), limits.clone())).await;
        assert_eq!(world.finished(&inside.run_id).await.state, RunState::Succeeded, "{limits}");
        let outside = world.start(body("runyard.web.fetch", fetch.clone(), limits)).await;
        let error = failure(&world, &outside).await;
        assert_eq!((&error["code"], &error["details"]["constraint"]), (&json!("budget_exceeded"), &json!(constraint)));
    }
    let allowed = world.start(body("runyard.web.fetch", fetch, json!({"budgets": {"max_external_calls": 1}}))).await;
    assert_ne!(failure(&world, &allowed).await["code"], "budget_exceeded");
}
