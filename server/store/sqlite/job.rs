//! The jobs of the writer.

use runyard_engine::RunId;
use tokio::sync::oneshot;

use super::api_keys::Revocation;
use super::claims::Load;
use super::objects::Changed;
use super::prepared::PreparedAppend;
use super::removals::Removals;
use crate::api_key::ApiKey;
use crate::object::Changes;
use crate::{Committed, StoreError};

/// Where a job's result goes.
pub(super) type Answer<T> = oneshot::Sender<T>;

/// The results of appends.
pub(super) type Commits = Vec<Result<Committed, StoreError>>;

/// A job for the writer.
pub(super) enum Job {
    /// Append these, each independently.
    Commit(Vec<PreparedAppend>, Answer<Commits>),
    /// Load due effects into memory.
    Load(Load, Answer<Result<(), StoreError>>),
    /// Store an API key.
    AddKey(ApiKey, Answer<Result<(), StoreError>>),
    /// Revoke an API key.
    RevokeKey(Revocation, Answer<Result<Option<ApiKey>, StoreError>>),
    /// Change small objects, all or none.
    ChangeObjects(Changes, Answer<Result<Changed, StoreError>>),
    /// Remove runs that are no longer needed.
    Remove(Removals, Answer<Result<Vec<RunId>, StoreError>>),
    /// Delete a limited part of removed runs' data.
    Sweep(usize, Answer<Result<usize, StoreError>>),
    /// Do nothing but answer.
    Ping(Answer<Result<(), StoreError>>),
}

impl Job {
    /// The tenant whose turn it uses; empty if it belongs to none.
    pub(super) fn tenant(&self) -> &str {
        match self {
            Job::Commit(entries, _) => entries.first().map_or("", |entry| &entry.append().tenant),
            Job::ChangeObjects(changes, _) => &changes.tenant,
            Job::Remove(removals, _) => &removals.tenant,
            Job::Load(..) | Job::AddKey(..) | Job::RevokeKey(..) | Job::Sweep(..) | Job::Ping(_) => "",
        }
    }

    pub(super) fn entries(&self) -> usize {
        match self {
            Job::Commit(entries, _) => entries.len().max(1),
            _ => 1,
        }
    }

    /// Whether it needs a transaction.
    pub(super) fn writes(&self) -> bool {
        !matches!(self, Job::Load(..))
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Job::Commit(entries, _) => entries.iter().map(PreparedAppend::bytes).sum(),
            _ => 0,
        }
    }
}
