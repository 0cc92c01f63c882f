//! What is asked of the world although nobody waits for an answer, because who asks has ended: that the run which it started is
//! stopped, that the run which started it is told. Asked once, in the decision that ends it, and done once.
//!
//! What a state does not say is whether it was done yet. So this is what may still be on the list of effects besides what the run
//! waits for.

use crate::{Effect, EffectId, Node, NodeKind, NodeState, Request, RunId, State, Wait};

/// Every parting that a run may have asked for so far.
pub fn closing_effects(state: &State) -> Vec<EffectId> {
    let runs = state.nodes.values().filter(|node| node.node_type.kind == NodeKind::Run);
    let stops = runs.flat_map(|node| (1..=node.attempt).map(|attempt| stop_id(state.run, node, attempt)));
    stops.chain(report(state, 0).map(|report| report.id)).collect()
}

/// That the run is stopped which a node run has started in its present try, or may be starting.
pub(crate) fn stop(run: RunId, node: &Node, at_ms: i64) -> Option<Effect> {
    let at_try = matches!(node.state, NodeState::Running | NodeState::Waiting(Wait::Run));
    let starts = node.node_type.kind == NodeKind::Run && at_try;
    starts.then(|| Effect {
        id: stop_id(run, node, node.attempt),
        node_run: node.id,
        attempt: node.attempt,
        due_at_ms: at_ms,
        request: Request::Stop { run: RunId::sub_run(run, node.id, node.attempt) },
    })
}

/// That the run which started this one, and waits for its end, is told of it.
pub(crate) fn report(state: &State, at_ms: i64) -> Option<Effect> {
    state.ended_at_ms?;
    let parent = state.start.as_ref()?.parent.as_ref().filter(|parent| parent.waits)?;
    let root = state.root()?.id;
    Some(Effect {
        id: EffectId::of(state.run, root, "report", 1),
        node_run: root,
        attempt: 1,
        due_at_ms: at_ms,
        request: Request::Report { run: parent.run, node_run: parent.node_run },
    })
}

fn stop_id(run: RunId, node: &Node, attempt: u32) -> EffectId {
    EffectId::of(run, node.id, "stop", attempt)
}
