//! Approvals: what needs an approval, and what was decided. An approval is requested once and decided once.
//!
//! | strategy       | what waits                                                                     |
//! |----------------|--------------------------------------------------------------------------------|
//! | `none`         | nothing, unless a constraint (`require_approval`) requires it                  |
//! | `on_start`     | the root, once: a plan before its steps begin, any other root before it begins |
//! | `on_tool_call` | every call in the tree, before its first attempt                               |
//!
//! A retry needs no second approval. After an approval the node run continues; after a denial the run is canceled
//! (`denied`). Time limits of the run include the wait. The engine records the approver's name and does not check it.

use crate::kinds::agent;
use crate::kinds::facts::ApprovalOf;
pub use crate::record::approval::{Approval, ApprovalDecision, ApprovalStrategy, Verdict};
use crate::{Node, NodeState, State, Wait};

impl Node {
    /// Whether its approval request is open.
    pub fn is_asked(&self) -> bool {
        self.state == NodeState::Waiting(Wait::Approval)
    }

    /// Whether its approval request is about its finished plan, and not about its beginning.
    pub fn is_planned(&self) -> bool {
        self.node_type.kind.facts().approval == ApprovalOf::Plan && self.attempt > 0
    }
}

/// Whether this node run needs an approval before it begins.
pub(crate) fn comes_first(state: &State, node: &Node) -> bool {
    // A model's turn only proposes calls, and these can be approved.
    if node.approval.is_some() || agent::is_turn(state, node) {
        return false;
    }
    let strategy = strategy(state);
    let whole = strategy == ApprovalStrategy::OnStart && node.parent.is_none();
    match node.node_type.kind.facts().approval {
        ApprovalOf::Call => {
            whole || strategy == ApprovalStrategy::OnToolCall || node.constraints.gates.require_approval
        }
        // The graph is already known, so it can be approved before it begins.
        ApprovalOf::Whole => whole,
        // The plan is made first, so that it can be approved.
        ApprovalOf::Plan => false,
    }
}

/// Whether the plan of this composite needs an approval before its steps begin.
pub(crate) fn comes_after_planning(state: &State, node: &Node) -> bool {
    node.parent.is_none() && strategy(state) == ApprovalStrategy::OnStart
}

/// Whether this node run could not begin without an approval.
pub(crate) fn was_needed(state: &State, node: &Node) -> bool {
    comes_first(state, &Node { approval: None, ..node.clone() })
}

fn strategy(state: &State) -> ApprovalStrategy {
    state.start.as_ref().map(|start| start.approval).unwrap_or_default()
}
