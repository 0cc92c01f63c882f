//! Approvals: who has to agree before what, and what was decided. An approval is asked for once, and decided once.
//!
//! | strategy       | what waits                                                                                             |
//! |----------------|--------------------------------------------------------------------------------------------------------|
//! | `none`         | nothing, unless a constraint (`require_approval`) asks for it                                          |
//! | `on_start`     | the root, once: a plan when it has been made and before any of its steps begins, anything else before it begins |
//! | `on_tool_call` | every call, before its first try, wherever in the tree it is                                           |
//!
//! A call that is tried again needs no second approval. Approved, it goes on; denied, the run is canceled (`denied`). Time
//! limits of the run go on counting meanwhile. Who decides is the caller's business: a name is recorded, and not looked into.

use serde::{Deserialize, Serialize};

use crate::kinds::facts::ApprovalOf;
use crate::{ApprovalId, Node, NodeState, State, Wait};

/// What needs an approval in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStrategy {
    /// Nothing that is not constrained.
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

/// A decision in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may go on.
    Approved,
    /// It may not, and the run ends.
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

/// An approval as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Derived from run and node run: a node run is asked about once.
    pub id: ApprovalId,
    /// Unix milliseconds.
    pub asked_at_ms: i64,
    /// What was decided; absent while it is open, and for ever where the node run ended first.
    pub decided: Option<Decided>,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// In one word.
    pub verdict: Verdict,
    /// By whom, as the caller was known; opaque.
    pub by: Option<String>,
    /// What they said about it.
    pub comment: Option<String>,
    /// Unix milliseconds.
    pub at_ms: i64,
}

impl Node {
    /// Whether somebody is asked about it, and has not said.
    pub fn is_asked(&self) -> bool {
        self.state == NodeState::Waiting(Wait::Approval)
    }

    /// Whether what it was asked about is the plan that it has made, not whether it may begin.
    pub fn is_planned(&self) -> bool {
        self.node_type.kind.facts().approval == ApprovalOf::Plan && self.attempt > 0
    }
}

/// Whether somebody has to agree before this node run begins.
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
        // A graph was drawn beforehand, so there is something to agree to.
        ApprovalOf::Whole => whole,
        // It is made first, so that there is something to agree to.
        ApprovalOf::Plan => false,
    }
}

/// Whether somebody has to agree to the plan of this composite before its steps begin.
pub(crate) fn comes_after_planning(state: &State, node: &Node) -> bool {
    node.parent.is_none() && strategy(state) == ApprovalStrategy::OnStart
}

/// Whether this node run may only ever have begun with an approval.
pub(crate) fn was_needed(state: &State, node: &Node) -> bool {
    comes_first(state, &Node { approval: None, ..node.clone() })
}

fn strategy(state: &State) -> ApprovalStrategy {
    state.start.as_ref().map(|start| start.approval).unwrap_or_default()
}
