//! `Settle`: the result of an effect. If the effect is unknown, late or repeated, nothing changes.

use crate::command::Routed;
use crate::draft::Draft;
use crate::ending::Ending;
use crate::finish;
use crate::policy::is_tried;
use crate::{
    Context, Decision, EffectId, Event, Failure, FailureCode, NodeKind, NodeRunId, Outcome, Rejected, State, attempts,
    outstanding, schedule,
};

/// Ends the node run as its effect ended, unless there is a retry.
pub(super) fn decide(
    state: &State,
    effect: EffectId,
    node_run: NodeRunId,
    outcome: Outcome,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let Some(node) = state.node(node_run).filter(|node| outstanding::is_work_of(state.run, node, effect)) else {
        return Ok(Decision::default());
    };
    let routed = match (node.node_type.kind, outcome) {
        (NodeKind::Call, Outcome::Succeeded { outputs }) => Ok(Routed { outputs, ..Routed::default() }),
        (NodeKind::Call, Outcome::Routed(routed)) => Ok(*routed),
        (NodeKind::Plan, Outcome::Succeeded { .. } | Outcome::Routed(_)) => {
            Err((Failure::new(FailureCode::PlanInvalid, "the planner answered without a plan"), None))
        }
        (NodeKind::Run, Outcome::Succeeded { .. } | Outcome::Routed(_)) => {
            Err((Failure::new(FailureCode::SubRunFailed, "the answer does not say that a run was started"), None))
        }
        (NodeKind::Graph | NodeKind::Each | NodeKind::Agent, Outcome::Succeeded { .. } | Outcome::Routed(_)) => {
            Err((Failure::new(FailureCode::LoadFailed, "the answer does not say what the composite is made of"), None))
        }
        (kind, outcome) if is_tried(kind) => Err(match outcome {
            Outcome::FailedWith { error, inputs } => (error, Some(inputs)),
            Outcome::Failed(error) => (error, None),
            Outcome::TimedOut | Outcome::Succeeded { .. } | Outcome::Routed(_) => (attempts::timed_out(node), None),
        }),
        // Timers fire with `Wake` and have no outcome. Questions and external composites have no effects.
        _ => return Ok(Decision::default()),
    };
    let mut draft = Draft::answering(state, context, effect);
    match routed {
        Ok(routed) => worked(&mut draft, node_run, routed)?,
        Err((error, inputs)) => attempts::failed_with(&mut draft, node_run, error, inputs)?,
    }
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}

/// Ends a node run whose call succeeded, now or at the time in the result.
fn worked(draft: &mut Draft, node_run: NodeRunId, routed: Routed) -> Result<(), Rejected> {
    let Routed { outputs, inputs, route, until_ms } = routed;
    match until_ms.filter(|until_ms| *until_ms > draft.at_ms()) {
        Some(until_ms) => {
            let before = draft.wanted(node_run)?;
            draft.record(Event::NodeDelayed { node_run, until_ms, outputs, inputs, route })?;
            draft.exchange(node_run, before)?;
            Ok(())
        }
        None => finish::end(draft, node_run, Ending { inputs, route, ..Ending::succeeded(outputs) }),
    }
}
