//! Turns a state and a command into events and effects. Each command has its own file; this one dispatches.
//!
//! Pure: the same state, command and context always give the same decision. A decision works on a draft (`draft`),
//! which applies every new event with the same [`crate::apply`] that replays the log.

mod approve;
mod cancel;
mod children;
mod complete;
mod deliver;
mod evaluate;
mod loaded;
mod pause;
mod planned;
mod settle;
mod start;
mod sub_runs;
mod target;
mod wake;

use self::approve::VerdictDetails;
use crate::output_check::{FitResult, Fitted, RunResult};
use crate::{Command, Context, Corrupt, Decision, Rejected, State, depth};

/// Decides what follows from a command.
///
/// A repeated command, or one that answers an effect that is no longer outstanding, gives an empty decision.
///
/// # Errors
/// [`Rejected`] says why the command is rejected. Nothing is to be recorded then.
pub fn decide(state: &State, command: Command, context: Context<'_>) -> Result<Decision, Rejected> {
    if context.run != state.run {
        return Err(Corrupt::WrongRun { expected: context.run, found: state.run }.into());
    }
    if state.start.is_none() && !matches!(command, Command::Start(_)) {
        return Err(Rejected::NotStarted);
    }
    match depth::bounded(command, context)? {
        Command::Start(start) => start::decide(state, start, context),
        Command::Planned { effect, node_run, plan } => planned::decide(state, effect, node_run, plan, context),
        Command::Loaded { effect, node_run, inputs, content } => {
            loaded::decide(state, effect, node_run, inputs, content, context)
        }
        Command::Settle { effect, node_run, outcome } => settle::decide(state, effect, node_run, outcome, context),
        Command::Wake { effect, node_run } => wake::decide(state, effect, node_run, context),
        Command::CreateChildren { parent, children } => children::decide(state, parent, children, context),
        Command::Complete { node_run, completion } => complete::decide(state, node_run, completion, context),
        Command::Evaluate { node_run, evaluation, recovery } => {
            evaluate::decide(state, node_run, evaluation, recovery, context)
        }
        Command::Launched { effect, node_run, inputs, waits } => {
            sub_runs::launched(state, effect, node_run, (inputs, waits), context)
        }
        Command::Report { node_run, report } => sub_runs::report(state, node_run, *report, context),
        Command::Deliver { node_run, input } => deliver::decide(state, node_run, &input, context),
        Command::Decide { approval, verdict, by, comment, inputs } => {
            approve::decide(state, approval, VerdictDetails { verdict, by, comment, inputs }, context)
        }
        Command::Pause { reason, by } => pause::pause(state, reason, by, context),
        Command::Resume { by } => pause::resume(state, by, context),
        Command::Fail { error } => cancel::fail(state, error, context),
        Command::Cancel { reason } => cancel::decide(state, reason, context),
    }
}

/// As [`decide`], but calls `fit` when a result has to be checked. For callers without a time limit, such as tests.
///
/// # Errors
/// As [`decide`]; never [`Rejected::Unfitted`].
pub fn decide_with(
    state: &State,
    command: Command,
    context: Context<'_>,
    fit: impl Fn(&RunResult) -> FitResult,
) -> Result<Decision, Rejected> {
    match decide(state, command.clone(), context) {
        Err(Rejected::Unfitted(made)) => {
            let verdict = fit(&made);
            decide(state, command, Context { fitted: Some(&Fitted { made: *made, verdict }), ..context })
        }
        decided => decided,
    }
}

/// Accepts every result unchanged. For callers that start no run with an output schema.
///
/// # Errors
/// None.
pub fn as_made(made: &RunResult) -> FitResult {
    Ok(made.answer.clone())
}
