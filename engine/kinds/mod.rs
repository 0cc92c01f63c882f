//! What each kind of node run does when it begins and when one of its children ends. One file per kind; this one only
//! chooses.

pub(crate) mod ask;
pub(crate) mod call;
pub(crate) mod external;
pub(crate) mod plan;
pub(crate) mod sleep;

use crate::draft::Draft;
use crate::finish::{Checked, Ending};
use crate::{Corrupt, NodeKind, NodeRunId, Object, Rejected, Wait};

/// What a node run waits for as soon as it has begun; `None` when it is at work. Fails on inputs it cannot work with.
pub(crate) fn begin(kind: NodeKind, inputs: &Object, at_ms: i64) -> Checked<Option<Wait>> {
    match kind {
        NodeKind::Call => Ok(call::begin()),
        NodeKind::Sleep => sleep::begin(inputs, at_ms).map(Some),
        NodeKind::Ask => Ok(Some(ask::begin())),
        NodeKind::Plan => Ok(plan::begin()),
        NodeKind::External => Ok(Some(external::begin())),
    }
}

/// What the end of a child means to its composite: its own end, or nothing yet.
pub(crate) fn child_ended(draft: &mut Draft, parent: NodeRunId, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    match draft.node(parent)?.node_type.kind {
        NodeKind::Plan => plan::child_ended(draft, parent, child),
        NodeKind::External => external::child_ended(draft, child),
        NodeKind::Call | NodeKind::Sleep | NodeKind::Ask => {
            Err(Corrupt::Impossible { event: "decide", node_run: parent, reason: "it is atomic and has children" }
                .into())
        }
    }
}
