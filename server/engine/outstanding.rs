//! The outstanding effects of a run. They are derived from the state alone, so that the log is the only source.
//!
//! `decide` requests exactly these effects when a node run begins and drops exactly these when it ends. A store can
//! rebuild its outbox from here.

pub(crate) mod closing_effects;

use crate::constraints::least;
use crate::kinds::facts::{Rest, Work};
use crate::policy::is_tried;
use crate::{Effect, EffectId, Node, NodeState, Object, Request, RunId, State, Wait};

/// What an effect is for. The word is part of the effect's id, so that the effects of one node run have different ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Call,
    Run,
    Plan,
    Load,
    Sleep,
    Retry,
    Attempt,
    WallTime,
}

impl From<Work> for Purpose {
    fn from(work: Work) -> Self {
        match work {
            Work::Call => Purpose::Call,
            Work::Run => Purpose::Run,
            Work::Plan => Purpose::Plan,
            Work::Load => Purpose::Load,
        }
    }
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Purpose::Call => "call",
            Purpose::Run => "run",
            Purpose::Plan => "plan",
            Purpose::Load => "load",
            Purpose::Sleep => "sleep",
            Purpose::Retry => "retry",
            Purpose::Attempt => "attempt",
            Purpose::WallTime => "wall_time",
        }
    }
}

/// A timer that a node run waits for, and when it is due (Unix milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The end of a sleep, or of a call with a delayed end.
    Sleep { until_ms: i64 },
    /// The end of the wait between two attempts.
    Retry { until_ms: i64 },
    /// The timeout of one attempt.
    Attempt { until_ms: i64 },
    /// The time limit of the node run.
    TimeLimit { until_ms: i64 },
}

impl Timer {
    /// When it is due, Unix milliseconds.
    pub(crate) fn until_ms(self) -> i64 {
        match self {
            Timer::Sleep { until_ms }
            | Timer::Retry { until_ms }
            | Timer::Attempt { until_ms }
            | Timer::TimeLimit { until_ms } => until_ms,
        }
    }
}

/// Every effect that the run waits for, in the order of node run creation.
pub fn outstanding(state: &State) -> Vec<Effect> {
    let nodes = state.order.iter().filter_map(|id| state.node(*id));
    nodes.flat_map(|node| of_node(state.run, node)).collect()
}

/// Whether the run still waits for this effect of this node run. After the command that answers the effect this is
/// false, unless the effect is a timer that fired too early.
pub fn is_outstanding(state: &State, node_run: crate::NodeRunId, effect: EffectId) -> bool {
    state.node(node_run).is_some_and(|node| ids_of_node(state.run, node).any(|wanted| wanted == effect))
}

/// The ids of the effects that [`of_node`] returns, in the same order, without copying inputs.
pub(crate) fn ids_of_node(run: RunId, node: &Node) -> impl Iterator<Item = EffectId> {
    let work = what(node).map(|(purpose, _)| id(run, node, purpose));
    let timers = [attempt_limit(run, node), time_limit(run, node)].into_iter().flatten().map(|timer| timer.id);
    work.into_iter().chain(timers)
}

/// The effects that one node run waits for: the work of its kind, the timeout of its current attempt and its own time
/// limit.
pub(crate) fn of_node(run: RunId, node: &Node) -> impl Iterator<Item = Effect> {
    work(run, node).into_iter().chain(attempt_limit(run, node)).chain(time_limit(run, node))
}

/// Whether this effect is the current work of the node run, such as a call or a plan.
pub(crate) fn is_work_of(run: RunId, node: &Node, effect: EffectId) -> bool {
    let Some(work) = node.node_type.kind.facts().work else { return false };
    node.state == NodeState::Running && effect == id(run, node, work.into())
}

/// The timer that ends the wait after the current attempt.
pub(crate) fn retry_effect(run: RunId, node: &Node) -> EffectId {
    id(run, node, Purpose::Retry)
}

/// The timer with this effect id, if the node run waits for it.
pub(crate) fn timer_of(run: RunId, node: &Node, effect: EffectId) -> Option<Timer> {
    let named = |purpose: Purpose| effect == id(run, node, purpose);
    match node.state {
        NodeState::Waiting(Wait::Timer { until_ms }) if named(rest(node)) => match rest(node) {
            Purpose::Retry => Some(Timer::Retry { until_ms }),
            _ => Some(Timer::Sleep { until_ms }),
        },
        NodeState::Running | NodeState::Waiting(Wait::Run) if named(Purpose::Attempt) => {
            Some(Timer::Attempt { until_ms: attempt_limit_at_ms(node)? })
        }
        NodeState::Final(_) => None,
        _ if named(Purpose::WallTime) => Some(Timer::TimeLimit { until_ms: time_limit_at_ms(node)? }),
        _ => None,
    }
}

