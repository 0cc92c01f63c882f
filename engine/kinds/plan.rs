//! A goal, split into children by the planner: works while it is being planned, then waits for its children. It succeeds
//! when all of them have, and fails with the first that has not.

use serde_json::{Value, json};

use crate::draft::Draft;
use crate::event::{Failure, FinalState};
use crate::finish::{self, Ending, ended_as, failure};
use crate::{Node, NodeRunId, NodeState, Object, Rejected, State, Wait, bindings};

/// A plan is at work as soon as it has begun: it is being made.
pub(crate) fn begin() -> Option<Wait> {
    None
}

/// Success with the last child's, failure with any child's failure.
pub(crate) fn child_ended(draft: &mut Draft, plan: NodeRunId, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    let ended = draft.node(child)?;
    match ended.final_state() {
        Some(FinalState::Succeeded) => {
            let plan = draft.node(plan)?;
            Ok((plan.live_children == 0).then(|| answer(draft.state(), plan)))
        }
        Some(state) => {
            let failure = child_failed(ended, state);
            stop_siblings(draft, plan, &failure.message)?;
            Ok(Some(Ending::failed(failure)))
        }
        None => Ok(None),
    }
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
            NodeState::Pending => finish::skip(draft, sibling, skipped.clone())?,
            NodeState::Queued | NodeState::Running | NodeState::Waiting(_) => {
                finish::cancel(draft, sibling, &canceled)?
            }
        }
    }
    Ok(())
}

/// The composite's own outputs, once every child has succeeded.
fn answer(state: &State, plan: &Node) -> Ending {
    let result = match &plan.result {
        Some(source) => bindings::read(state, plan.id, source),
        None => Ok(last_outputs(state, plan)),
    };
    let result = match result {
        Ok(result) => result,
        Err(failure) => return Ending::failed(failure),
    };
    let children = plan.children.iter().filter_map(|id| state.node(*id)).map(summary).collect();
    Ending::succeeded(Object::from_iter([
        ("planner_summary".to_owned(), Value::String(plan.summary.clone().unwrap_or_default())),
        ("child_node_runs".to_owned(), Value::Array(children)),
        ("result".to_owned(), result),
    ]))
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
    let last = plan.children.last().and_then(|id| state.node(*id));
    let outputs = last.and_then(|last| last.outputs.as_ref());
    match outputs {
        Some(outputs) if outputs.len() == 1 => outputs.values().next().cloned().unwrap_or_default(),
        Some(outputs) => Value::Object(outputs.clone()),
        None => Value::Object(Object::new()),
    }
}
