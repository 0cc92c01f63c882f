//! `Cancel` and `Fail`: end all live node runs, children before their parents, and then the run. A run that has ended
//! does not change.

use crate::draft::Draft;
use crate::ending::Ending;
use crate::event::Failure;
use crate::finish;
use crate::{Context, Decision, FailureCode, Rejected, RunStatus, State};

/// Ends the run as canceled.
pub(super) fn decide(state: &State, reason: Option<String>, context: Context<'_>) -> Result<Decision, Rejected> {
    if matches!(state.status, RunStatus::Final(_)) {
        return Ok(Decision::default());
    }
    let why = Failure::new(FailureCode::Canceled, reason.unwrap_or_else(|| "the run was canceled".to_owned()));
    let mut draft = Draft::new(state, context);
    finish::cancel(&mut draft, state.root_id(), &why)?;
    finish::end_run(&mut draft)?;
    Ok(draft.done())
}

/// Ends the run as failed, without a check against its output schema.
pub(super) fn fail(state: &State, error: Failure, context: Context<'_>) -> Result<Decision, Rejected> {
    if matches!(state.status, RunStatus::Final(_)) {
        return Ok(Decision::default());
    }
    let mut draft = Draft::new(state, context);
    finish::end(&mut draft, state.root_id(), Ending::failed(error))?;
    Ok(draft.done())
}
