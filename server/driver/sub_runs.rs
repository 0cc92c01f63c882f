//! Runs that node runs start, and the refusal of starts that are not possible.

use runyard_engine::event::Failure;
use runyard_engine::{Command, Effect, FailureCode, Outcome, Rejected};

use super::parts::Parts;
use crate::nodes::perform;
use crate::runs::Error;

/// Starts the run that a node run requests. It is committed before any notification. A crash here repeats the start,
/// which then finds the run.
pub(super) async fn start(parts: &Parts, around: &perform::Around, effect: &Effect) -> Result<Command, Error> {
    let perform::Launch { sub_run, inputs } = match parts.performer.launch(around).await {
        Ok(launch) => launch,
        Err(failure) => return Ok(settle(effect, Outcome::Failed(failure))),
    };
    let error = match parts.runs.start_sub_run(&around.tenant, &sub_run).await {
        Ok(()) => {
            let (effect, node_run, waits) = (effect.id, effect.node_run, sub_run.parent.waits);
            return Ok(Command::Launched { effect, node_run, inputs, waits });
        }
        Err(error) => refused(error)?,
    };
    let outcome = match inputs {
        Some(inputs) => Outcome::FailedWith { error, inputs },
        None => Outcome::Failed(error),
    };
    Ok(settle(effect, outcome))
}

/// Why a run cannot be started, for the readers of the parent run; an error if a retry may succeed.
fn refused(error: Error) -> Result<Failure, Error> {
    let said = match &error {
        Error::InvalidInputs { violations, .. } => {
            let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
            format!("{error}: {}", reasons.join("; "))
        }
        _ => error.to_string(),
    };
    let message = format!("the run cannot be started: {said}");
    Ok(match error {
        Error::TooManyLiveRuns { .. } => failed(FailureCode::TooManyLiveRuns, message, true),
        Error::TooManyDescendants { .. } => failed(FailureCode::TooManyDescendants, message, false),
        Error::Rejected(Rejected::ValueTooDeep { .. }) => failed(FailureCode::ValueTooDeep, message, false),
        // The same request gets the same refusal, so retries would never end.
        Error::TooExpensive(_) => failed(FailureCode::ValidationTooExpensive, message, false),
        Error::RunTooLarge { .. } => failed(FailureCode::RunTooLarge, message, false),
        Error::ValuesTooLarge { .. } => failed(FailureCode::ValuesTooLarge, message, false),
        Error::InvalidInputs { .. }
        | Error::UnknownNodeType(_)
        | Error::Rejected(_)
        | Error::InvalidOutputSchema { .. } => failed(FailureCode::SubRunRefused, message, false),
        error => return Err(error),
    })
}

fn failed(code: FailureCode, message: String, retryable: bool) -> Failure {
    Failure { code: code.into(), message, details: None, retryable: Some(retryable) }
}

/// The command that reports the result of an effect.
pub(super) fn settle(effect: &Effect, outcome: Outcome) -> Command {
    Command::Settle { effect: effect.id, node_run: effect.node_run, outcome }
}

/// Acknowledges an effect for which no node run waits.
pub(super) fn done(effect: &Effect) -> Command {
    settle(effect, Outcome::Succeeded { outputs: runyard_engine::Object::new() })
}
