//! Budgets of steps, external calls and time.

use runyard_engine::event::FinalState;
use runyard_engine::{ChildSpec, Constraints, NodeKind, Start};
use serde_json::json;

use crate::make::{child, limits, node_type, plan, start, step, tries};
use crate::story::Story;

fn within(kind: NodeKind, budgets: serde_json::Value) -> Start {
    Start { constraints: limits(json!({ "budgets": budgets })), ..start(kind) }
}

#[test]
fn the_run_ends_when_its_time_is_over() {
    let mut sleeper = step("b", &[]);
    sleeper.node_type = node_type(NodeKind::Sleep);
    Story::new()
        .start(within(NodeKind::Plan, json!({ "max_wall_time_ms": 500 })))
        .planned("root", plan(vec![step("a", &[]), sleeper, step("c", &["a"])]))
        .wake("root", "wall_time")
        .after_ms(500)
        .wake("root", "wall_time")
        .wake("root", "wall_time")
        .complete("root/a")
        .matches_transcript("time_is_over");
}

#[test]
fn a_run_that_ends_in_time_takes_its_timer_back() {
    let story = Story::new().start(within(NodeKind::Call, json!({ "max_wall_time_ms": 500 }))).complete("root");
    story.wake("root", "wall_time").matches_transcript("ended_in_time");
}

#[test]
fn no_time_at_all_is_over_at_once() {
    let story = Story::new().start(within(NodeKind::External, json!({ "max_wall_time_ms": 0 })));
    let story = story.wake("root", "wall_time");
    assert_eq!(story.world.state.error.unwrap().code.as_str(), "timed_out");
}

#[test]
fn more_time_than_there_is_never_ends() {
    let story = Story::new().start(within(NodeKind::Call, json!({ "max_wall_time_ms": u64::MAX })));
    assert!(story.world.wanted.values().any(|effect| effect.due_at_ms == i64::MAX));
}

#[test]
fn a_child_has_a_time_of_its_own() {
    let timed = ChildSpec {
        constraints: limits(json!({ "budgets": { "max_wall_time_ms": 50 } })),
        ..child("a", NodeKind::External)
    };
    Story::new()
        .start(start(NodeKind::External))
        .create("root", vec![timed])
        .create("root/a", vec![child("b", NodeKind::Call)])
        .after_ms(50)
        .wake("root/a", "wall_time")
        .end("root", FinalState::Succeeded)
        .matches_transcript("child_time_is_over");
}

#[test]
fn a_type_brings_its_own_time() {
    let mut timed = step("a", &[]);
    timed.node_type.constraints = limits(json!({ "budgets": { "max_wall_time_ms": 50 } }));
    let story = Story::new().start(start(NodeKind::Plan)).planned("root", plan(vec![timed]));
    let story = story.after_ms(60).wake("root/a", "wall_time");
    assert_eq!(story.node("root/a").error.as_ref().unwrap().code.as_str(), "timed_out");
    assert_eq!(story.world.state.error.unwrap().code.as_str(), "child_failed");
}

#[test]
fn one_step_too_many_fails() {
    Story::new()
        .start(within(NodeKind::Plan, json!({ "max_steps": 1 })))
        .planned("root", plan(vec![step("a", &[]), step("b", &["a"])]))
        .complete("root/a")
        .matches_transcript("steps_are_spent");
}

#[test]
fn no_steps_at_all_fail_the_run_and_do_not_refuse_it() {
    Story::new().start(within(NodeKind::Call, json!({ "max_steps": 0 }))).matches_transcript("no_steps");
}

#[test]
fn a_composite_spends_its_own_steps() {
    let budget = |key: &str, steps: u64| {
        let constraints: Constraints = limits(json!({ "budgets": { "max_steps": steps } }));
        ChildSpec { constraints, ..child(key, NodeKind::External) }
    };
    Story::new()
        .start(start(NodeKind::External))
        .create("root", vec![budget("one", 1), budget("two", 1)])
        .create("root/one", vec![child("a", NodeKind::Call), child("b", NodeKind::Call)])
        .create("root/two", vec![child("a", NodeKind::Sleep)])
        .matches_transcript("steps_of_a_composite");
}

/// A child with an external call.
fn outside(key: &str) -> ChildSpec {
    let mut child = child(key, NodeKind::Call);
    child.node_type.external = true;
    child
}

#[test]
fn max_external_calls_counts_every_attempt_of_a_call_that_leaves_the_server() {
    let mut root = within(NodeKind::Call, json!({ "max_external_calls": 2 }));
    root.node_type.external = true;
    root.policy = tries(5);
    let story = Story::new().start(root);
    let story = story.fail("root").after_ms(60_000).wake("root", "retry").fail("root").after_ms(60_000);
    let story = story.wake("root", "retry");
    let error = story.world.state.error.clone().unwrap();
    assert_eq!((error.code.as_str(), story.world.state.external_calls), ("budget_exceeded", 2));
    let details = error.details.unwrap();
    assert_eq!((&details["constraint"], &details["limit"]), (&json!("max_external_calls"), &json!("2")));
}

#[test]
fn no_external_calls_at_all_leave_what_runs_inside_alone() {
    let budget = json!({ "max_external_calls": 0 });
    let story = Story::new()
        .start(within(NodeKind::External, budget))
        .create("root", vec![child("inside", NodeKind::Call), outside("outside")])
        .complete("root/inside");
    assert_eq!(story.node("root/inside").error, None);
    let refused = story.node("root/outside");
    assert_eq!((refused.error.as_ref().unwrap().code.as_str(), refused.attempt), ("budget_exceeded", 0));
    assert_eq!(story.world.state.external_calls_left(refused.id), Some(0));
}

#[test]
fn a_composite_spends_its_own_external_calls() {
    let constraints: Constraints = limits(json!({ "budgets": { "max_external_calls": 1 } }));
    let composite = ChildSpec { constraints, ..child("one", NodeKind::External) };
    let story = Story::new()
        .start(within(NodeKind::External, json!({ "max_external_calls": 2 })))
        .create("root", vec![composite, outside("other")])
        .create("root/one", vec![outside("a"), outside("b")]);
    let failed = |key: &str| story.node(key).error.as_ref().map(|error| error.code.to_string());
    assert_eq!((failed("root/one/a"), failed("root/other")), (None, None));
    assert_eq!(failed("root/one/b").as_deref(), Some("budget_exceeded"));
    assert_eq!(story.world.state.external_calls, 2);
}

#[test]
fn under_a_max_cost_nothing_without_a_price_is_called() {
    let story = Story::new()
        .start(within(NodeKind::External, json!({ "max_cost": 10.5 })))
        .create("root", vec![child("inside", NodeKind::Call), outside("outside")])
        .complete("root/inside");
    assert_eq!(story.node("root/inside").error, None);
    let error = story.node("root/outside").error.as_ref().unwrap();
    assert_eq!((error.code.as_str(), story.world.state.external_calls), ("budget_exceeded", 0));
    assert!(error.message.contains("has no price"), "{}", error.message);
}
