//! `Settle`: what came back from performing an effect. Unknown, late or twice: nothing changes.

use crate::draft::Draft;
use crate::finish::{self, Ending, failure};
use crate::{Decision, EffectId, NodeKind, NodeRunId, Outcome, Rejected, State, outstanding, schedule};

/// Ends the node run as its effect ended.
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
    let ending = match (node.node_type.kind, outcome) {
        (NodeKind::Call, Outcome::Succeeded { outputs }) => Ending::succeeded(outputs),
        (NodeKind::Plan, Outcome::Succeeded { .. }) => {
            Ending::failed(failure("plan_invalid", "the planner answered without a plan"))
        }
        (NodeKind::Call | NodeKind::Plan, Outcome::Failed(error)) => Ending::failed(error),
        // A timer comes due (`Wake`); it has no outcome. External composites have no effect of their own.
        (NodeKind::Sleep | NodeKind::External, _) => return Ok(Decision::default()),
    };
    let mut draft = Draft::answering(state, at_ms, effect);
    finish::end(&mut draft, node_run, ending)?;
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}
