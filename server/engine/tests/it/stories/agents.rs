//! Agents: turns, and the tool calls that follow them.

use std::sync::Arc;

use runyard_engine::{Agent, ApprovalStrategy, Content, NodeKind, RunOutcome, RunStatus, Start};
use serde_json::json;

use crate::make::{agent, answers, calls, limits, object, start};
use crate::story::Story;

fn of(agent: Agent) -> Story {
    working(start(NodeKind::Agent), agent)
}

fn working(start: Start, agent: Agent) -> Story {
    Story::new().start(start).loaded("root", Content::Agent(Arc::new(agent)))
}

const TWO: [NodeKind; 2] = [NodeKind::Call, NodeKind::Ask];

fn with_approval() -> Agent {
    let mut agent = agent(&TWO);
    agent.tools[0].needs_approval = true;
    agent
}

#[test]
fn a_turn_calls_tools_a_few_at_once_and_the_next_turn_follows_the_last_of_them() {
    of(agent(&[NodeKind::Call]))
        .complete_with("root/turn-1", calls(&[0, 0, 0]))
        .complete("root/turn-1-call-2")
        .fail("root/turn-1-call-1")
        .complete("root/turn-1-call-3")
        .complete_with("root/turn-2", answers())
        .matches_transcript("agent");
}

#[test]
fn calls_that_cannot_be_made_are_followed_by_another_turn_at_once() {
    let story = of(agent(&[])).complete_with("root/turn-1", calls(&[]));
    assert!(story.node("root/turn-2").is_live());
    let story = story.complete_with("root/turn-2", answers());
    assert_eq!(story.world.state.outputs, Some(object(json!({ "result": "x" }))));
}

#[test]
fn a_failed_turn_ends_the_agent() {
    of(agent(&TWO)).fail("root/turn-1").matches_transcript("agent_turn_fails");
}

#[test]
fn a_turn_that_does_not_say_what_follows_ends_the_agent() {
    for outputs in [json!({}), json!({ "next": 1 }), calls(&[7])] {
        let story = of(agent(&TWO)).complete_with("root/turn-1", outputs);
        assert_eq!(story.world.state.error.as_ref().unwrap().code.as_str(), "invalid_outputs");
    }
}

#[test]
fn calls_of_the_last_turn_are_not_made() {
    let last = Agent { turns_max: 1, ..agent(&TWO) };
    let story = of(last).complete_with("root/turn-1", calls(&[0]));
    assert_eq!(story.world.state.status, RunStatus::Final(RunOutcome::Failed));
    assert_eq!(story.world.state.error.as_ref().unwrap().code.as_str(), "budget_exceeded");
    assert_eq!(story.world.state.nodes.len(), 2);
}

#[test]
fn a_call_with_approval_waits_runs_with_the_inputs_of_the_approver_and_may_be_denied() {
    of(with_approval())
        .complete_with("root/turn-1", calls(&[0, 0]))
        .approve_with("root/turn-1-call-1", json!({ "n": 9 }))
        .deny("root/turn-1-call-2", "too much")
        .complete("root/turn-1-call-1")
        .complete_with("root/turn-2", answers())
        .matches_transcript("agent_approvals");
}

#[test]
fn inputs_are_changed_only_with_an_approval_and_only_once() {
    let story = of(with_approval()).complete_with("root/turn-1", calls(&[0]));
    let path = "root/turn-1-call-1";
    let story = story.approve_with(path, json!({ "n": 9 })).approve_with(path, json!({ "n": 9 }));
    let version = story.world.state.version;
    let story = story.approve_with(path, json!({ "n": 10 }));
    assert_eq!(story.world.state.version, version);
    assert_eq!(*story.node(path).inputs, object(json!({ "n": 9 })));
}

#[test]
fn turns_need_no_approval_where_every_call_does() {
    let asked = Start { approval: ApprovalStrategy::OnToolCall, ..start(NodeKind::Agent) };
    let story = working(asked, agent(&TWO)).complete_with("root/turn-1", calls(&[0]));
    assert!(story.node("root/turn-1-call-1").is_asked());
}

#[test]
fn a_question_to_a_person_is_a_call_like_any_other() {
    let story = of(agent(&TWO)).complete_with("root/turn-1", calls(&[1]));
    assert!(story.world.state.has_open_question());
}

#[test]
fn the_budget_of_steps_counts_turns_and_calls() {
    let constraints = limits(json!({ "budgets": { "max_steps": 2 } }));
    let asked = Start { constraints, ..start(NodeKind::Agent) };
    let story = working(asked, agent(&TWO)).complete_with("root/turn-1", calls(&[0])).complete("root/turn-1-call-1");
    assert_eq!(story.world.state.error.as_ref().unwrap().code.as_str(), "child_failed");
    let details = story.world.state.error.as_ref().unwrap().details.as_ref().unwrap();
    assert_eq!(details["code"], "budget_exceeded");
}

#[test]
fn a_canceled_agent_ends_with_everything_in_it() {
    of(agent(&TWO)).complete_with("root/turn-1", calls(&[0, 1])).cancel().matches_transcript("agent_canceled");
}