/// The work effect of the node run's kind.
fn work(run: RunId, node: &Node) -> Option<Effect> {
    let (purpose, due_at_ms) = what(node)?;
    let until_ms = attempt_limit_at_ms(node);
    let request = match purpose {
        Purpose::Call => {
            Request::Call { node_type: node.node_type.clone(), inputs: Object::clone(&node.inputs), until_ms }
        }
        Purpose::Plan => Request::Plan {
            node_type: node.node_type.clone(),
            inputs: Object::clone(&node.inputs),
            constraints: node.constraints.clone(),
            until_ms,
        },
        Purpose::Run => Request::Run { until_ms },
        Purpose::Load => Request::Load { until_ms },
        Purpose::Sleep | Purpose::Retry | Purpose::Attempt | Purpose::WallTime => Request::Wake,
    };
    Some(effect(run, node, purpose, due_at_ms, request))
}

/// The purpose of the work effect, and when it is due (Unix milliseconds).
fn what(node: &Node) -> Option<(Purpose, i64)> {
    let begun_at_ms = node.attempt_at_ms?;
    match node.state {
        NodeState::Running => node.node_type.kind.facts().work.map(|work| (work.into(), begun_at_ms)),
        NodeState::Waiting(Wait::Timer { until_ms }) => Some((rest(node), until_ms)),
        _ => None,
    }
}

/// Why a node run waits for a timer: for its own end, or for its next attempt.
fn rest(node: &Node) -> Purpose {
    if node.node_type.kind.facts().rest == Rest::Timer || node.delayed.is_some() {
        Purpose::Sleep
    } else {
        Purpose::Retry
    }
}

/// The timer for the timeout of the current attempt.
fn attempt_limit(run: RunId, node: &Node) -> Option<Effect> {
    let due_at_ms = attempt_limit_at_ms(node)?;
    let at_try = matches!(node.state, NodeState::Running | NodeState::Waiting(Wait::Run));
    at_try.then(|| effect(run, node, Purpose::Attempt, due_at_ms, Request::Wake))
}

/// When the current attempt times out, Unix milliseconds.
fn attempt_limit_at_ms(node: &Node) -> Option<i64> {
    let limit_ms = node.policy.timeout_ms(&node.node_type).filter(|_| is_tried(node.node_type.kind))?;
    Some(node.attempt_at_ms?.saturating_add_unsigned(limit_ms))
}

/// The timer for the time limit of the node run itself, not of its parent.
fn time_limit(run: RunId, node: &Node) -> Option<Effect> {
    let due_at_ms = time_limit_at_ms(node)?;
    node.is_live().then(|| effect(run, node, Purpose::WallTime, due_at_ms, Request::Wake))
}

/// When the node run's own time limit ends, Unix milliseconds.
fn time_limit_at_ms(node: &Node) -> Option<i64> {
    let (mine, types) = (&node.asked.budgets, &node.node_type.constraints.budgets);
    let limit_ms = least(mine.max_wall_time_ms, types.max_wall_time_ms)?;
    // The time limit of a run includes the wait for the approval of its root.
    let asked_at_ms = node.approval.as_ref().filter(|_| node.parent.is_none()).map(|asked| asked.asked_at_ms);
    Some(least(node.started_at_ms, asked_at_ms)?.saturating_add_unsigned(limit_ms))
}

fn effect(run: RunId, node: &Node, purpose: Purpose, due_at_ms: i64, request: Request) -> Effect {
    Effect { id: id(run, node, purpose), node_run: node.id, attempt: attempt(node, purpose), due_at_ms, request }
}

fn id(run: RunId, node: &Node, purpose: Purpose) -> EffectId {
    EffectId::of(run, node.id, purpose.word(), attempt(node, purpose))
}

/// The attempt that the effect belongs to. The time limit belongs to the whole node run and uses 1.
fn attempt(node: &Node, purpose: Purpose) -> u32 {
    match purpose {
        Purpose::Call
        | Purpose::Run
        | Purpose::Plan
        | Purpose::Load
        | Purpose::Sleep
        | Purpose::Retry
        | Purpose::Attempt => node.attempt,
        Purpose::WallTime => 1,
    }
}
