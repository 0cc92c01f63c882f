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
mod wake;

use self::approve::Said;
use crate::{Command, Context, Corrupt, Decision, Node, NodeKind, NodeRunId, Rejected, RunStatus, State, depth};

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
        Command::Decide { approval, verdict, by, comment } => {
            approve::decide(state, approval, Said { verdict, by, comment }, context)
        }
        Command::Pause { reason, by } => pause::pause(state, reason, by, context),
        Command::Resume { by } => pause::resume(state, by, context),
        Command::Fail { error } => cancel::fail(state, error, context),
        Command::Cancel { reason } => cancel::decide(state, reason, context),
    }
}

/// The external composite with this id.
fn external(state: &State, node_run: NodeRunId) -> Result<&Node, Rejected> {
    let node = state.node(node_run).ok_or(Rejected::UnknownNodeRun { node_run })?;
    match node.node_type.kind {
        NodeKind::External => Ok(node),
        NodeKind::Call
        | NodeKind::Sleep
        | NodeKind::Ask
        | NodeKind::Run
        | NodeKind::Plan
        | NodeKind::Graph
        | NodeKind::Each => Err(Rejected::ServerOwned { node_run }),
    }
}

/// Rejects node runs that have ended or have not begun.
fn movable(state: &State, node: &Node) -> Result<(), Rejected> {
    if let RunStatus::Final(outcome) = state.status {
        return Err(Rejected::RunFinished { outcome });
    }
    if let Some(state) = node.final_state() {
        return Err(Rejected::NodeRunFinished { node_run: node.id, state });
    }
    if node.attempt == 0 {
        return Err(Rejected::NotBegun { node_run: node.id });
    }
    Ok(())
}
