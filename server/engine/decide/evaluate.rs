//! `Evaluate`: the owner of an external composite judges it and says what it does about it. Recorded, not obeyed.

use crate::draft::Draft;
use crate::event::{Evaluation, RecoveryAction};
use crate::{Context, Decision, Event, NodeRunId, Rejected, State};

/// Records the judgement; the last one again changes nothing.
pub(super) fn decide(
    state: &State,
    node_run: NodeRunId,
    evaluation: Evaluation,
    recovery: Option<RecoveryAction>,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let node = super::external(state, node_run)?;
    if node.evaluation.as_ref() == Some(&evaluation) && node.recovery == recovery {
        return Ok(Decision::default());
    }
    if let Some(state) = node.final_state() {
        return Err(Rejected::NodeRunFinished { node_run, state });
    }
    super::movable(state, node)?;
    let mut draft = Draft::new(state, context);
    draft.record(Event::Evaluated { node_run, evaluation })?;
    if let Some(action) = recovery {
        draft.record(Event::RecoveryApplied { node_run, action })?;
    }
    Ok(draft.done())
}
