//! An agent: turns and the tool calls that follow each turn. It runs until its tools are known, then waits for its
//! children.
//!
//! A turn is a call of a model. Its outputs say what follows ([`NextStep`]): calls, of which at most `at_once` run at the
//! same time, or the answer. After the last call of a turn the next turn begins, whether the calls succeeded or not,
//! because the model reads how they ended. A call that was denied has failed, too.
//!
//! A failed turn ends the agent with `child_failed`. If the last turn that it may have asks for calls again, it ends
//! with `budget_exceeded`, and these calls are not made.
//!
//! Turns have the keys `turn-1`, `turn-2` and so on and no place. Calls have keys such as `turn-1-call-2`, and as place
//! the index of their tool.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::draft::Draft;
use crate::ending::{Ending, ended_as};
use crate::event::{ChildCreated, Failure, FinalState};
use crate::finish;
use crate::large::{self, Found};
use crate::record::agent::{Agent, NEXT, NextStep, ToolCall};
use crate::{Constraints, Event, FailureCode, Node, NodeKind, NodeRunId, Object, Policy, Rejected, State, limits};

/// Begins the first turn.
pub(crate) fn first(draft: &mut Draft, id: NodeRunId) -> Result<Option<Ending>, Rejected> {
    next_turn(draft, id)
}

/// Begins the calls that follow a turn or the turn that follows its calls, or ends, as described above.
pub(crate) fn child_ended(draft: &mut Draft, id: NodeRunId, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    let child = draft.node(child)?;
    if child.place.is_none() && child.final_state() != Some(FinalState::Succeeded) {
        return Ok(Some(Ending::failed(turn_failed(child))));
    }
    let node = draft.node(id)?;
    let Some(turn) = last_turn(draft.state(), node) else { return Err(super::impossible(id, "it has no turn")) };
    match next_step(turn)? {
        Some(NextStep::Answer(outputs)) => Ok(Some(Ending::succeeded(outputs))),
        Some(NextStep::Calls(calls)) => go_on(draft, id, &calls),
        None => {
            let message = format!("`{}` does not say what follows it", turn.key);
            Ok(Some(Ending::failed(Failure::new(FailureCode::InvalidOutputs, message))))
        }
    }
}

/// Whether a node run is a turn of an agent.
pub(crate) fn is_turn(state: &State, node: &Node) -> bool {
    node.place.is_none() && is_child_of_agent(state, node)
}

/// Whether a node run is a tool call of an agent.
pub(crate) fn is_tool_call(state: &State, node: &Node) -> bool {
    node.place.is_some() && is_child_of_agent(state, node)
}

fn is_child_of_agent(state: &State, node: &Node) -> bool {
    node.parent.and_then(|id| state.node(id)).is_some_and(|parent| parent.node_type.kind == NodeKind::Agent)
}

/// The last turn.
fn last_turn<'a>(state: &'a State, agent: &'a Node) -> Option<&'a Node> {
    agent.children.iter().rev().filter_map(|id| state.node(*id)).find(|child| child.place.is_none())
}

/// The number of turns so far.
fn turns(state: &State, agent: &Node) -> u32 {
    let turns = agent.children.iter().filter_map(|id| state.node(*id)).filter(|child| child.place.is_none());
    u32::try_from(turns.count()).unwrap_or(u32::MAX)
}

/// What follows a turn; `None` if its outputs do not say it.
fn next_step(turn: &Node) -> Result<Option<NextStep>, Rejected> {
    let Some(outputs) = &turn.outputs else { return Ok(None) };
    let needed = |digest| Rejected::NeedsValues { digests: [digest].into() };
    let next = match large::at(outputs, &format!("/{NEXT}")) {
        Found::Value(next) => next,
        Found::In(digest) => return Err(needed(digest)),
        Found::Nothing => return Ok(None),
    };
    if let Some(reference) = next.as_object().and_then(large::reference) {
        return Err(needed(reference.digest));
    }
    Ok(serde_json::from_value(next.clone()).ok())
}

