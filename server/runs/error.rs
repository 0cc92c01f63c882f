//! The errors of the facade: one enum, its variants by what the caller does next.

use runyard_engine::{NodeRunId, Rejected, RunId};

use crate::catalog::{ResolveError, Violation};
use crate::compute;
use crate::feed::ProjectionError;
use crate::store::StoreError;

/// Why an operation on a run failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No run of this tenant has this id.
    #[error("run `{0}` is not known here")]
    UnknownRun(String),
    /// No node run of this tenant has this id.
    #[error("node run `{0}` is not known here")]
    UnknownNodeRun(String),
    /// No approval request of this tenant has this id.
    #[error("approval `{0}` is not known here")]
    UnknownApproval(String),
    /// The text is no decision token of this server, or not for this caller.
    #[error("this is not a decision token of this server")]
    InvalidToken,
    /// The approval of the token has been decided.
    #[error("this decision token has been used")]
    UsedToken,
    /// The node type or its version does not exist.
    #[error(transparent)]
    UnknownNodeType(#[from] ResolveError),
    /// The inputs do not fit the node type's schema.
    #[error("the inputs do not fit `{node_type}`")]
    InvalidInputs {
        /// The node type.
        node_type: String,
        /// Field by field.
        violations: Vec<Violation>,
    },
    /// The output schema is not valid, or cannot be used.
    #[error("the output schema {reason}")]
    InvalidOutputSchema {
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or checking the request takes more work than allowed.
    #[error("{0}")]
    TooExpensive(String),
    /// The engine refused, and recorded nothing.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The client-chosen id belongs to a run that was started with another body.
    #[error("run `{name}` already exists and was started with a different request")]
    NameTaken {
        /// The id.
        name: String,
    },
    /// The idempotency key was used for another body.
    #[error("idempotency key `{key}` was already used with a different request")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// The run has no open question.
    #[error("run {run} does not wait for input")]
    NotAsking {
        /// The run.
        run: RunId,
    },
    /// The run has several open questions, and the input does not name one.
    #[error("run {run} has {} open questions; name the node run that is answered", .node_runs.len())]
    SeveralQuestions {
        /// The run.
        run: RunId,
        /// The node runs with open questions.
        node_runs: Vec<NodeRunId>,
    },
    /// The thread's last run has not ended, so the thread cannot be continued.
    #[error("thread `{thread}` has a run that has not ended, {run}; wait for its end, or cancel it")]
    ThreadBusy {
        /// The thread.
        thread: String,
        /// Its live run.
        run: RunId,
    },
    /// What is to be sealed cannot be, or what is sealed was sealed under another server key.
    #[error(
        "what the run passes through cannot be sealed or opened; the server key may be another one than when the run was started"
    )]
    Unsealed,
    /// The run would write or hold more than a run may. Nothing was recorded.
    #[error(
        "the run would come to {bytes} bytes, and a run may have {limit} ({setting}): send less, or start another run"
    )]
    RunTooLarge {
        /// The size of the run with the rejected change.
        bytes: u64,
        /// The largest size.
        limit: u64,
        /// The setting.
        setting: &'static str,
    },
    /// The operation would have to read more of the run's large values than allowed at once.
    #[error("{bytes} bytes of large values would have to be read, and {limit} may be (limits.value_read_bytes)")]
    ValuesTooLarge {
        /// Their size.
        bytes: u64,
        /// The largest size.
        limit: u64,
    },
    /// The tenant has as many live runs as allowed.
    #[error("there are {limit} runs that have not ended; wait for some, or cancel some (limits.live_runs)")]
    TooManyLiveRuns {
        /// The bound.
        limit: u64,
    },
    /// As many starts of the tenant as allowed are being answered.
    #[error("{limit} starts are being answered; send this one again in a moment (limits.starts_in_flight)")]
    TooManyStarts {
        /// The bound.
        limit: u64,
    },
    /// A run has started as many others as allowed, directly or through others.
    #[error("run {root} has {limit} runs below it and may have no more (limits.run_descendants)")]
    TooManyDescendants {
        /// The topmost run.
        root: RunId,
        /// The bound.
        limit: u64,
    },
    /// The run changes faster than this command could be decided, or the store's queue is full. Nothing was recorded.
    #[error("too much is going on; try again")]
    Busy,
    /// Stored data of a run cannot be read. A retry would read the same.
    #[error("what is stored of run {run} cannot be read: {reason}")]
    Unreadable {
        /// The run.
        run: RunId,
        /// For the log: what is wrong, without the stored data.
        reason: String,
    },
    /// The store did not answer. Nothing was recorded.
    #[error(transparent)]
    Store(StoreError),
}

impl From<ProjectionError> for Error {
    fn from(error: ProjectionError) -> Self {
        StoreError::from(error).into()
    }
}

impl From<compute::Refused> for Error {
    fn from(refused: compute::Refused) -> Self {
        match refused {
            compute::Refused::Busy => Error::Busy,
            compute::Refused::TookTooLong => {
                Error::TooExpensive(format!("what was sent could not be read and checked: {refused}"))
            }
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(_) | StoreError::Conflict { .. } => Error::Busy,
            StoreError::Corrupt { run, reason } => Error::Unreadable { run, reason },
            other => Error::Store(other),
        }
    }
}
