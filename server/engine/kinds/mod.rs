//! The behaviour of each kind of node run, when it begins and when a child ends. Each kind has its own file; this one
//! dispatches.

pub(crate) mod agent;
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
use crate::ending::{Checked, Ending};
use crate::finish;
use crate::{Corrupt, EffectId, Event, Node, NodeKind, NodeRunId, Object, Rejected, State, Wait};

/// What a node run waits for as soon as it has begun; `None` if it is running. Fails if the inputs are not valid.
pub(crate) fn begin(state: &State, node: &Node, inputs: &Object, at_ms: i64) -> Checked<Option<Wait>> {
    match node.node_type.kind {
        NodeKind::Call => Ok(call::begin()),
        NodeKind::Run => Ok(run::begin()),
        NodeKind::Sleep => sleep::begin(inputs, at_ms).map(Some),
        NodeKind::Ask => Ok(Some(ask::begin())),
        NodeKind::Plan => Ok(plan::begin()),
        NodeKind::External => Ok(Some(external::begin())),
        NodeKind::Graph => graph::begin(state, node).map(|()| None),
        NodeKind::Each | NodeKind::Agent => Ok(None),
    }
}

/// Whether the content of a node run that has just begun is already known.
pub(crate) fn content_is_known(state: &State, node: &Node) -> bool {
    match node.node_type.kind {
        NodeKind::Graph => graph::content_is_known(state, node),
        _ => false,
    }
}

/// Continues once the content of a composite is known: creates the first children, or ends if there is nothing to do.
/// `before` lists its effects until now.
pub(crate) fn begin_children(draft: &mut Draft, id: NodeRunId, before: Vec<EffectId>) -> Result<(), Rejected> {
    let node = draft.node(id)?;
    let kind = node.node_type.kind;
    let count = match kind {
        NodeKind::Graph => node.graph.as_ref().map_or(0, |graph| graph.nodes.len()),
        NodeKind::Each => node.items.as_ref().map_or(0, |items| items.items.len()),
        // The first turn; the others are not known yet.
        NodeKind::Agent => 1,
        _ => 0,
    };
    let (round, children) = (node.rounds + 1, u32::try_from(count).unwrap_or(u32::MAX));
    draft.record(Event::Decomposed { node_run: id, round, children, summary: None, result: None })?;
    draft.record(Event::NodeWaiting { node_run: id, wait: Wait::Children })?;
    draft.exchange(id, before)?;
    let ending = match kind {
        NodeKind::Graph => graph::first(draft, id)?,
        NodeKind::Each => each::first(draft, id)?,
        NodeKind::Agent => agent::first(draft, id)?,
        _ => return Err(impossible(id, "it is made of nothing")),
    };
    match ending {
        None => Ok(()),
        Some(ending) => finish::end(draft, id, ending),
    }
}

/// Handles the end of a child: returns the end of its composite, or `None` if the composite continues.
pub(crate) fn child_ended(draft: &mut Draft, parent: NodeRunId, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    match draft.node(parent)?.node_type.kind {
        NodeKind::Plan => plan::child_ended(draft, parent, child),
        NodeKind::External => external::child_ended(draft, child),
        NodeKind::Graph => graph::child_ended(draft, parent, child),
        NodeKind::Each => each::child_ended(draft, parent, child),
        NodeKind::Agent => agent::child_ended(draft, parent, child),
        NodeKind::Call | NodeKind::Sleep | NodeKind::Ask | NodeKind::Run => {
            Err(impossible(parent, "it is atomic and has children"))
        }
    }
}

fn impossible(node_run: NodeRunId, reason: &'static str) -> Rejected {
    Corrupt::Impossible { event: "decide", node_run, reason }.into()
}
