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

use serde::{Deserialize, Serialize};

use crate::kinds::facts::ApprovalOf;
use crate::{ApprovalId, Node, NodeState, State, Wait};

/// What needs an approval in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStrategy {
    /// Only calls with the constraint `require_approval`.
    #[default]
    None,
    /// The whole plan, once.
    OnStart,
    /// Every call.
    OnToolCall,
}

impl ApprovalStrategy {
    pub(crate) fn is_none(&self) -> bool {
        *self == ApprovalStrategy::None
    }
}

/// The decision on an approval request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The node run may continue.
    Approved,
    /// The node run may not continue, and the run is canceled.
    Denied,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Verdict::Approved => "approved",
            Verdict::Denied => "denied",
        })
    }
}

/// The state of an approval request.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// The id, derived from run and node run, which has at most one request.
    pub id: ApprovalId,
    /// Unix milliseconds.
    pub asked_at_ms: i64,
    /// The decision; `None` while the request is open, or if the node run ended first.
    pub decided: Option<Decided>,
}

/// The decision on an approval request, with its details.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// The caller's name, if known; opaque.
    pub by: Option<String>,
    /// The approver's comment.
    pub comment: Option<String>,
    /// Unix milliseconds.
    pub at_ms: i64,
}

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
    if node.approval.is_some() {
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
