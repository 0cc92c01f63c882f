//! State and command in, events and effects out. This file only chooses; one file per command decides.
//!
//! Pure: the same state, command and context give the same decision, for ever. Deciding works on a draft (`draft`) to which
//! every event is applied as it is produced, by the same [`crate::apply`] that replays the log.

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
use crate::{Command, Context, Corrupt, Decision, Node, NodeKind, NodeRunId, Rejected, RunStatus, State};

/// What follows from a command.
///
/// A command that was obeyed before, or that answers an effect nobody waits for any more, gives an empty decision.
///
/// # Errors
/// [`Rejected`] says why nothing follows and nothing is to be recorded.
pub fn decide(state: &State, command: Command, context: Context) -> Result<Decision, Rejected> {
    if context.run != state.run {
        return Err(Corrupt::WrongRun { expected: context.run, found: state.run }.into());
    }
    if state.start.is_none() && !matches!(command, Command::Start(_)) {
        return Err(Rejected::NotStarted);
    }
    let at_ms = context.at_ms;
    match command {
        Command::Start(start) => start::decide(state, start, at_ms),
        Command::Planned { effect, node_run, plan } => planned::decide(state, effect, node_run, plan, at_ms),
        Command::Loaded { effect, node_run, inputs, content } => {
            loaded::decide(state, effect, node_run, inputs, content, at_ms)
        }
        Command::Settle { effect, node_run, outcome } => settle::decide(state, effect, node_run, outcome, at_ms),
        Command::Wake { effect, node_run } => wake::decide(state, effect, node_run, at_ms),
        Command::CreateChildren { parent, children } => children::decide(state, parent, children, at_ms),
        Command::Complete { node_run, completion } => complete::decide(state, node_run, completion, at_ms),
        Command::Evaluate { node_run, evaluation, recovery } => {
            evaluate::decide(state, node_run, evaluation, recovery, at_ms)
        }
        Command::Launched { effect, node_run, inputs, waits } => {
            sub_runs::launched(state, effect, node_run, (inputs, waits), at_ms)
        }
        Command::Report { node_run, report } => sub_runs::report(state, node_run, *report, at_ms),
        Command::Deliver { node_run, input } => deliver::decide(state, node_run, &input, at_ms),
        Command::Decide { approval, verdict, by, comment } => {
            approve::decide(state, approval, Said { verdict, by, comment }, at_ms)
        }
        Command::Pause { reason, by } => pause::pause(state, reason, by, at_ms),
        Command::Resume { by } => pause::resume(state, by, at_ms),
        Command::Cancel { reason } => cancel::decide(state, reason, at_ms),
    }
}

/// A composite that its owner, outside, may speak of.
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

/// Refuses to move what has ended or has not begun.
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
