//! A goal, split into children by the planner: works while it is being planned, then waits for its children.
//!
//! How it ends:
//! - A child that is canceled, or that fails and is neither passed over (`continue`) nor made good by its stand-in (`go to`), ends
//!   it at once: failed, `child_failed`.
//! - Otherwise it ends when all its children have. If no failure was passed over, it has succeeded. A child whose stand-in
//!   succeeded counts as done, and a stand-in or a branch that was not needed counts as nothing.
//! - If failures were passed over, it has failed, with outputs all the same: `partial` if some child succeeded (or was itself
//!   partial), else `nothing_achieved`. At the root that is the outcome of the run; further down it is a failure like any other,
//!   and what it means is for that composite's own policy to say.
//!
//! A value read from a step is read from its stand-in if that one ran. Where there is none because a failure was passed over, it
//! is null. The default result is that of the last step that is no stand-in.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::draft::Draft;
use crate::event::{Failure, FinalState};
use crate::finish::{self, Ending, ended_as, failure};
use crate::plan::{PlanResult, Source};
use crate::standing::{self, Standing};
use crate::{Node, NodeRunId, NodeState, Object, Rejected, Shortfall, State, Wait, bindings, large};

/// A plan is at work as soon as it has begun: it is being made.
pub(crate) fn begin() -> Option<Wait> {
    None
}

/// What a child's end means to it: see above.
pub(crate) fn child_ended(draft: &mut Draft, plan: NodeRunId, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    if standing::of(draft.state(), draft.node(child)?) == Standing::Hopeless {
        return give_up(draft, plan, child).map(Some);
    }
    for skipped in finish::skip_hopeless(draft, child)? {
        let whom = draft.node(skipped)?.fallback_for.iter().filter_map(|id| draft.state().node(*id));
        let lost = whom.filter(|whom| whom.final_state() == Some(FinalState::Failed)).map(|whom| whom.id).next();
        if let Some(lost) = lost {
            return give_up(draft, plan, lost).map(Some);
        }
    }
    let plan = draft.node(plan)?;
    if plan.live_children > 0 {
        return Ok(None);
    }
    let sources = plan.result.as_ref().map(PlanResult::sources).unwrap_or_default();
    let digests: BTreeSet<_> =
        sources.iter().flat_map(|source| bindings::needs_of(draft.state(), plan.id, source)).collect();
    if !digests.is_empty() {
        return Err(Rejected::NeedsValues { digests });
    }
    Ok(Some(answer(draft.state(), plan)))
}

/// A child ended without success, and nothing makes up for it.
fn give_up(draft: &mut Draft, plan: NodeRunId, child: NodeRunId) -> Result<Ending, Rejected> {
    let child = draft.node(child)?;
    let failure = child_failed(child, child.final_state().unwrap_or(FinalState::Failed));
    stop_siblings(draft, plan, &failure.message)?;
    Ok(Ending::failed(failure))
}

/// What the composite fails with when a child did not succeed.
fn child_failed(child: &Node, state: FinalState) -> Failure {
    let (code, reason) = match &child.error {
        Some(error) => (error.code.as_str(), error.message.as_str()),
        None => ("unknown", "no reason was given"),
    };
    let details = Object::from_iter([
        ("node_run_id".to_owned(), Value::String(child.id.to_string())),
        ("code".to_owned(), Value::String(code.to_owned())),
        ("message".to_owned(), Value::String(reason.to_owned())),
    ]);
    let message = format!("step `{}` {}: {reason}", child.key, ended_as(state));
    Failure { details: Some(details), ..failure("child_failed", message) }
}

/// Cancels the siblings that have begun or could have, and skips those that waited for others.
fn stop_siblings(draft: &mut Draft, plan: NodeRunId, why: &str) -> Result<(), Rejected> {
    let (canceled, skipped) =
        (failure("canceled", format!("stopped because {why}")), failure("dependency_failed", why));
    for sibling in draft.node(plan)?.children.clone() {
        match draft.node(sibling)?.state {
            NodeState::Final(_) => {}
            NodeState::Pending => _ = finish::skip(draft, sibling, skipped.clone())?,
            NodeState::Queued | NodeState::Running | NodeState::Waiting(_) => {
                finish::cancel(draft, sibling, &canceled)?
            }
        }
    }
    Ok(())
}

