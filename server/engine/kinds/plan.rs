//! A goal, split into children by the planner: it runs while it is being planned, then waits for its children.
//!
//! How it ends:
//! - A canceled child fails it at once with `child_failed`. So does a failed child, unless the failure is ignored
//!   (`continue`) or its fallback succeeds (`go to`).
//! - Otherwise it ends after all its children. If no failure was ignored, it succeeds. A child whose fallback succeeded
//!   counts as a success. A fallback that was not needed does not count.
//! - If failures were ignored, it fails and still has outputs: `partial` if some child succeeded or was partial, else
//!   `nothing_achieved`. For the root, that is the outcome of the run. Below the root, it is a failure, which the
//!   policy of that composite handles.
//!
//! A value of a step is read from its fallback if that one ran. It is null if it is missing because a failure was
//! ignored. The default result is that of the last step that is not a fallback.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::dependency::{self, DependencyStatus};
use crate::draft::Draft;
use crate::ending::{Ending, ended_as};
use crate::event::{Failure, FinalState};
use crate::finish;
use crate::plan::{PlanResult, Source};
use crate::{FailureCode, Node, NodeRunId, NodeState, Object, Rejected, Shortfall, State, Wait, bindings, large};

/// A plan runs as soon as it has begun, because it is being planned.
pub(crate) fn begin() -> Option<Wait> {
    None
}

/// Handles the end of a child as described above.
pub(crate) fn child_ended(draft: &mut Draft, plan: NodeRunId, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    if dependency::status(draft.state(), draft.node(child)?) == DependencyStatus::Unsatisfiable {
        return give_up(draft, plan, child).map(Some);
    }
    for skipped in finish::skip_unsatisfiable(draft, child)? {
        let replaced = draft.node(skipped)?.fallback_for.iter().filter_map(|id| draft.state().node(*id));
        let lost = replaced
            .filter(|replaced| replaced.final_state() == Some(FinalState::Failed))
            .map(|replaced| replaced.id)
            .next();
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

/// Fails the plan, because a child ended without success and has no fallback left.
fn give_up(draft: &mut Draft, plan: NodeRunId, child: NodeRunId) -> Result<Ending, Rejected> {
    let child = draft.node(child)?;
    let failure = child_failed(child, child.final_state().unwrap_or(FinalState::Failed));
    stop_siblings(draft, plan, &failure.message)?;
    Ok(Ending::failed(failure))
}

/// The failure of the composite when a child did not succeed.
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
    Failure { details: Some(details), ..Failure::new(FailureCode::ChildFailed, message) }
}

/// Cancels the siblings that have begun or are ready, and skips the pending ones.
fn stop_siblings(draft: &mut Draft, plan: NodeRunId, why: &str) -> Result<(), Rejected> {
    let (canceled, skipped) = (
        Failure::new(FailureCode::Canceled, format!("stopped because {why}")),
        Failure::new(FailureCode::DependencyFailed, why),
    );
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

/// The end of the composite after all its children.
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

/// How much was achieved, if failures were ignored.
fn shortfall(state: &State, plan: &Node) -> Option<(Shortfall, Failure)> {
    let children = || plan.children.iter().filter_map(|id| state.node(*id));
    let passed_over = |child: &&Node| {
        child.final_state() == Some(FinalState::Failed) && dependency::fallback_of(state, child).is_none()
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
        (Shortfall::Partial, Failure::new(FailureCode::Partial, message))
    } else {
        (Shortfall::NothingAchieved, Failure::new(FailureCode::NothingAchieved, message))
    };
    Some((shortfall, Failure { details: Some(details), ..plain }))
}

/// The entry of one child in the composite's outputs.
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

/// The last step's outputs; if there is exactly one, only its value.
fn last_outputs(state: &State, plan: &Node) -> Value {
    let mut children = plan.children.iter().rev().filter_map(|id| state.node(*id));
    let Some(last) = children.find(|child| child.fallback_for.is_empty()) else { return Value::Null };
    let last = dependency::effective(state, last);
    match &last.outputs {
        Some(outputs) if outputs.len() == 1 && !outputs.contains_key(large::MARK) => {
            outputs.values().next().cloned().unwrap_or_default()
        }
        Some(outputs) => Value::Object(outputs.clone()),
        None if last.final_state() == Some(FinalState::Succeeded) => Value::Object(Object::new()),
        None => Value::Null,
    }
}
