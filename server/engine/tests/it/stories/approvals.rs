//! Approvals: what waits for one, what follows from a verdict, and that it is decided once.

use runyard_engine::event::FinalState;
use runyard_engine::{
    ApprovalId, ApprovalStrategy, ChildSpec, Command, NodeKind, NodeState, RunOutcome, RunStatus, Start, Verdict, Wait,
};
use serde_json::json;

use crate::make::{binding, child, limits, node_type, plan, run, start, step, tries};
use crate::story::Story;

fn asking(approval: ApprovalStrategy, kind: NodeKind) -> Start {
    Start { approval, ..start(kind) }
}

fn two_steps() -> runyard_engine::Plan {
    let mut second = step("S2", &["S1"]);
    second.bindings = vec![binding("text", "S1", "/made")];
    plan(vec![step("S1", &[]), second])
}

#[test]
fn a_plan_is_approved_once_before_any_of_its_steps_begins() {
    Story::new()
        .start(asking(ApprovalStrategy::OnStart, NodeKind::Plan))
        .planned("root", two_steps())
        .approve("root")
        .complete("root/S1")
        .complete("root/S2")
        .matches_transcript("approval_of_a_plan");
}

#[test]
fn a_plan_that_is_denied_cancels_the_run() {
    Story::new()
        .start(asking(ApprovalStrategy::OnStart, NodeKind::Plan))
        .planned("root", two_steps())
        .deny("root", "too dear")
        .matches_transcript("approval_of_a_plan_denied");
}

#[test]
fn each_call_is_approved_with_the_inputs_that_it_will_have() {
    Story::new()
        .start(asking(ApprovalStrategy::OnToolCall, NodeKind::Plan))
        .planned("root", two_steps())
        .approve("root/S1")
        .complete("root/S1")
        .approve("root/S2")
        .complete("root/S2")
        .matches_transcript("approval_of_calls");
}

#[test]
fn a_call_that_is_denied_cancels_the_run_with_everything_in_flight() {
    Story::new()
        .start(asking(ApprovalStrategy::OnToolCall, NodeKind::Plan))
        .planned("root", plan(vec![step("S1", &[]), step("S2", &[]), step("S3", &["S2"])]))
        .approve("root/S1")
        .deny("root/S2", "not today")
        .complete("root/S1")
        .matches_transcript("approval_of_a_call_denied");
}

#[test]
fn an_approval_is_decided_once() {
    Story::new()
        .start(asking(ApprovalStrategy::OnToolCall, NodeKind::Plan))
        .planned("root", two_steps())
        .approve("root/S1")
        .approve("root/S1")
        .deny("root/S1", "too late")
        .deny("root/S2", "not needed")
        .complete("root/S1")
        .deny("root/S2", "no")
        .deny("root/S2", "no")
        .approve("root/S2")
        .matches_transcript("approval_decided_once");
}

#[test]
fn what_ends_before_it_is_decided_is_decided_no_more() {
    let story = Story::new().start(asking(ApprovalStrategy::OnToolCall, NodeKind::External));
    let story = story.create("root", vec![child("inner", NodeKind::External)]);
    let story = story.create("root/inner", vec![child("a", NodeKind::Call)]).end("root/inner", FinalState::Failed);
    story.approve("root/inner/a").cancel().approve("root/inner/a").matches_transcript("approval_lapsed");
}

#[test]
fn a_call_that_is_tried_again_is_not_asked_about_again() {
    let call = Start { policy: tries(2), ..asking(ApprovalStrategy::OnToolCall, NodeKind::Call) };
    let story = Story::new().start(call).approve("root").fail("root").after_ms(100).wake("root", "retry");
    assert_eq!(story.node("root").attempt, 2);
    story.complete("root").matches_transcript("approval_and_retry");
}

#[test]
fn who_waits_for_an_approval_takes_no_place() {
    let story = Story::new().start(Start { parallel_max: 1, ..asking(ApprovalStrategy::OnToolCall, NodeKind::Plan) });
    let story = story.planned("root", plan(vec![step("S1", &[]), step("S2", &[])]));
    let both = |story: &Story, path: &str| story.node(path).state;
    let waiting = NodeState::Waiting(Wait::Approval);
    assert_eq!((both(&story, "root/S1"), both(&story, "root/S2")), (waiting, waiting));
    let story = story.approve("root/S2").approve("root/S1");
    assert_eq!((both(&story, "root/S1"), both(&story, "root/S2")), (NodeState::Queued, NodeState::Running));
    let story = story.complete("root/S2").complete("root/S1");
    assert_eq!(story.world.state.status, RunStatus::Final(RunOutcome::Succeeded));
}

