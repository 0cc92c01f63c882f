//! `Pause` and `Resume`: whether anything new may begin.
//!
//! What is in flight when a run is paused comes to its end and is recorded; a timer that comes due is recorded too, a plan that
//! comes back is split into steps; only, nobody begins. Limits on time go on counting: they are promises about when a run is over.

use crate::draft::Draft;
use crate::{Context, Decision, Event, Rejected, RunStatus, State, schedule};

/// Lets nothing new begin.
pub(super) fn pause(
    state: &State,
    reason: Option<String>,
    by: Option<String>,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    if let RunStatus::Final(outcome) = state.status {
        return Err(Rejected::RunFinished { outcome });
    }
    if state.paused.is_some() {
        return Ok(Decision::default());
    }
    let mut draft = Draft::new(state, context);
    draft.record(Event::Paused { reason, by })?;
    Ok(draft.done())
}

/// Lets whoever is ready begin. A run may end with that, so that an ended one is no reason to refuse.
pub(super) fn resume(state: &State, by: Option<String>, context: Context<'_>) -> Result<Decision, Rejected> {
    if state.paused.is_none() {
        return Ok(Decision::default());
    }
    let mut draft = Draft::new(state, context);
    draft.record(Event::Resumed { by })?;
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}