/// How the composite ends, once every child has and none ended it.
fn answer(state: &State, plan: &Node) -> Ending {
    let read = |source: &Source| bindings::read(state, plan.id, source);
    let result = match &plan.result {
        Some(PlanResult::One(source)) => read(source),
        Some(PlanResult::List(sources)) => sources.iter().map(read).collect::<Result<_, _>>().map(Value::Array),
        None => Ok(last_outputs(state, plan)),
    };
    let result = match result {
        Ok(result) => result,
        Err(failure) => return Ending::failed(failure),
    };
    let children = plan.children.iter().filter_map(|id| state.node(*id)).map(summary).collect();
    let outputs = Object::from_iter([
        ("planner_summary".to_owned(), Value::String(plan.summary.clone().unwrap_or_default())),
        ("child_node_runs".to_owned(), Value::Array(children)),
        ("result".to_owned(), result),
    ]);
    match shortfall(state, plan) {
        Some((shortfall, error)) => Ending::short(shortfall, outputs, error),
        None => Ending::succeeded(outputs),
    }
}

/// How far it fell short of success, if failures were passed over.
fn shortfall(state: &State, plan: &Node) -> Option<(Shortfall, Failure)> {
    let children = || plan.children.iter().filter_map(|id| state.node(*id));
    let passed_over = |child: &&Node| {
        child.final_state() == Some(FinalState::Failed) && standing::fallback_of(state, child).is_none()
    };
    let lost: Vec<&Node> = children().filter(passed_over).collect();
    let first = lost.first()?;
    let achieved = children()
        .any(|child| child.final_state() == Some(FinalState::Succeeded) || child.shortfall == Some(Shortfall::Partial));
    let reason = first.error.as_ref().map_or("no reason was given", |error| error.message.as_str());
    let (count, all, was) = (lost.len(), plan.children.len(), if lost.len() == 1 { "was" } else { "were" });
    let message = format!("{count} of {all} steps failed and {was} passed over; first `{}`: {reason}", first.key);
    let keys = lost.iter().map(|child| Value::String(child.key.clone())).collect();
    let details = Object::from_iter([("failed_steps".to_owned(), Value::Array(keys))]);
    let (shortfall, plain) = if achieved {
        (Shortfall::Partial, failure("partial", message))
    } else {
        (Shortfall::NothingAchieved, failure("nothing_achieved", message))
    };
    Some((shortfall, Failure { details: Some(details), ..plain }))
}

/// One child in the composite's outputs.
fn summary(child: &Node) -> Value {
    let asked = &child.node_type.asked;
    let mut summary = Object::from_iter([
        ("node_run_id".to_owned(), Value::String(child.id.to_string())),
        ("node_type_ref".to_owned(), json!({ "node_type_id": asked.id, "version": asked.version })),
        ("state".to_owned(), Value::String(child.state.to_string())),
    ]);
    if let Some(outputs) = &child.outputs {
        summary.insert("outputs".to_owned(), Value::Object(outputs.clone()));
    }
    Value::Object(summary)
}

/// The last step's outputs; the value alone where there is exactly one.
fn last_outputs(state: &State, plan: &Node) -> Value {
    let mut children = plan.children.iter().rev().filter_map(|id| state.node(*id));
    let Some(last) = children.find(|child| child.fallback_for.is_empty()) else { return Value::Null };
    let last = standing::stand_in(state, last);
    match &last.outputs {
        Some(outputs) if outputs.len() == 1 && !outputs.contains_key(large::MARK) => {
            outputs.values().next().cloned().unwrap_or_default()
        }
        Some(outputs) => Value::Object(outputs.clone()),
        None if last.final_state() == Some(FinalState::Succeeded) => Value::Object(Object::new()),
        None => Value::Null,
    }
}
