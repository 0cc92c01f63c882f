//! Starts: a run starts once, and within its limits.

use std::sync::Arc;

use runyard_engine::{Command, Context, Corrupt, NodeKind, Rejected, RunId, SideEffect, State, decide};
use serde_json::json;

use crate::make::{limits, run, start};
use crate::story::Story;

#[test]
fn a_start_twice_is_one_start() {
    let story = Story::new().start(start(NodeKind::Call)).start(start(NodeKind::Call));
    let other = runyard_engine::Start { api: "another".into(), ..start(NodeKind::Call) };
    story.start(other).complete("root").start(start(NodeKind::Call)).matches_transcript("start_twice");
}

#[test]
fn nothing_can_be_asked_of_a_run_that_has_not_started() {
    let context = Context { at_ms: 0, run: run(), fitted: None, depth_max: 64 };
    let refused = decide(&State::new(run()), Command::Cancel { reason: None }, context);
    assert_eq!(refused, Err(Rejected::NotStarted));
}

#[test]
fn the_state_of_another_run_is_not_decided_about() {
    let other = RunId::parse("run_00000000000070008000000000000002").unwrap();
    let command = Command::Start(Arc::new(start(NodeKind::Call)));
    let context = Context { at_ms: 0, run: other, fitted: None, depth_max: 64 };
    let refused = decide(&State::new(run()), command, context);
    assert_eq!(refused, Err(Corrupt::WrongRun { expected: other, found: run() }.into()));
}

#[test]
fn a_root_that_its_limits_forbid_is_refused() {
    let ask = |constraints| runyard_engine::Start { constraints: limits(constraints), ..start(NodeKind::Call) };
    let mut writer = ask(json!({ "gates": { "side_effect_class": "read" } }));
    writer.node_type.side_effect = SideEffect::Write;
    Story::new()
        .start(ask(json!({ "candidates": { "denied_node_type_ids": ["test.call"] } })))
        .start(ask(json!({ "candidates": { "denied_node_type_ids": ["test.call.alias"] } })))
        .start(ask(json!({ "candidates": { "allowed_node_type_ids": ["test.sleep"] } })))
        .start(ask(json!({ "candidates": { "allowed_node_type_ids": [] } })))
        .start(ask(json!({ "structural": { "max_total_nodes_per_run": 0 } })))
        .start(writer)
        .start(ask(json!({ "candidates": { "allowed_node_type_ids": ["test.call"] } })))
        .matches_transcript("start_refused");
}
