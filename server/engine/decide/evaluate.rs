//! `Evaluate`: the owner of an external composite evaluates it and reports a recovery action. Both are recorded and
//! have no other effect.

use crate::draft::Draft;
use crate::event::{Evaluation, RecoveryAction};
use crate::{Context, Decision, Event, NodeRunId, Rejected, State};

/// Records the evaluation; a repetition of the last one changes nothing.
pub(super) fn decide(
    state: &State,
    node_run: NodeRunId,
    evaluation: Evaluation,
    recovery: Option<RecoveryAction>,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let node = super::target::external(state, node_run)?;
    if node.evaluation.as_ref() == Some(&evaluation) && node.recovery == recovery {
        return Ok(Decision::default());
    }
    if let Some(state) = node.final_state() {
        return Err(Rejected::NodeRunFinished { node_run, state });
    }
    super::target::movable(state, node)?;
    let mut draft = Draft::new(state, context);
    draft.record(Event::Evaluated { node_run, evaluation })?;
    if let Some(action) = recovery {
        draft.record(Event::RecoveryApplied { node_run, action })?;
    }
    Ok(draft.done())
}
