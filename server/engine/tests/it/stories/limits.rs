//! Constraints on structure, candidates and gates, enforced before anything is recorded.

use runyard_engine::{ChildSpec, NodeKind, Plan, SideEffect, Start};
use serde_json::{Value, json};

use crate::make::{child, limits, plan, start, step, unnamed};
use crate::story::{Story, golden};

fn external(constraints: Value) -> Story {
    Story::new().start(Start { constraints: limits(constraints), ..start(NodeKind::External) })
}

#[test]
fn a_tree_grows_no_deeper_than_allowed() {
    external(json!({ "structural": { "max_depth": 1 } }))
        .create("root", vec![child("a", NodeKind::External)])
        .create("root/a", vec![child("b", NodeKind::Call)])
        .matches_transcript("max_depth");
}

#[test]
fn a_composite_has_no_more_children_than_allowed_and_existing_ones_do_not_count_twice() {
    external(json!({ "structural": { "max_children_per_composite": 2 } }))
        .create("root", vec![child("a", NodeKind::External)])
        .create("root", vec![child("a", NodeKind::External), child("b", NodeKind::Call), child("c", NodeKind::Call)])
        .create("root", vec![child("a", NodeKind::External), child("b", NodeKind::Call)])
        .create("root", vec![unnamed(NodeKind::Call)])
        .matches_transcript("max_children");
}

#[test]
fn a_run_has_no_more_node_runs_than_allowed() {
    external(json!({ "structural": { "max_total_nodes_per_run": 3 } }))
        .create("root", vec![child("a", NodeKind::External)])
        .create("root/a", vec![unnamed(NodeKind::External), unnamed(NodeKind::External)])
        .create("root/a", vec![unnamed(NodeKind::External)])
        .create("root", vec![unnamed(NodeKind::External)])
        .matches_transcript("max_total_nodes");
}

#[test]
fn a_composite_is_not_decomposed_more_often_than_allowed() {
    external(json!({ "structural": { "max_decomposition_rounds_per_node": 1 } }))
        .create("root", vec![child("a", NodeKind::External), child("b", NodeKind::External)])
        .create("root", vec![child("a", NodeKind::External)])
        .create("root", vec![child("c", NodeKind::External)])
        .create("root/a", vec![child("c", NodeKind::External)])
        .matches_transcript("max_rounds");
}

#[test]
fn a_child_keeps_to_the_lists_and_gates_above_it_and_its_own() {
    let mut writer = child("w", NodeKind::Call);
    writer.node_type.side_effect = SideEffect::Irreversible;
    let own = |constraints: Value| ChildSpec { constraints: limits(constraints), ..child("o", NodeKind::Call) };
    external(json!({
        "candidates": { "denied_node_type_ids": ["test.sleep.alias"] },
        "gates": { "side_effect_class": "write" },
    }))
    .create("root", vec![child("a", NodeKind::Call), child("s", NodeKind::Sleep)])
    .create("root", vec![writer])
    .create("root", vec![own(json!({ "candidates": { "allowed_node_type_ids": ["test.plan"] } }))])
    .create("root", vec![own(json!({ "candidates": { "allowed_node_type_ids": ["test.call"] } }))])
    .matches_transcript("lists_and_gates");
}

#[test]
fn a_plan_against_the_limits_fails_its_composite_and_leaves_no_child() {
    let two = || plan(vec![step("S1", &[]), step("S2", &["S1"])]);
    let crowded = || {
        let mut plan = two();
        let candidate = plan.steps[1].candidates.candidates[0].clone();
        plan.steps[1].candidates.candidates.push(candidate);
        plan
    };
    let reckless = || {
        let mut plan = two();
        plan.steps[1].node_type.side_effect = SideEffect::Write;
        plan
    };
    let cases: [(Value, Plan); 8] = [
        (json!({ "structural": { "max_depth": 0 } }), two()),
        (json!({ "structural": { "max_children_per_composite": 1 } }), two()),
        (json!({ "structural": { "max_total_nodes_per_run": 2 } }), two()),
        (json!({ "structural": { "max_decomposition_rounds_per_node": 0 } }), two()),
        (json!({ "candidates": { "max_candidates_per_subtask": 1 } }), crowded()),
        (json!({ "candidates": { "denied_node_type_ids": ["test.call"] } }), two()),
        (json!({ "candidates": { "allowed_node_type_ids": ["test.plan", "test.sleep"] } }), two()),
        (json!({ "gates": { "side_effect_class": "read" } }), reckless()),
    ];
    let mut text = String::new();
    for (constraints, plan) in cases {
        let ask = Start { constraints: limits(constraints), ..start(NodeKind::Plan) };
        let story = Story::new().start(ask).planned("root", plan);
        let error = story.world.state.error.clone().unwrap();
        assert_eq!(story.world.state.nodes.len(), 1, "nothing of it is recorded");
        let details = Value::Object(error.details.unwrap());
        text.push_str(&format!("{}: {} {details}\n", error.code, error.message));
    }
    golden("plan_against_limits", &text);
}

#[test]
fn limits_are_merged_down_the_tree() {
    let tighter = ChildSpec {
        constraints: limits(json!({ "structural": { "max_depth": 9, "max_children_per_composite": 1 } })),
        ..child("a", NodeKind::External)
    };
    let story = external(json!({ "structural": { "max_depth": 4, "max_children_per_composite": 3 } }));
    let story = story.create("root", vec![tighter]);
    let merged = limits(json!({ "structural": { "max_depth": 4, "max_children_per_composite": 1 } }));
    assert_eq!(story.node("root/a").constraints, merged);
}
