//! Effects that are requested when a node run or a run ends, and that nothing waits for: stop the run that it started,
//! and report its end to the parent run. The decision that ends it requests them once.
//!
//! The state does not record whether they were executed. This module therefore lists what may still be in the outbox
//! besides the outstanding effects.

use crate::{Effect, EffectId, Node, NodeKind, NodeState, Request, RunId, State, Wait};

/// Every closing effect that a run may have requested so far.
pub fn closing_effects(state: &State) -> Vec<EffectId> {
    let runs = state.nodes.values().filter(|node| node.node_type.kind == NodeKind::Run);
    let stops = runs.flat_map(|node| (1..=node.attempt).map(|attempt| stop_id(state.run, node, attempt)));
    stops.chain(report(state, 0).map(|report| report.id)).collect()
}

/// The effect that stops the run which the current attempt of a node run has started, or may be starting.
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

/// The effect that reports the end of this run to the parent run, if that one waits.
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
