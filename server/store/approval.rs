//! Approvals as lists show them: derived from a run's log and written with it, like its row. What is asked in full stands in the
//! log alone.

use runyard_engine::{ApprovalId, NodeRunId, RunId, Verdict};

/// What lists show of an approval. Run, node run and the time at which it was asked for never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// Which. Unique in its tenant.
    pub approval: ApprovalId,
    /// In which run.
    pub run: RunId,
    /// About which node run.
    pub node_run: NodeRunId,
    /// About what of it.
    pub subject: Subject,
    /// The node run's key below its parent; empty for a run's root.
    pub key: String,
    /// The node run's resolved node type id.
    pub node_type: String,
    /// In one line, what it is about: the step's part of the goal, or the run's goal.
    pub title: Option<String>,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// Unix milliseconds.
    pub asked_at_ms: i64,
    /// When it was decided, or not needed any more, Unix milliseconds.
    pub ended_at_ms: Option<i64>,
    /// Who decided, as far as is known.
    pub by: Option<String>,
    /// What they said about it.
    pub comment: Option<String>,
}

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The plan that a composite has made.
    Plan,
    /// Whether the node run may begin.
    NodeRun,
}

impl Subject {
    /// Both.
    pub const ALL: [Subject; 2] = [Subject::Plan, Subject::NodeRun];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Subject::Plan => "plan",
            Subject::NodeRun => "node_run",
        }
    }

    /// Reads the word. Anything else is `None`.
    pub fn from_word(word: &str) -> Option<Self> {
        Subject::ALL.into_iter().find(|subject| subject.word() == word)
    }
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalStatus {
    /// Nobody has said.
    Pending,
    /// It may go on.
    Approved,
    /// It may not.
    Denied,
    /// What was asked about ended first.
    Lapsed,
}

impl ApprovalStatus {
    /// Every one, in the order of an approval's life.
    pub const ALL: [ApprovalStatus; 4] =
        [ApprovalStatus::Pending, ApprovalStatus::Approved, ApprovalStatus::Denied, ApprovalStatus::Lapsed];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            ApprovalStatus::Pending => "pending",
            ApprovalStatus::Approved => "approved",
            ApprovalStatus::Denied => "denied",
            ApprovalStatus::Lapsed => "lapsed",
        }
    }

    /// Reads the word. Anything else is `None`.
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

/// Which approvals a list wants. Absent or empty means any.
#[derive(Debug, Clone, Default)]
pub struct ApprovalFilter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Any of these.
    pub statuses: Vec<ApprovalStatus>,
}

/// Where a list goes on: after this approval. Newest first by when they were asked for, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalCursor {
    /// Unix milliseconds.
    pub asked_at_ms: i64,
    /// Which.
    pub approval: ApprovalId,
}
