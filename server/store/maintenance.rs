//! Maintenance of stored data without a server: checks of one moment of it, backups, and the removal of single runs. A
//! store that keeps files implements [`Maintenance`]; [`StoreUrl::maintenance`](crate::location::StoreUrl::maintenance)
//! gives that of the configured store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runyard_engine::large::Digest;
use runyard_engine::{ApprovalId, Effect, EffectId, NodeRunId, Position, Recorded, RunId};

use crate::approval::ApprovalRow;
use crate::retention::Removal;
use crate::{KeyUse, RunRow, Status, StoreError, Tenant};

/// A run and its tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The tenant.
    pub tenant: Tenant,
    /// The run.
    pub run: RunId,
}

/// A record that is stored beside the logs because of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SideRow {
    /// An effect (the outbox).
    Effect(EffectId),
    /// The index from a node run to its run.
    NodeRun(NodeRunId),
    /// A label, by which lists find a run.
    Label(String, String),
    /// An approval in lists.
    Approval(ApprovalId),
    /// An idempotency key.
    Key(String, String),
    /// A large value.
    Value(Digest),
}

/// The tables of records beside the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// [`SideRow::Effect`].
    Effects,
    /// [`SideRow::NodeRun`].
    NodeRuns,
    /// [`SideRow::Label`].
    Labels,
    /// [`SideRow::Approval`].
    Approvals,
    /// [`SideRow::Key`].
    Keys,
    /// [`SideRow::Value`].
    Values,
}

impl Table {
    /// All tables.
    pub const ALL: [Table; 6] =
        [Table::Effects, Table::NodeRuns, Table::Labels, Table::Approvals, Table::Keys, Table::Values];
}

/// An acknowledged commit that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRun {
    /// The tenant.
    pub tenant: Tenant,
    /// The run.
    pub run: RunId,
    /// The first lost position.
    pub position: Position,
}

impl std::fmt::Display for LostRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LostRun { tenant, run, position } = self;
        write!(f, "position {position} of run {run} of tenant {tenant:?} was acknowledged and is not there")
    }
}

/// The metadata of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The time of the backup, Unix milliseconds.
    pub made_at_ms: i64,
    /// A digest of the server key, if the folder had one.
    pub key_digest: Option<String>,
}

/// Receives the progress of a copy: what is copied, and all of it.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// The maintenance of a store that keeps files. A database is one file, in a data folder or a backup.
pub trait Maintenance: Send + Sync {
    /// The database of a data folder.
    fn database(&self, folder: &Path) -> PathBuf;

    /// Whether a folder has a database, or the remains of an interrupted restore.
    fn is_used(&self, folder: &Path) -> bool;

    /// Opens a database to read one moment of it, whether or not a server has it open.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] if the file is not Runyard's, is too damaged to read, or has another version; the
    /// message says what to do.
    fn inspect(&self, database: &Path) -> Result<Box<dyn Inspect>, StoreError>;