#[test]
fn whatever_the_root_is_it_is_asked_about_on_start() {
    for kind in [NodeKind::Call, NodeKind::Sleep, NodeKind::External] {
        let story = Story::new().start(asking(ApprovalStrategy::OnStart, kind));
        assert_eq!((story.world.state.status, story.node("root").attempt), (RunStatus::Waiting, 0), "{kind:?}");
        let story = story.create("root", vec![child("a", NodeKind::Call)]).approve("root");
        assert_eq!(story.node("root").attempt, 1, "{kind:?}");
    }
}

#[test]
fn sleeps_and_composites_are_not_calls() {
    let mut sleeper = step("S1", &[]);
    sleeper.node_type = node_type(NodeKind::Sleep);
    let mut inner = step("S2", &[]);
    inner.node_type = node_type(NodeKind::Plan);
    let story = Story::new().start(asking(ApprovalStrategy::OnToolCall, NodeKind::Plan));
    let story = story.planned("root", plan(vec![sleeper, inner])).planned("root/S2", plan(vec![step("deep", &[])]));
    let asked: Vec<&str> = story.world.state.asked().map(|(node, _)| node.key.as_str()).collect();
    assert_eq!(asked, ["deep"]);
    assert!(story.world.state.is_asking());
}

#[test]
fn a_constraint_asks_for_an_approval_of_each_call_below_it() {
    let gate = || limits(json!({ "gates": { "require_approval": true } }));
    let gated = ChildSpec { constraints: gate(), ..child("gated", NodeKind::External) };
    let mut typed = child("typed", NodeKind::Call);
    typed.node_type.constraints = gate();
    Story::new()
        .start(start(NodeKind::External))
        .create("root", vec![gated, typed, child("free", NodeKind::Call)])
        .create("root/gated", vec![child("deep", NodeKind::Call)])
        .approve("root/gated/deep")
        .matches_transcript("approval_by_constraint");
}

#[test]
fn the_time_of_a_run_goes_on_during_an_approval() {
    let within = |kind| Start {
        constraints: limits(json!({ "budgets": { "max_wall_time_ms": 80 } })),
        ..asking(ApprovalStrategy::OnStart, kind)
    };
    Story::new()
        .start(within(NodeKind::Call))
        .after_ms(50)
        .approve("root")
        .after_ms(30)
        .wake("root", "wall_time")
        .matches_transcript("approval_and_time_of_a_call");
    Story::new()
        .start(within(NodeKind::Plan))
        .after_ms(50)
        .planned("root", two_steps())
        .after_ms(30)
        .wake("root", "wall_time")
        .approve("root")
        .matches_transcript("approval_and_time_of_a_plan");
}

#[test]
fn a_step_that_cannot_begin_is_not_asked_about() {
    let mut blind = step("S2", &["S1"]);
    blind.bindings = vec![binding("text", "S1", "/nowhere")];
    let story = Story::new().start(asking(ApprovalStrategy::OnToolCall, NodeKind::Plan));
    let story = story.planned("root", plan(vec![step("S1", &[]), blind])).approve("root/S1").complete("root/S1");
    assert_eq!(story.world.state.status, RunStatus::Final(RunOutcome::Failed));
    assert_eq!(story.node("root/S2").approval, None);
}

#[test]
fn who_decided_and_what_they_said_is_kept() {
    let story = Story::new().start(asking(ApprovalStrategy::OnStart, NodeKind::Call)).after_ms(7);
    let story = story.decide("root", Verdict::Approved, Some("go on"));
    let decided = story.node("root").approval.clone().unwrap().decided.unwrap();
    assert_eq!((decided.by.as_deref(), decided.comment.as_deref()), (Some("ada"), Some("go on")));
    assert_eq!((decided.at_ms, decided.verdict), (story.world.at_ms, Verdict::Approved));
}

#[test]
fn an_unknown_approval_is_not_decided() {
    let story = Story::new().start(start(NodeKind::Call));
    let approval = ApprovalId::of(run(), story.id("root"));
    let command = Command::Decide { approval, verdict: Verdict::Approved, by: None, comment: None, inputs: None };
    let decided = story.tell("decide", command);
    assert!(decided.world.state.approvals.is_empty());
    decided.matches_transcript("approval_unknown");
}