/// Begins the next calls of the last turn, or the next turn after the last of them.
fn go_on(draft: &mut Draft, id: NodeRunId, calls: &[ToolCall]) -> Result<Option<Ending>, Rejected> {
    let agent = content(draft, id)?;
    let turn = turns(draft.state(), draft.node(id)?);
    if turn >= agent.turns_max {
        return Ok(Some(Ending::failed(out_of_turns(agent.turns_max))));
    }
    loop {
        let node = draft.node(id)?;
        let begun = node.children.iter().rev().filter_map(|id| draft.state().node(*id));
        let begun = begun.take_while(|child| child.place.is_some()).count();
        let Some(call) = calls.get(begun).filter(|_| node.live_children < agent.at_once.max(1) as usize) else {
            let more = begun < calls.len() || node.live_children > 0;
            return if more { Ok(None) } else { next_turn(draft, id) };
        };
        let Some(tool) = agent.tools.get(call.tool as usize) else {
            let message = format!("turn {turn} calls a tool that the agent does not have");
            return Ok(Some(Ending::failed(Failure::new(FailureCode::InvalidOutputs, message))));
        };
        let mut asked = Constraints::default();
        asked.gates.require_approval = tool.needs_approval;
        let mut inputs = call.inputs.clone();
        inputs.extend(tool.inputs.clone());
        let child = ChildCreated {
            inputs,
            place: Some(call.tool),
            policy: tool.policy.clone(),
            constraints: node.constraints.merge(&tool.node_type.constraints).merge(&asked),
            asked,
            ..created(draft.state(), node, format!("turn-{turn}-call-{}", begun + 1), &tool.node_type)
        };
        if let Some(ending) = create(draft, id, child)? {
            return Ok(Some(ending));
        }
    }
}

/// Begins the next turn.
fn next_turn(draft: &mut Draft, id: NodeRunId) -> Result<Option<Ending>, Rejected> {
    let agent = content(draft, id)?;
    let node = draft.node(id)?;
    let number = turns(draft.state(), node) + 1;
    let child = created(draft.state(), node, format!("turn-{number}"), &agent.turn);
    create(draft, id, child)
}

/// Creates a child, unless it would exceed a limit, which then ends the agent.
fn create(draft: &mut Draft, id: NodeRunId, child: ChildCreated) -> Result<Option<Ending>, Rejected> {
    if let Err(breach) = limits::more_children_fit(draft.state(), draft.node(id)?, 1) {
        return Ok(Some(Ending::failed(Failure::from(breach))));
    }
    draft.record(Event::ChildCreated(Box::new(child)))?;
    Ok(None)
}

fn created(state: &State, parent: &Node, key: String, node_type: &crate::NodeType) -> ChildCreated {
    ChildCreated {
        node_run: NodeRunId::child(state.run, parent.id, &key),
        parent: parent.id,
        key,
        key_given: false,
        node_type: node_type.clone(),
        inputs: Object::new(),
        bindings: Vec::new(),
        depends_on: Vec::new(),
        fallback_for: Vec::new(),
        place: None,
        policy: Policy::default(),
        asked: Constraints::default(),
        constraints: parent.constraints.merge(&node_type.constraints),
        goal: None,
        candidate_set_id: None,
        binding_decision: None,
        notes: Object::new(),
    }
}

fn content(draft: &Draft, id: NodeRunId) -> Result<Arc<Agent>, Rejected> {
    draft.node(id)?.agent.clone().ok_or_else(|| super::impossible(id, "it has no tools and no model"))
}

/// The failure of the agent when a turn did not succeed.
fn turn_failed(turn: &Node) -> Failure {
    let (code, reason) = match &turn.error {
        Some(error) => (error.code.as_str(), error.message.as_str()),
        None => ("unknown", "no reason was given"),
    };
    let details = Object::from_iter([
        ("node_run_id".to_owned(), Value::String(turn.id.to_string())),
        ("code".to_owned(), json!(code)),
        ("message".to_owned(), json!(reason)),
    ]);
    let how = ended_as(turn.final_state().unwrap_or(FinalState::Failed));
    let message = format!("`{}` {how}: {reason}", turn.key);
    Failure { details: Some(details), ..Failure::new(FailureCode::ChildFailed, message) }
}

/// The failure of an agent that asks for tools in its last turn.
fn out_of_turns(turns_max: u32) -> Failure {
    let details = [("constraint", "max_turns".to_owned()), ("limit", turns_max.to_string())];
    let details = details.map(|(field, value)| (field.to_owned(), Value::String(value)));
    let message = format!("the agent asked for tools in the last of its {turns_max} turns (`limits.max_turns`)");
    Failure {
        details: Some(Object::from_iter(details)),
        retryable: Some(false),
        ..Failure::new(FailureCode::BudgetExceeded, message)
    }
}

/// Ends a tool call that was denied; the agent goes on.
pub(crate) fn denied(draft: &mut Draft, call: NodeRunId, why: Failure) -> Result<(), Rejected> {
    finish::end(draft, call, Ending::failed(why))
}
