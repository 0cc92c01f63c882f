//! Finished runs that nobody has to keep any more, and the trait [`Retention`] by which they are removed.
//!
//! A run goes as a whole: its row, name, turn, labels, approvals, keys and objects at once, so that nobody finds it any more; its log and
//! the index of its node runs after that, in small bites. A store refuses what must stay, whoever asks and for whatever reason.

use async_trait::async_trait;
use runyard_engine::{EffectId, Labels, Position, RunId};

use super::{Cursor, RunRow, Status, StoreError, Tenant};

/// A run that has this label, with another run's id as the value, needs that one for as long as it has not ended.
pub const NEEDS: &str = "runyard.needs";
/// The label of a run that another one has started: that one's id.
pub const STARTED_BY: &str = "runyard.parent_run";

/// Removes what has ended. Implemented by every store, beside [`Store`](super::Store).
#[async_trait]
pub trait Retention: Send + Sync + 'static {
    /// Everybody who has or had runs.
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// Runs in a status, oldest first by creation, after the cursor.
    async fn oldest(
        &self,
        tenant: &str,
        status: Status,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// Removes runs in one durable transaction, those that may go: such a run has ended, is at the version seen, is not of a thread
    /// whose last run has not ended, was not started by a run that has not ended and has started none such ([`STARTED_BY`]), is not needed
    /// by a run that has not ended ([`NEEDS`]), has nothing left to ask for, and has no idempotency key that was used
    /// at or after a time. Answers with those that are gone.
    async fn remove(&self, tenant: &str, removals: Vec<Removal>, keys_before_ms: i64)
    -> Result<Vec<RunId>, StoreError>;

    /// Deletes at most so many events of runs that have been removed, and what goes with them. Answers how many it was: fewer than
    /// the limit means that nothing is left.
    async fn sweep(&self, limit: usize) -> Result<usize, StoreError>;
}

/// A run to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Which.
    pub run: RunId,
    /// The version seen.
    pub version: Position,
    /// What it started with.
    pub labels: Labels,
    /// The thread that it is of.
    pub thread: String,
    /// The run that has started it.
    pub parent: Option<RunId>,
    /// What it may have asked for when it ended, and is not done before it is off the list of effects.
    pub closing_effects: Vec<EffectId>,
}
