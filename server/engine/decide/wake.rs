//! `Wake`: a timer came due. A sleep is over, a wait for the next try, or the time of a try or of a node run. Unknown, early
//! or twice: nothing changes.

use crate::draft::Draft;
use crate::finish::{self, Ending, failure};
use crate::kinds::sleep;
use crate::outstanding::{self, Timer};
use crate::{Context, Decision, EffectId, Event, Node, NodeRunId, Rejected, State, attempts, schedule};

/// Moves the node run that the timer belongs to.
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

/// A sleep that has lasted as long as it was asked to, or a call that was to end only now.
fn slept(node: &Node) -> Ending {
    if let Some(outputs) = &node.delayed {
        return Ending::succeeded(outputs.clone());
    }
    match sleep::outputs(&node.inputs) {
        Ok(outputs) => Ending::succeeded(outputs),
        Err(failure) => Ending::failed(failure),
    }
}

/// A node run, or the whole run, that has used up its time.
fn timed_out(node: &Node) -> Ending {
    let who = if node.parent.is_none() { "the run".to_owned() } else { format!("`{}`", node.key) };
    Ending::failed(failure("timed_out", format!("{who} reached max_wall_time_ms before it ended")))
}
