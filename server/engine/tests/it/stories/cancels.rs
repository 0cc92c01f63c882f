//! Cancellation.

use runyard_engine::{Command, NodeKind, Start};
use serde_json::json;

use crate::make::{child, limits, node_type, plan, start, step};
use crate::story::Story;

#[test]
fn cancel_ends_everything_and_wins() {
    let mut sleeper = step("b", &[]);
    sleeper.node_type = node_type(NodeKind::Sleep);
    let timed = limits(json!({ "budgets": { "max_wall_time_ms": 60_000 } }));
    Story::new()
        .start(Start { constraints: timed, parallel_max: 1, ..start(NodeKind::Plan) })
        .planned("root", plan(vec![step("a", &[]), sleeper, step("c", &[]), step("d", &["a"])]))
        .cancel()
        .cancel()
        .complete("root/a")
        .wake("root/b", "sleep")
        .wake("root", "wall_time")
        .matches_transcript("cancel");
}

#[test]
fn cancel_while_the_plan_is_being_made() {
    let story = Story::new().start(start(NodeKind::Plan)).cancel().planned("root", plan(vec![step("a", &[])]));
    story.matches_transcript("cancel_planning");
}

#[test]
fn cancel_of_a_finished_run_changes_nothing() {
    let story = Story::new().start(start(NodeKind::Call)).complete("root").cancel();
    story.matches_transcript("cancel_finished");
}

#[test]
fn cancel_says_why() {
    let story = Story::new().start(start(NodeKind::External)).create("root", vec![child("a", NodeKind::Call)]);
    let story = story.tell("cancel", Command::Cancel { reason: Some("no longer needed".into()) });
    for error in [&story.world.state.error, &story.node("root").error, &story.node("root/a").error] {
        let error = error.as_ref().unwrap();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("canceled", "no longer needed"));
    }
}
