//! Composites within composites.

use runyard_engine::event::FinalState;
use runyard_engine::{Completion, NodeKind};
use serde_json::json;

use crate::make::{binding, child, completion, node_type, object, plan, start, step};
use crate::story::Story;

fn external_then_call() -> Story {
    let mut first = step("S1", &[]);
    first.node_type = node_type(NodeKind::External);
    let mut second = step("S2", &["S1"]);
    second.bindings = vec![binding("text", "S1", "/text")];
    Story::new().start(start(NodeKind::Plan)).planned("root", plan(vec![first, second]))
}

#[test]
fn an_external_step_of_a_plan() {
    let made = Completion { outputs: Some(object(json!({ "text": "hi" }))), ..completion(FinalState::Succeeded) };
    external_then_call()
        .create("root/S1", vec![child("a", NodeKind::Call)])
        .complete("root/S1/a")
        .end_with("root/S1", made)
        .complete("root/S2")
        .matches_transcript("nested_external");
}

#[test]
fn an_external_step_that_is_given_up_fails_its_plan() {
    external_then_call()
        .create("root/S1", vec![child("a", NodeKind::Call)])
        .end("root/S1", FinalState::Canceled)
        .matches_transcript("nested_external_given_up");
}

#[test]
fn an_external_step_that_says_nothing_has_nothing_to_bind() {
    let story = external_then_call().end("root/S1", FinalState::Succeeded);
    assert_eq!(story.node("root/S2").error.as_ref().unwrap().code.as_str(), "binding_failed");
}

#[test]
fn a_plan_within_a_plan_passes_its_failure_up() {
    let mut inner = step("S1", &[]);
    inner.node_type = node_type(NodeKind::Plan);
    Story::new()
        .start(start(NodeKind::Plan))
        .planned("root", plan(vec![inner, step("S2", &[])]))
        .planned("root/S1", plan(vec![step("x", &[]), step("y", &[])]))
        .fail("root/S1/y")
        .matches_transcript("nested_plan_fails");
}

#[test]
fn a_deep_tree_ends_without_running_out_of_stack() {
    const DEPTH: usize = 300;
    let mut story = Story::new().start(start(NodeKind::External));
    let mut parent = story.id("root");
    for _ in 0..DEPTH {
        parent = runyard_engine::NodeRunId::child(story.world.state.run, parent, "a");
        let above = story.world.state.node(parent).is_none();
        assert!(above);
        let up = story.world.state.order.last().copied().unwrap();
        assert_eq!(story.world.create(up, vec![child("a", NodeKind::External)]), Ok(vec![parent]));
    }
    let story = story.cancel();
    assert_eq!(story.world.ended().len(), DEPTH + 1);
}
