//! A composite whose children and end come from outside, through `CreateChildren`, `Evaluate` and `Complete`.

use crate::draft::Draft;
use crate::event::{Failure, FinalState};
use crate::finish::{self, Ending};
use crate::{Node, NodeRunId, Rejected, Wait};

/// It waits for its owner.
pub(crate) fn begin() -> Wait {
    Wait::External
}

/// Its owner decides what a child's end means. Only siblings that can now never begin end with it.
pub(crate) fn child_ended(draft: &mut Draft, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    let ended = draft.node(child)?;
    if let Some(why) = hopeless_after(ended) {
        for dependant in ended.dependants.clone() {
            finish::skip(draft, dependant, why.clone())?;
        }
    }
    Ok(None)
}

/// Why nothing that depends on this node run can begin, if it has ended without success.
pub(crate) fn hopeless_after(node: &Node) -> Option<Failure> {
    let state = node.final_state().filter(|state| *state != FinalState::Succeeded)?;
    Some(finish::dependency_failed(node, state))
}
