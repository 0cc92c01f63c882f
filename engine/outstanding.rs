//! What a run still wants from the world: derived from the state alone, so that nothing has to be remembered beside the log.
//!
//! `decide` asks for exactly these effects when a node run begins and drops exactly these when it ends; a store can rebuild
//! its table of effects from here.

use crate::constraints::least;
use crate::node_type::NodeKind;
use crate::{Effect, EffectId, Node, NodeState, Request, RunId, State, Wait};

/// What an effect is for. Its word makes the effect's id different from another effect of the same node run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Call,
    Plan,
    Sleep,
    WallTime,
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Purpose::Call => "call",
            Purpose::Plan => "plan",
            Purpose::Sleep => "sleep",
            Purpose::WallTime => "wall_time",
        }
    }
}

/// A timer that a node run waits for, and when it is due (Unix milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The end of a sleep.
    Sleep { until_ms: i64 },
    /// The end of the time that the node run was given.
    TimeLimit { until_ms: i64 },
}

/// Every effect that the run waits for, in the order of node run creation.
pub fn outstanding(state: &State) -> Vec<Effect> {
    let nodes = state.order.iter().filter_map(|id| state.node(*id));
    nodes.flat_map(|node| of_node(state.run, node)).collect()
}

/// Whether the run still waits for this effect of this node run. After a command that answers it: false, unless it was a
/// timer that came too early.
pub fn is_outstanding(state: &State, node_run: crate::NodeRunId, effect: EffectId) -> bool {
    state.node(node_run).is_some_and(|node| of_node(state.run, node).any(|wanted| wanted.id == effect))
}

/// The effects that one node run waits for: what its kind asked, and its own limit on time.
pub(crate) fn of_node(run: RunId, node: &Node) -> impl Iterator<Item = Effect> {
    work(run, node).into_iter().chain(time_limit(run, node))
}

/// Whether this effect is the work that the node run is at: a call, a plan.
pub(crate) fn is_work_of(run: RunId, node: &Node, effect: EffectId) -> bool {
    let purpose = match node.node_type.kind {
        NodeKind::Call => Purpose::Call,
        NodeKind::Plan => Purpose::Plan,
        NodeKind::Sleep | NodeKind::External => return false,
    };
    node.state == NodeState::Running && effect == EffectId::of(run, node.id, purpose.word(), node.attempt)
}

/// The timer behind this effect, if the node run waits for it.
pub(crate) fn timer_of(run: RunId, node: &Node, effect: EffectId) -> Option<Timer> {
    let named = |purpose: Purpose| effect == EffectId::of(run, node.id, purpose.word(), node.attempt);
    match node.state {
        NodeState::Waiting(Wait::Timer { until_ms }) if named(Purpose::Sleep) => Some(Timer::Sleep { until_ms }),
        NodeState::Final(_) => None,
        _ if named(Purpose::WallTime) => Some(Timer::TimeLimit { until_ms: time_limit_at_ms(node)? }),
        _ => None,
    }
}

/// What the node run's kind asked for.
fn work(run: RunId, node: &Node) -> Option<Effect> {
    let started_at_ms = node.started_at_ms?;
    let (purpose, due_at_ms, request) = match (node.node_type.kind, node.state) {
        (NodeKind::Call, NodeState::Running) => {
            let request = Request::Call { node_type: node.node_type.clone(), inputs: node.inputs.clone() };
            (Purpose::Call, started_at_ms, request)
        }
        (NodeKind::Plan, NodeState::Running) => {
            let (node_type, inputs) = (node.node_type.clone(), node.inputs.clone());
            (Purpose::Plan, started_at_ms, Request::Plan { node_type, inputs, constraints: node.constraints.clone() })
        }
        (NodeKind::Sleep, NodeState::Waiting(Wait::Timer { until_ms })) => (Purpose::Sleep, until_ms, Request::Wake),
        _ => return None,
    };
    Some(effect(run, node, purpose, due_at_ms, request))
}

/// The end of the time that the node run itself, not its parent, was given.
fn time_limit(run: RunId, node: &Node) -> Option<Effect> {
    let due_at_ms = time_limit_at_ms(node)?;
    node.is_live().then(|| effect(run, node, Purpose::WallTime, due_at_ms, Request::Wake))
}

/// When the node run's own time is over. Unix milliseconds.
fn time_limit_at_ms(node: &Node) -> Option<i64> {
    let (mine, types) = (&node.asked.budgets, &node.node_type.constraints.budgets);
    let limit_ms = least(mine.max_wall_time_ms, types.max_wall_time_ms)?;
    Some(node.started_at_ms?.saturating_add_unsigned(limit_ms))
}

fn effect(run: RunId, node: &Node, purpose: Purpose, due_at_ms: i64, request: Request) -> Effect {
    let id = EffectId::of(run, node.id, purpose.word(), node.attempt);
    Effect { id, node_run: node.id, attempt: node.attempt, due_at_ms, request }
}
