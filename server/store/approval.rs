//! Approvals for lists. They are derived from a run's log and written with it, like the run's row. Only the log has the
//! full approval request.

use runyard_engine::{ApprovalId, NodeRunId, RunId, Verdict};

/// An approval in a list. Its run, node run and time of creation never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// The approval's id. Unique in its tenant.
    pub approval: ApprovalId,
    /// The run.
    pub run: RunId,
    /// The node run.
    pub node_run: NodeRunId,
    /// The subject of the approval request.
    pub subject: Subject,
    /// The node run's key below its parent; empty for a run's root.
    pub key: String,
    /// The node run's resolved node type id.
    pub node_type: String,
    /// A one-line summary: the step's part of the goal, or the run's goal.
    pub title: Option<String>,
    /// The approval's status.
    pub status: ApprovalStatus,
    /// Unix milliseconds.
    pub asked_at_ms: i64,
    /// When it was decided or became unnecessary, Unix milliseconds.
    pub ended_at_ms: Option<i64>,
    /// The approver, if known.
    pub by: Option<String>,
    /// The approver's comment.
    pub comment: Option<String>,
}

/// The subject of an approval request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The plan that a composite has made.
    Plan,
    /// Whether the node run may start.
    NodeRun,
}

impl Subject {
    /// Both.
    pub const ALL: [Subject; 2] = [Subject::Plan, Subject::NodeRun];

    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            Subject::Plan => "plan",
            Subject::NodeRun => "node_run",
        }
    }

    /// Parses the stored word. Anything else is `None`.
    pub fn from_word(word: &str) -> Option<Self> {
        Subject::ALL.into_iter().find(|subject| subject.word() == word)
    }
}

/// The status of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalStatus {
    /// Not decided yet.
    Pending,
    /// Approved.
    Approved,
    /// Rejected.
    Denied,
    /// The run or node run ended before a decision.
    Lapsed,
}

impl ApprovalStatus {
    /// All statuses, in the order of an approval's life.
    pub const ALL: [ApprovalStatus; 4] =
        [ApprovalStatus::Pending, ApprovalStatus::Approved, ApprovalStatus::Denied, ApprovalStatus::Lapsed];

    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            ApprovalStatus::Pending => "pending",
            ApprovalStatus::Approved => "approved",
            ApprovalStatus::Denied => "denied",
            ApprovalStatus::Lapsed => "lapsed",
        }
    }

    /// Parses the stored word. Anything else is `None`.
    pub fn from_word(word: &str) -> Option<Self> {
        ApprovalStatus::ALL.into_iter().find(|status| status.word() == word)
    }
}

impl From<Verdict> for ApprovalStatus {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approved => ApprovalStatus::Approved,
            Verdict::Denied => ApprovalStatus::Denied,
        }
    }
}

/// A filter for lists of approvals. Absent or empty means any.
#[derive(Debug, Clone, Default)]
pub struct ApprovalFilter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Any of these.
    pub statuses: Vec<ApprovalStatus>,
}

/// The cursor of a list: it continues after this approval. Lists are sorted by time of creation, then by id, newest
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalCursor {
    /// Unix milliseconds.
    pub asked_at_ms: i64,
    /// The approval's id.
    pub approval: ApprovalId,
}