    /// Copies one moment of a database into a new file.
    ///
    /// # Errors
    /// The database is not Runyard's or cannot be read, or the file cannot be written. Then no file is left.
    fn backup(&self, database: &Path, target: &Path, label: &Label, progress: Progress<'_>) -> Result<(), StoreError>;

    /// The metadata of a backup. `None` for a database that is not a backup.
    ///
    /// # Errors
    /// The file is not Runyard's, or cannot be read.
    fn label(&self, backup: &Path) -> Result<Option<Label>, StoreError>;

    /// Prepares a backup in a folder, beside the existing data: copies it and migrates it to this build's version.
    /// Returns the database for inspection.
    ///
    /// # Errors
    /// The backup is not Runyard's or cannot be read, or the folder cannot be written.
    fn prepare(&self, backup: &Path, folder: &Path, progress: Progress<'_>) -> Result<PathBuf, StoreError>;

    /// Replaces the existing database with the prepared one.
    ///
    /// # Errors
    /// The folder cannot be written. Then the restore has to be run again.
    fn put_in_place(&self, folder: &Path) -> Result<(), StoreError>;

    /// Removes the prepared database.
    ///
    /// # Errors
    /// The folder cannot be written.
    fn abandon(&self, folder: &Path) -> Result<(), StoreError>;

    /// Removes runs that cannot be read, and all their data. A run that waits for one of them keeps waiting. No server
    /// may have the database open.
    ///
    /// # Errors
    /// The database cannot be opened or written. Then nothing was removed.
    fn remove_damaged(&self, database: &Path, places: &[Place]) -> Result<(), StoreError>;

    /// Removes a run that has ended and that no other run needs. Returns whether it was removed. No server may have the
    /// database open.
    ///
    /// # Errors
    /// The database cannot be opened or written. Then nothing was removed.
    fn remove_ended(&self, database: &Path, place: &Place, removal: Removal) -> Result<bool, StoreError>;
}

/// One moment of a database, for checks. It does not know what rows should contain. Every method fails if the database
/// cannot be read.
pub trait Inspect {
    /// Acknowledged commits that are missing. Only for a database that no server has open.
    ///
    /// # Errors
    /// As every method.
    fn lost(&self) -> Result<Vec<LostRun>, StoreError>;

    /// The defects that the store itself finds in the file, a line each.
    ///
    /// # Errors
    /// As every method.
    fn damage(&self, each: &mut dyn FnMut(String)) -> Result<(), StoreError>;

    /// The number of runs according to the counts, for the progress of a check.
    ///
    /// # Errors
    /// As every method.
    fn runs(&self) -> Result<u64, StoreError> {
        Ok(self.counts()?.values().map(|runs| runs.unsigned_abs()).sum())
    }

    /// The next run that has a row, a log, or both.
    ///
    /// # Errors
    /// As every method.
    fn next(&self, after: Option<&Place>) -> Result<Option<Place>, StoreError>;

    /// The run with this id, of any tenant.
    ///
    /// # Errors
    /// As every method.
    fn place_of(&self, run: RunId) -> Result<Option<Place>, StoreError>;

    /// A run's row.
    ///
    /// # Errors
    /// As every method.
    fn row(&self, place: &Place) -> Result<Option<RunRow>, StoreError>;

    /// A run's log after a position, checked to be without gaps.
    ///
    /// # Errors
    /// As every method.
    fn log(&self, place: &Place, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError>;

    /// Whether a run has been removed and its log is still being deleted.
    ///
    /// # Errors
    /// As every method.
    fn is_going(&self, place: &Place) -> Result<bool, StoreError>;

    /// An effect and its run: from this run's row, or from any table.
    ///
    /// # Errors
    /// As every method.
    fn effect(&self, place: &Place, id: EffectId) -> Result<Option<(RunId, Effect)>, StoreError>;

    /// The run of a node run, and whether an index row names it.
    ///
    /// # Errors
    /// As every method.
    fn run_of(&self, tenant: &str, node_run: NodeRunId) -> Result<Option<(RunId, bool)>, StoreError>;

    /// Whether lists find a run with this time of creation by this label.
    ///
    /// # Errors
    /// As every method.
    fn has_label(&self, place: &Place, created_at_ms: i64, name: &str, value: &str) -> Result<bool, StoreError>;

    /// A run's approvals in lists.
    ///
    /// # Errors
    /// As every method.
    fn approvals(&self, place: &Place) -> Result<Vec<ApprovalRow>, StoreError>;

    /// The idempotency keys that started a run.
    ///
    /// # Errors
    /// As every method.
    fn keys(&self, place: &Place) -> Result<Vec<KeyUse>, StoreError>;

    /// The text of a large value that a run names.
    ///
    /// # Errors
    /// As every method.
    fn value(&self, place: &Place, digest: Digest) -> Result<Option<String>, StoreError>;

    /// The stored counts, by tenant and status.
    ///
    /// # Errors
    /// As every method.
    fn counts(&self) -> Result<BTreeMap<(Tenant, Status), i64>, StoreError>;

    /// The number of rows of a table.
    ///
    /// # Errors
    /// As every method.
    fn total(&self, table: Table) -> Result<u64, StoreError>;

    /// Calls `each` for every row of a table.
    ///
    /// # Errors
    /// As every method, or `each` fails.
    fn each(
        &self,
        table: Table,
        each: &mut dyn FnMut(Place, SideRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;
}
