//! Storage: the trait [`Store`] and the types of its methods. Each reader of the store gets the trait for what it may do:
//! the driver [`Claims`], authentication [`api_key::KeyStore`], the objects of the APIs [`object::ObjectStore`], the removal
//! of ended runs [`retention::Retention`]. A server opens all of them as a [`Backend`].
//!
//! | implementation | for |
//! |----------------|-----|
//! | [`sqlite`]     | one server, one folder; the default |
//! | [`memory`]     | in memory, for tests and for measurements without storage |
//!
//! [`location`] opens the store that the configuration names, and gives its [`maintenance`]: checks, backups, the removal
//! of single runs. A [`layer`] wraps a store and changes its answers.
//!
//! [`approval`] has approvals for lists. [`api_key`] has stored API keys and their trait, [`object`] the same for small
//! objects of the APIs. [`retention`] removes ended runs. [`folder`] owns the data folder. `json` reads and writes
//! stored JSON. Both stores pass the same conformance suite, `conformance/`. Only this crate knows SQL. It does not
//! know what an event means: it sees positions, states for lists, and due effects.

pub mod api_key;
pub mod approval;
mod check;
mod claims;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
pub mod folder;
pub mod json;
pub mod layer;
pub mod location;
pub mod maintenance;
pub mod memory;
pub mod object;
mod outbox;
mod records;
pub mod retention;
pub mod sqlite;

use async_trait::async_trait;
use runyard_engine::large::Digest;
use runyard_engine::{ApprovalId, NodeRunId, Position, Recorded, RunId};

pub use self::claims::Claims;
pub use self::error::{Cause, StoreError};
pub use self::records::{
    Append, Claimed, Committed, Cursor, Epoch, Filter, KeyUse, LabelFilter, LargeValue, LogPart, RunPhase, RunRow,
    Sealed, Status, Tenant,
};

use self::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow};

/// The stored runs. It allows several servers over one store.
#[async_trait]
pub trait Store: Claims {
    /// Commits all entries in one durable transaction in which each entry succeeds or fails alone. The results have the
    /// order of the entries. After the return, entries with `Ok` survive a power cut. An entry sees those before it.
    ///
    /// An entry that breaks several rules gets the first error of: `KeyTaken`, `Fenced`, `Conflict`, `NameTaken`,
    /// `TurnTaken`. A refused entry writes nothing. Dropping the future does not undo the commit.
    async fn commit(&self, appends: Vec<Append>) -> Vec<Result<Committed, StoreError>>;

    /// A run's log after a position, oldest first, at most `limit` events. Empty for an unknown run. The events have
    /// been checked to be without gaps.
    async fn log(&self, tenant: &str, run: RunId, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError>;

    /// As [`Store::log`], limited to about this many bytes: a long event is returned alone. For readers of a whole log.
    async fn log_part(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        (limit, bytes): (usize, usize),
    ) -> Result<LogPart, StoreError> {
        let _ = bytes; // Data in memory costs nothing to return.
        let events = self.log(tenant, run, after, limit).await?;
        Ok(LogPart { more: events.len() == limit, events })
    }

    /// A run's derived row.
    async fn row(&self, tenant: &str, run: RunId) -> Result<Option<RunRow>, StoreError>;

    /// The versions of these runs, in their order; 0 for a run that does not exist. One query for all runs.
    async fn versions(&self, runs: &[(Tenant, RunId)]) -> Result<Vec<Position>, StoreError> {
        let mut versions = Vec::with_capacity(runs.len());
        for (tenant, run) in runs {
            versions.push(self.row(tenant, *run).await?.map_or(0, |row| row.version));
        }
        Ok(versions)
    }

    /// The run with this client-chosen name.
    async fn named(&self, tenant: &str, name: &str) -> Result<Option<RunId>, StoreError>;

    /// The run of a node run. A node run id that never existed may also return a run; that run's state then does not
    /// contain it.
    async fn run_of(&self, tenant: &str, node_run: NodeRunId) -> Result<Option<RunId>, StoreError>;

    /// The record of an idempotency key.
    async fn keyed(&self, tenant: &str, scope: &str, key: &str) -> Result<Option<KeyUse>, StoreError>;

    /// Runs that match the filter, newest first, after the cursor.
    async fn list(
        &self,
        tenant: &str,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// The approval with this id.
    async fn approval(&self, tenant: &str, approval: ApprovalId) -> Result<Option<ApprovalRow>, StoreError>;

    /// Approvals that match the filter, newest first, after the cursor.
    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        after: Option<ApprovalCursor>,
        limit: usize,
    ) -> Result<Vec<ApprovalRow>, StoreError>;

    /// Runs that match the filter, newest first, after skipping an offset. Skipped runs are read too, so callers limit
    /// the offset.
    async fn page(
        &self,
        tenant: &str,
        filter: &Filter,
        skipped: usize,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// The text of a large value that a run names.
    async fn value(&self, tenant: &str, run: RunId, digest: Digest) -> Result<Option<String>, StoreError>;

    /// A run's sealed data with this name. It exists only until the run ends.
    async fn sealed(&self, tenant: &str, run: RunId, name: &str) -> Result<Option<Sealed>, StoreError>;

    /// The runs of a thread with a turn of a lower number, the last turn first. The first run of an implicit thread has
    /// no turn and is not included.
    async fn turns(
        &self,
        tenant: &str,
        thread: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// How many runs there are in each status. A status without runs may be absent.
    async fn counts(&self, tenant: &str) -> Result<Vec<(Status, u64)>, StoreError>;

    /// Checks that the store works, for health checks.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// All storage traits of a server as one trait object.
pub trait Backend: Store + api_key::KeyStore + object::ObjectStore + retention::Retention {}

impl<T: Store + api_key::KeyStore + object::ObjectStore + retention::Retention> Backend for T {}

#[cfg(test)]
mod tests {
    //! The conformance suite over the backends of this crate.

    use crate::memory::Memory;
    use crate::sqlite::Sqlite;

    fn sqlite() -> (tempfile::TempDir, Sqlite) {
        let folder = tempfile::tempdir().unwrap();
        let store = reopened(&folder);
        (folder, store)
    }

    fn reopened(folder: &tempfile::TempDir) -> Sqlite {
        Sqlite::open(folder.path(), Default::default()).unwrap()
    }

    crate::conformance_suite!(memory: ((), super::Memory::new()));
    crate::conformance_suite!(sqlite: super::sqlite());

    #[test]
    fn sqlite_gives_the_same_answers_when_it_is_opened_again() {
        crate::conformance::model::compare_reopened(sqlite, reopened);
    }
}
