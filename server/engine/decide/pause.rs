//! `Pause` and `Resume`: whether anything new may begin.
//!
//! In a paused run, work in flight continues and its results are recorded, timers fire, and finished plans are split
//! into steps. No node run begins. Time limits continue to count, because they limit when the run ends.

use crate::draft::Draft;
use crate::{Context, Decision, Event, Rejected, RunStatus, State, schedule};

/// Pauses the run, so that no node run begins.
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

/// Begins the ready node runs. As that may end the run, resuming an ended run is not an error.
pub(super) fn resume(state: &State, by: Option<String>, context: Context<'_>) -> Result<Decision, Rejected> {
    if state.paused.is_none() {
        return Ok(Decision::default());
    }
    let mut draft = Draft::new(state, context);
    draft.record(Event::Resumed { by })?;
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}
