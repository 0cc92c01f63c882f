//! `Settle`: what came back from performing an effect. Unknown, late or twice: nothing changes.

use crate::draft::Draft;
use crate::finish::{self, Ending, failure};
use crate::{Decision, EffectId, NodeKind, NodeRunId, Outcome, Rejected, State, attempts, outstanding, schedule};

/// Ends the node run as its effect ended, unless it is to be tried again.
pub(super) fn decide(
    state: &State,
    effect: EffectId,
    node_run: NodeRunId,
    outcome: Outcome,
    at_ms: i64,
) -> Result<Decision, Rejected> {
    let Some(node) = state.node(node_run).filter(|node| outstanding::is_work_of(state.run, node, effect)) else {
        return Ok(Decision::default());
    };
    let outputs = match (node.node_type.kind, outcome) {
        (NodeKind::Call, Outcome::Succeeded { outputs }) => Ok(outputs),
        (NodeKind::Plan, Outcome::Succeeded { .. }) => {
            Err(failure("plan_invalid", "the planner answered without a plan"))
        }
        (NodeKind::Call | NodeKind::Plan, Outcome::Failed(error)) => Err(error),
        (NodeKind::Call | NodeKind::Plan, Outcome::TimedOut) => Err(attempts::timed_out(node)),
        // A timer comes due (`Wake`); it has no outcome. Questions and external composites have no effect of their own.
        (NodeKind::Sleep | NodeKind::Ask | NodeKind::External, _) => return Ok(Decision::default()),
    };
    let mut draft = Draft::answering(state, at_ms, effect);
    match outputs {
        Ok(outputs) => finish::end(&mut draft, node_run, Ending::succeeded(outputs))?,
        Err(error) => attempts::failed(&mut draft, node_run, error)?,
    }
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}
