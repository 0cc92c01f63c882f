//! What is committed together with a command, and what comes of it.

use std::sync::Arc;

use runyard_engine::{Reply, RunId, State};

use crate::runs::Error;
use crate::store::{KeyUse, Sealed};

/// The result of a command.
pub(in crate::runs) struct Submitted {
    /// The state of the run after it.
    pub state: Arc<State>,
    /// The reply for the caller.
    pub reply: Reply,
    /// Whether anything was recorded; a repeated command changes nothing.
    pub changed: bool,
}

/// What is committed together with a command.
#[derive(Debug, Clone, Default)]
pub(in crate::runs) struct CommitExtras {
    /// Sealed values of a start.
    pub sealed: Vec<Sealed>,
    /// The key under which a start can be repeated.
    pub key: Option<KeyUse>,
}

/// The error for a run whose log cannot be read.
pub(super) fn corrupted(run: RunId, reason: &str) -> Error {
    Error::Unreadable { run, reason: reason.to_owned() }
}
