//! `Wake`: a timer fired. It ends a sleep, a wait for the next attempt, an attempt (timeout) or a node run (time
//! limit). If unknown, early or repeated, nothing changes.

use crate::draft::Draft;
use crate::ending::Ending;
use crate::finish;
use crate::kinds::sleep;
use crate::outstanding::{self, Timer};
use crate::{
    Context, Decision, EffectId, Event, Failure, FailureCode, Node, NodeRunId, Rejected, State, attempts, schedule,
};

/// Handles the timer of a node run.
pub(super) fn decide(
    state: &State,
    effect: EffectId,
    node_run: NodeRunId,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let Some(node) = state.node(node_run) else { return Ok(Decision::default()) };
    let Some(timer) = outstanding::timer_of(state.run, node, effect).filter(|timer| timer.until_ms() <= context.at_ms)
    else {
        return Ok(Decision::default());
    };
    let mut draft = Draft::answering(state, context, effect);
    match timer {
        Timer::Sleep { .. } => finish::end(&mut draft, node_run, slept(node))?,
        Timer::TimeLimit { .. } => finish::end(&mut draft, node_run, timed_out(node))?,
        Timer::Attempt { .. } => attempts::failed(&mut draft, node_run, attempts::timed_out(node))?,
        Timer::Retry { .. } => draft.record(Event::NodeQueued { node_run })?,
    }
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}

/// The end of a sleep, or of a call with a delayed end.
fn slept(node: &Node) -> Ending {
    if let Some(outputs) = &node.delayed {
        return Ending::succeeded(outputs.clone());
    }
    match sleep::outputs(&node.inputs) {
        Ok(outputs) => Ending::succeeded(outputs),
        Err(failure) => Ending::failed(failure),
    }
}

/// The failure of a node run, or of the whole run, that reached its time limit.
fn timed_out(node: &Node) -> Ending {
    let who = if node.parent.is_none() { "the run".to_owned() } else { format!("`{}`", node.key) };
    Ending::failed(Failure::new(FailureCode::TimedOut, format!("{who} reached max_wall_time_ms before it ended")))
}
