//! Approval requests and the decisions on them.

use serde::{Deserialize, Serialize};

use super::ids::ApprovalId;

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
    pub decided: Option<ApprovalDecision>,
}

/// The decision on an approval request, with its details.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalDecision {
    /// The verdict.
    pub verdict: Verdict,
    /// The caller's name, if known; opaque.
    pub by: Option<String>,
    /// The approver's comment.
    pub comment: Option<String>,
    /// Unix milliseconds.
    pub at_ms: i64,
}
