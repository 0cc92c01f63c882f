//! A child run. The driver starts it under an id derived from the attempt, and `Launched` answers. If requested, the
//! node run then waits until `Report` gives its end. Two runs never share a transaction; they communicate through
//! effects.
//!
//! Outputs: `run_id`, and, if the node run waited, `state` and the child run's `outputs`. If the child run fails, the
//! node run fails with its code. If the child run ends as partial or nothing achieved, so does the node run.

use serde_json::Value;

use crate::command::SubRunReport;
use crate::ending::Ending;
use crate::event::Failure;
use crate::{FailureCode, Object, RunId, RunOutcome, Shortfall, Wait};

/// It runs until the child run has been started.
pub(crate) fn begin() -> Option<Wait> {
    None
}

/// The end of a node run that does not wait.
pub(crate) fn started(run: RunId) -> Ending {
    Ending::succeeded(Object::from_iter([named(run)]))
}

/// The end of a node run that waited, or the failure of its attempt.
pub(crate) fn ended(report: SubRunReport) -> Result<Ending, Failure> {
    let SubRunReport { run, outcome, outputs, error } = report;
    let made = |outputs: Option<Object>| {
        let outputs = outputs.map_or(Value::Null, Value::Object);
        let state = Value::String(outcome.to_string());
        Object::from_iter([named(run), ("state".to_owned(), state), ("outputs".to_owned(), outputs)])
    };
    let failed = error.unwrap_or_else(|| Failure::new(FailureCode::SubRunFailed, format!("{run} ended as {outcome}")));
    match outcome {
        RunOutcome::Succeeded => Ok(Ending::succeeded(made(outputs))),
        RunOutcome::Partial => Ok(Ending::short(Shortfall::Partial, made(outputs), failed)),
        RunOutcome::NothingAchieved => Ok(Ending::short(Shortfall::NothingAchieved, made(outputs), failed)),
        RunOutcome::Failed => Err(of(run, failed)),
        // The cancellation was intended, so there is no retry.
        RunOutcome::Canceled => Err(Failure { retryable: Some(false), ..of(run, failed) }),
    }
}

/// Converts the failure of the child run into that of the node run.
fn of(run: RunId, failed: Failure) -> Failure {
    let mut details = failed.details.unwrap_or_default();
    details.extend([named(run)]);
    Failure { details: Some(details), ..failed }
}

fn named(run: RunId) -> (String, Value) {
    ("run_id".to_owned(), Value::String(run.to_string()))
}
