//! A run of its own: started outside, under an id that follows from the attempt, and answered by `Launched`; then waited for, if that
//! is asked for, until its end is reported (`Report`). Two runs never share a transaction: each tells the other through effects.
//!
//! Outputs: `run_id`; where its end was waited for, `state` and the run's own `outputs`. If it failed, so does the node run, with its
//! code; if it fell short of success, the node run falls short as far.

use serde_json::Value;

use crate::command::SubRunReport;
use crate::event::Failure;
use crate::finish::{Ending, failure};
use crate::{Object, RunId, RunOutcome, Shortfall, Wait};

/// It is at work until the run is started.
pub(crate) fn begin() -> Option<Wait> {
    None
}

/// How it ends that waits for nothing.
pub(crate) fn started(run: RunId) -> Ending {
    Ending::succeeded(Object::from_iter([named(run)]))
}

/// How it ends with the run that it waited for; or why its try failed.
pub(crate) fn ended(report: SubRunReport) -> Result<Ending, Failure> {
    let SubRunReport { run, outcome, outputs, error } = report;
    let made = |outputs: Option<Object>| {
        let outputs = outputs.map_or(Value::Null, Value::Object);
        let state = Value::String(outcome.to_string());
        Object::from_iter([named(run), ("state".to_owned(), state), ("outputs".to_owned(), outputs)])
    };
    let failed = error.unwrap_or_else(|| failure("sub_run_failed", format!("{run} ended as {outcome}")));
    match outcome {
        RunOutcome::Succeeded => Ok(Ending::succeeded(made(outputs))),
        RunOutcome::Partial => Ok(Ending::short(Shortfall::Partial, made(outputs), failed)),
        RunOutcome::NothingAchieved => Ok(Ending::short(Shortfall::NothingAchieved, made(outputs), failed)),
        RunOutcome::Failed => Err(of(run, failed)),
        // Somebody meant it to end.
        RunOutcome::Canceled => Err(Failure { retryable: Some(false), ..of(run, failed) }),
    }
}

/// The failure of a run, as that of the node run that waited for it.
fn of(run: RunId, failed: Failure) -> Failure {
    let mut details = failed.details.unwrap_or_default();
    details.extend([named(run)]);
    Failure { details: Some(details), ..failed }
}

fn named(run: RunId) -> (String, Value) {
    ("run_id".to_owned(), Value::String(run.to_string()))
}
