//! The states of runs and node runs, and how they end.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The status of a node run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// A dependency is not satisfied yet.
    Pending,
    /// Prepared to begin.
    Queued,
    /// Its work is in progress.
    Running,
    /// It waits for something.
    Waiting(Wait),
    /// Over.
    Final(FinalState),
}

impl NodeState {
    /// Every state, for tables. The timer is due at the epoch.
    pub const ALL: [NodeState; 13] = [
        NodeState::Pending,
        NodeState::Queued,
        NodeState::Running,
        NodeState::Waiting(Wait::Timer { until_ms: 0 }),
        NodeState::Waiting(Wait::Children),
        NodeState::Waiting(Wait::External),
        NodeState::Waiting(Wait::Input),
        NodeState::Waiting(Wait::Run),
        NodeState::Waiting(Wait::Approval),
        NodeState::Final(FinalState::Succeeded),
        NodeState::Final(FinalState::Failed),
        NodeState::Final(FinalState::Canceled),
        NodeState::Final(FinalState::Skipped),
    ];
}

/// What a node run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// A timer.
    Timer {
        /// Unix milliseconds.
        until_ms: i64,
    },
    /// Its children.
    Children,
    /// The external owner.
    External,
    /// Input from a client.
    Input,
    /// The end of a run that it has started.
    Run,
    /// An approval.
    Approval,
}

/// The status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Nothing has begun.
    Queued,
    /// A node run is running, or is queued and may begin.
    Running,
    /// No node run is running, and no queued one may begin.
    Waiting,
    /// Over.
    Final(RunOutcome),
}

impl RunStatus {
    /// Every status, for tables.
    pub const ALL: [RunStatus; 8] = [
        RunStatus::Queued,
        RunStatus::Running,
        RunStatus::Waiting,
        RunStatus::Final(RunOutcome::Succeeded),
        RunStatus::Final(RunOutcome::Partial),
        RunStatus::Final(RunOutcome::NothingAchieved),
        RunStatus::Final(RunOutcome::Failed),
        RunStatus::Final(RunOutcome::Canceled),
    ];
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// The root succeeded.
    Succeeded,
    /// Every failure was ignored, and something was achieved.
    Partial,
    /// Every failure was ignored, and nothing was achieved.
    NothingAchieved,
    /// The root failed; the error says why.
    Failed,
    /// The run was canceled.
    Canceled,
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeState::Pending => f.write_str("pending"),
            NodeState::Queued => f.write_str("queued"),
            NodeState::Running => f.write_str("running"),
            NodeState::Waiting(Wait::Timer { .. }) => f.write_str("waiting for a time"),
            NodeState::Waiting(Wait::Children) => f.write_str("waiting for its children"),
            NodeState::Waiting(Wait::External) => f.write_str("waiting for its owner"),
            NodeState::Waiting(Wait::Input) => f.write_str("waiting for input"),
            NodeState::Waiting(Wait::Run) => f.write_str("waiting for a run"),
            NodeState::Waiting(Wait::Approval) => f.write_str("waiting for an approval"),
            NodeState::Final(state) => state.fmt(f),
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RunOutcome::Succeeded => "succeeded",
            RunOutcome::Partial => "partial",
            RunOutcome::NothingAchieved => "nothing_achieved",
            RunOutcome::Failed => "failed",
            RunOutcome::Canceled => "canceled",
        })
    }
}

impl RunOutcome {
    /// The outcome of a run whose root ended in this state. A root has no dependencies and is never skipped.
    pub const fn of(root: FinalState, shortfall: Option<Shortfall>) -> Self {
        match root {
            FinalState::Succeeded => RunOutcome::Succeeded,
            FinalState::Failed => match shortfall {
                Some(Shortfall::Partial) => RunOutcome::Partial,
                Some(Shortfall::NothingAchieved) => RunOutcome::NothingAchieved,
                None => RunOutcome::Failed,
            },
            FinalState::Canceled | FinalState::Skipped => RunOutcome::Canceled,
        }
    }
}

/// How a node run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalState {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was canceled.
    Canceled,
    /// It never began, because a dependency did not succeed or it was not needed.
    Skipped,
}

impl fmt::Display for FinalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FinalState::Succeeded => "succeeded",
            FinalState::Failed => "failed",
            FinalState::Canceled => "canceled",
            FinalState::Skipped => "skipped",
        })
    }
}

/// How much a composite achieved when every failure below it was ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortfall {
    /// Something was achieved and something was not.
    Partial,
    /// Nothing was achieved.
    NothingAchieved,
}
