//! What each kind of node run does when it begins and when one of its children ends. One file per kind; this one only
//! chooses.

pub(crate) mod ask;
pub(crate) mod call;
pub(crate) mod each;
pub(crate) mod external;
pub(crate) mod facts;
pub(crate) mod graph;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod sleep;

use crate::draft::Draft;
use crate::finish::{self, Checked, Ending};
use crate::{Corrupt, EffectId, Event, Node, NodeKind, NodeRunId, Object, Rejected, State, Wait};

/// What a node run waits for as soon as it has begun; `None` when it is at work. Fails on inputs it cannot work with.
pub(crate) fn begin(state: &State, node: &Node, inputs: &Object, at_ms: i64) -> Checked<Option<Wait>> {
    match node.node_type.kind {
        NodeKind::Call => Ok(call::begin()),
        NodeKind::Run => Ok(run::begin()),
        NodeKind::Sleep => sleep::begin(inputs, at_ms).map(Some),
        NodeKind::Ask => Ok(Some(ask::begin())),
        NodeKind::Plan => Ok(plan::begin()),
        NodeKind::External => Ok(Some(external::begin())),
        NodeKind::Graph => graph::begin(state, node).map(|()| None),
        NodeKind::Each => Ok(None),
    }
}

/// Whether a node run that has just begun need not ask first what it is made of.
pub(crate) fn knows_its_way(state: &State, node: &Node) -> bool {
    match node.node_type.kind {
        NodeKind::Graph => graph::knows_its_way(state, node),
        _ => false,
    }
}

/// Goes on as soon as it is known what a composite is made of: first children, or the end where there is nothing to do. `before` is
/// what it wanted from the world until now.
pub(crate) fn set_out(draft: &mut Draft, id: NodeRunId, before: Vec<EffectId>) -> Result<(), Rejected> {
    let node = draft.node(id)?;
    let kind = node.node_type.kind;
    let count = match kind {
        NodeKind::Graph => node.graph.as_ref().map_or(0, |graph| graph.nodes.len()),
        NodeKind::Each => node.items.as_ref().map_or(0, |items| items.items.len()),
        _ => 0,
    };
    let (round, children) = (node.rounds + 1, u32::try_from(count).unwrap_or(u32::MAX));
    draft.record(Event::Decomposed { node_run: id, round, children, summary: None, result: None })?;
    draft.record(Event::NodeWaiting { node_run: id, wait: Wait::Children })?;
    draft.exchange(id, before)?;
    let ending = match kind {
        NodeKind::Graph => graph::first(draft, id)?,
        NodeKind::Each => each::first(draft, id)?,
        _ => return Err(impossible(id, "it is made of nothing")),
    };
    match ending {
        None => Ok(()),
        Some(ending) => finish::end(draft, id, ending),
    }
}

/// What the end of a child means to its composite: its own end, or nothing yet.
pub(crate) fn child_ended(draft: &mut Draft, parent: NodeRunId, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    match draft.node(parent)?.node_type.kind {
        NodeKind::Plan => plan::child_ended(draft, parent, child),
        NodeKind::External => external::child_ended(draft, child),
        NodeKind::Graph => graph::child_ended(draft, parent, child),
        NodeKind::Each => each::child_ended(draft, parent, child),
        NodeKind::Call | NodeKind::Sleep | NodeKind::Ask | NodeKind::Run => {
            Err(impossible(parent, "it is atomic and has children"))
        }
    }
}

fn impossible(node_run: NodeRunId, reason: &'static str) -> Rejected {
    Corrupt::Impossible { event: "decide", node_run, reason }.into()
}
