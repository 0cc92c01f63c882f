//! Pauses: no node run begins, and work in flight is not lost.

use runyard_engine::event::FinalState;
use runyard_engine::{ApprovalStrategy, NodeKind, RunOutcome, RunStatus, Start};
use serde_json::json;

use crate::make::{child, limits, node_type, object, plan, start, step, tries};
use crate::story::Story;

#[test]
fn what_is_in_flight_ends_and_what_follows_waits() {
    Story::new()
        .start(start(NodeKind::Plan))
        .planned("root", plan(vec![step("S1", &[]), step("S2", &["S1"])]))
        .pause("maintenance")
        .complete("root/S1")
        .resume()
        .complete("root/S2")
        .matches_transcript("pause");
}

#[test]
fn twice_is_once() {
    let story = Story::new().start(start(NodeKind::Call)).resume().pause("one").pause("two").resume().resume();
    story.complete("root").pause("too late").resume().matches_transcript("pause_twice");
}

#[test]
fn a_plan_that_comes_back_is_recorded_and_waits() {
    let story = Story::new().start(start(NodeKind::Plan)).pause("first");
    let story = story.planned("root", plan(vec![step("S1", &[])]));
    assert_eq!((story.world.state.status, story.node("root/S1").attempt), (RunStatus::Waiting, 0));
    story.resume().complete("root/S1").matches_transcript("pause_while_planning");
}

#[test]
fn timers_that_come_due_are_recorded_and_begin_nothing() {
    let mut first = step("S1", &[]);
    first.policy = tries(2);
    let mut sleeper = step("S2", &[]);
    (sleeper.node_type, sleeper.inputs) = (node_type(NodeKind::Sleep), object(json!({ "seconds": 0.1 })));
    Story::new()
        .start(start(NodeKind::Plan))
        .planned("root", plan(vec![first, sleeper, step("S3", &["S2"])]))
        .fail("root/S1")
        .pause("for a while")
        .after_ms(100)
        .wake("root/S1", "retry")
        .wake("root/S2", "sleep")
        .resume()
        .matches_transcript("pause_and_timers");
}

#[test]
fn a_paused_run_can_end() {
    let two = || plan(vec![step("S1", &[]), step("S2", &[])]);
    let paused = || Story::new().start(start(NodeKind::Plan)).planned("root", two()).pause("for a while");
    let canceled = paused().cancel();
    assert_eq!(canceled.world.state.status, RunStatus::Final(RunOutcome::Canceled));
    let ended = paused().complete("root/S1").complete("root/S2");
    assert_eq!(ended.world.state.status, RunStatus::Final(RunOutcome::Succeeded));
    assert_eq!((ended.world.state.paused, canceled.world.state.paused), (None, None));
}

#[test]
fn the_time_of_a_run_goes_on_while_it_is_paused() {
    let within =
        Start { constraints: limits(json!({ "budgets": { "max_wall_time_ms": 80 } })), ..start(NodeKind::Call) };
    let story = Story::new().start(within).pause("for a while").after_ms(80).wake("root", "wall_time");
    assert_eq!(story.world.state.error.unwrap().code.as_str(), "timed_out");
}

#[test]
fn children_from_outside_are_taken_and_wait() {
    let story = Story::new().start(start(NodeKind::External)).pause("for a while");
    let story = story.create("root", vec![child("a", NodeKind::Call), child("inner", NodeKind::External)]);
    let story = story.create("root/inner", vec![child("b", NodeKind::Call)]).resume();
    story.complete("root/a").end("root/inner", FinalState::Succeeded).matches_transcript("pause_of_an_external_root");
}

#[test]
fn an_approval_that_is_given_while_paused_begins_nothing() {
    let asking = Start { approval: ApprovalStrategy::OnToolCall, ..start(NodeKind::Plan) };
    Story::new()
        .start(asking)
        .planned("root", plan(vec![step("S1", &[]), step("S2", &["S1"])]))
        .pause("for a while")
        .approve("root/S1")
        .resume()
        .pause("again")
        .complete("root/S1")
        .resume()
        .matches_transcript("pause_and_approval");
}
