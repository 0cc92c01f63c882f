//! Finished runs that are no longer needed, and the trait [`Retention`] that removes them.
//!
//! A run's row, name, turn, labels, approvals, keys and objects are removed at once, so that no client finds the run.
//! Its log and node run index follow in small steps. A store refuses to remove a run that is still needed, whatever the
//! reason of the caller.

use async_trait::async_trait;
use runyard_engine::{EffectId, Labels, Position, RunId};

use super::error::StoreError;
use super::records::{Cursor, RunRow, Status, Tenant};

/// A run with this label needs the run whose id is the value, until it has ended.
pub const NEEDS: &str = "runyard.needs";
/// The label of a run that another run has started; the value is that run's id.
pub const STARTED_BY: &str = "runyard.parent_run";

/// Removal of ended runs. Every store implements it, beside [`Store`](super::Store).
#[async_trait]
pub trait Retention: Send + Sync + 'static {
    /// All tenants that have or had runs.
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// Runs in a status, oldest first by creation, after the cursor.
    async fn oldest(
        &self,
        tenant: &str,
        status: Status,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// Removes those of the given runs that are no longer needed, in one durable transaction, and returns them. A
    /// removed run has ended and is at the version seen. The last run of its thread has ended. It was not started by a
    /// run that has not ended, and has started none such ([`STARTED_BY`]). No run that has not ended needs it
    /// ([`NEEDS`]). It has no effects left, and no idempotency key that was used at or after the given time.
    async fn remove(&self, tenant: &str, removals: Vec<Removal>, keys_before_ms: i64)
    -> Result<Vec<RunId>, StoreError>;

    /// Deletes at most this many events of removed runs, and their related data. Returns the number: less than the
    /// limit means that nothing is left.
    async fn sweep(&self, limit: usize) -> Result<usize, StoreError>;
}

/// A run to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The run's id.
    pub run: RunId,
    /// The version that the caller saw.
    pub version: Position,
    /// The labels of the run.
    pub labels: Labels,
    /// The run's thread.
    pub thread: String,
    /// The run that started this run.
    pub parent: Option<RunId>,
    /// The effects that the end of the run may have added. The run stays until they are settled.
    pub closing_effects: Vec<EffectId>,
}
