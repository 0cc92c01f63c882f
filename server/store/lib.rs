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
pub mod folder;
pub mod json;
pub mod layer;
pub mod location;
pub mod maintenance;
pub mod memory;
pub mod object;
mod outbox;
pub mod retention;
pub mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use runyard_engine::large::Digest;
use runyard_engine::{
    ApprovalId, Effect, EffectId, Event, Labels, NodeRunId, Position, Recorded, RunId, RunOutcome, RunStatus, Turn,
};

pub use self::claims::Claims;

use self::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow};

/// A tenant's name. It comes from the credential alone; `default` when authentication is disabled.
pub type Tenant = String;

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

/// A fencing epoch: each claim of an effect raises it. A result with an old epoch is refused.
pub type Epoch = i64;

/// A page of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPart {
    /// The events.
    pub events: Vec<Recorded>,
    /// Whether there may be more after them.
    pub more: bool,
}

/// The changes that one command makes to one run.
#[derive(Debug, Clone)]
pub struct Append {
    /// The tenant.
    pub tenant: Tenant,
    /// The run.
    pub run: RunId,
    /// The expected version: the position of the last event that the command saw, 0 for a new run.
    pub expected: Position,
    /// The time, Unix milliseconds.
    pub at_ms: i64,
    /// The new events, in order, at positions `expected + 1` and up. May be empty for an existing run: to settle
    /// effects that change nothing, or to store a key.
    pub events: Vec<Event>,
    /// The run's row after the events. Name, API, node type, turn and time of creation must not change.
    pub row: RunRow,
    /// New effects.
    pub effects: Vec<Effect>,
    /// Effects of this run to delete, claimed or not. An effect that is already deleted is no error.
    pub dropped: Vec<EffectId>,
    /// The claimed effects that this append settles, without duplicates. Each must still be held under its epoch (no
    /// later claim, even if the lease has run out), and is deleted.
    pub settles: Vec<(EffectId, Epoch)>,
    /// Node runs that the events create, for the index from node runs to runs.
    pub node_runs: Vec<NodeRunId>,
    /// Labels for list filters. Only the first append of a run has them; they never change.
    pub labels: Labels,
    /// The run's approvals that the events change, in their state after the events.
    pub approvals: Vec<ApprovalRow>,
    /// The large values that these events name for the first time in the run.
    pub values: Vec<LargeValue>,
    /// The run's sealed data, with unique names. Only the first append has it; the append that ends the run deletes it.
    pub sealed: Vec<Sealed>,
    /// The idempotency key of the run's start.
    pub key: Option<KeyUse>,
}

impl Append {
    /// Whether it deletes this effect.
    fn removes(&self, effect: EffectId) -> bool {
        self.settles.iter().any(|(settled, _)| *settled == effect) || self.dropped.contains(&effect)
    }
}

/// A large value that events name, stored beside the log. It is stored once per tenant, until the last run that names
/// it is removed.
#[derive(Clone, PartialEq, Eq)]
pub struct LargeValue {
    /// The SHA-256 of its text.
    pub digest: Digest,
    /// Compact JSON. Absent: another run of the tenant has stored it. If none has, the reference is dropped.
    pub text: Option<Arc<str>>,
}

impl std::fmt::Debug for LargeValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LargeValue({}, {:?} bytes)", self.digest, self.text.as_ref().map(|text| text.len()))
    }
}

/// Encrypted data that the store cannot read. It exists until the run ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The data's name; unique in its run.
    pub name: String,
    /// The encrypted bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.name, self.bytes.len())
    }
}

/// The result of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The run's new version.
    pub version: Position,
}

/// An idempotency key and the start that used it. Unique by tenant, scope and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The operation, such as `start_run`.
    pub scope: String,
    /// The key as the caller sent it.
    pub key: String,
    /// HMAC-SHA-256 of the request.
    pub fingerprint: Vec<u8>,
    /// The run that was started.
    pub run: RunId,
}

/// A run in a list: derived from its log and written with it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// The run's id.
    pub run: RunId,
    /// The id that the client chose. Unique in its tenant.
    pub name: Option<String>,
    /// The API that the run was started through.
    pub api: String,
    /// The root's resolved node type id.
    pub node_type: String,
    /// The goal, or another one-line summary.
    pub title: Option<String>,
    /// The run's place in a thread, unique in its tenant. Absent: it is the first run of its own thread.
    pub turn: Option<Turn>,
    /// The run's status.
    pub status: RunStatus,
    /// The run's phase, which refines the status.
    pub phase: RunPhase,
    /// The error code of a run that did not succeed.
    pub reason: Option<String>,
    /// The position of its last event.
    pub version: Position,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// Unix milliseconds.
    pub ended_at_ms: Option<i64>,
}

/// A run's status as one word, for filters and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Not started.
    Queued,
    /// Running.
    Running,
    /// Waiting: for a client, a timer or an external event.
    Waiting,
    /// Succeeded.
    Succeeded,
    /// Partly succeeded.
    Partial,
    /// Ended without an error, but achieved nothing.
    NothingAchieved,
    /// Failed.
    Failed,
    /// Cancelled.
    Canceled,
}

impl Status {
    /// All statuses, in the order of a run's life.
    pub const ALL: [Status; 8] = [
        Status::Queued,
        Status::Running,
        Status::Waiting,
        Status::Succeeded,
        Status::Partial,
        Status::NothingAchieved,
        Status::Failed,
        Status::Canceled,
    ];

    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Running => "running",
            Status::Waiting => "waiting",
            Status::Succeeded => "succeeded",
            Status::Partial => "partial",
            Status::NothingAchieved => "nothing_achieved",
            Status::Failed => "failed",
            Status::Canceled => "canceled",
        }
    }

    /// Parses the stored word. Anything else is `None`.
    pub fn from_word(word: &str) -> Option<Self> {
        Status::ALL.into_iter().find(|status| status.word() == word)
    }
}

impl From<Status> for RunStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => RunStatus::Queued,
            Status::Running => RunStatus::Running,
            Status::Waiting => RunStatus::Waiting,
            Status::Succeeded => RunStatus::Final(RunOutcome::Succeeded),
            Status::Partial => RunStatus::Final(RunOutcome::Partial),
            Status::NothingAchieved => RunStatus::Final(RunOutcome::NothingAchieved),
            Status::Failed => RunStatus::Final(RunOutcome::Failed),
            Status::Canceled => RunStatus::Final(RunOutcome::Canceled),
        }
    }
}

impl From<RunStatus> for Status {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Queued => Status::Queued,
            RunStatus::Running => Status::Running,
            RunStatus::Waiting => Status::Waiting,
            RunStatus::Final(RunOutcome::Succeeded) => Status::Succeeded,
            RunStatus::Final(RunOutcome::Partial) => Status::Partial,
            RunStatus::Final(RunOutcome::NothingAchieved) => Status::NothingAchieved,
            RunStatus::Final(RunOutcome::Failed) => Status::Failed,
            RunStatus::Final(RunOutcome::Canceled) => Status::Canceled,
        }
    }
}

/// The phase of a run that has not ended; it refines the status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunPhase {
    /// No phase: the status says enough.
    #[default]
    Plain,
    /// The root is being planned, and nothing else has started.
    Planning,
    /// The run waits for a decision on an approval request.
    Asking,
    /// The run waits for the answer to a question.
    AwaitingInput,
    /// The run is paused.
    Paused,
}

impl RunPhase {
    /// All phases.
    pub const ALL: [RunPhase; 5] =
        [RunPhase::Plain, RunPhase::Planning, RunPhase::Asking, RunPhase::AwaitingInput, RunPhase::Paused];

    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            RunPhase::Plain => "plain",
            RunPhase::Planning => "planning",
            RunPhase::Asking => "asking",
            RunPhase::AwaitingInput => "awaiting_input",
            RunPhase::Paused => "paused",
        }
    }

    /// Parses the stored word. Anything else is `None`.
    pub fn from_word(word: &str) -> Option<Self> {
        RunPhase::ALL.into_iter().find(|phase| phase.word() == word)
    }
}

/// A filter for lists of runs. Absent or empty means any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Has any of these statuses.
    pub statuses: Vec<Status>,
    /// Has any of these phases.
    pub phases: Vec<RunPhase>,
    /// Started through this API.
    pub api: Option<String>,
    /// The root's resolved node type id.
    pub node_type: Option<String>,
    /// Created at or after, Unix milliseconds.
    pub created_from_ms: Option<i64>,
    /// Created before, Unix milliseconds.
    pub created_before_ms: Option<i64>,
    /// Has all of these labels. The query scans the runs of the first label, so the rarest comes first.
    pub labels: Vec<LabelFilter>,
}

/// A label in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFilter {
    /// The label's name.
    pub name: String,
    /// Any of these values; an empty list matches no run.
    pub values: Vec<String>,
}

/// The cursor of a list: it continues after this run. Lists are sorted by time of creation, then by id, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// The run's id.
    pub run: RunId,
}

/// A claimed effect: the claimer may execute it until the lease runs out.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The tenant.
    pub tenant: Tenant,
    /// The run.
    pub run: RunId,
    /// The effect to execute.
    pub effect: Effect,
    /// The epoch that its result must carry.
    pub epoch: Epoch,
    /// Unix milliseconds.
    pub lease_until_ms: i64,
}

/// The cause of a store error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another command changed the run first. Reload and decide again.
    #[error("run {run} is at version {found}, expected {expected}")]
    Conflict {
        /// The run.
        run: RunId,
        /// The expected version.
        expected: Position,
        /// The stored version.
        found: Position,
    },
    /// The client-chosen name is taken.
    #[error("the name `{name}` is taken by run {run}")]
    NameTaken {
        /// The name.
        name: String,
        /// The run that has the name.
        run: RunId,
    },
    /// Another run of the thread has the turn.
    #[error("turn {} of thread {} is taken by run {run}", turn.number, turn.thread)]
    TurnTaken {
        /// The turn.
        turn: Turn,
        /// The run that has the turn.
        run: RunId,
    },
    /// The idempotency key is taken.
    #[error("the key was already used for run {}", .0.run)]
    KeyTaken(KeyUse),
    /// The effect is no longer held under this epoch: another claim exists, or the effect was deleted.
    #[error("effect {effect} is no longer held under epoch {epoch}")]
    Fenced {
        /// The effect.
        effect: EffectId,
        /// The epoch of the result.
        epoch: Epoch,
    },
    /// The store is busy and wrote nothing. Try again later.
    #[error("the store is busy")]
    Busy(#[source] Cause),
    /// The store cannot be used; the message says what to do.
    #[error("{0}")]
    Unusable(String),
    /// Stored data is damaged.
    #[error("run {run} cannot be read: {reason}")]
    Corrupt {
        /// The run.
        run: RunId,
        /// What is damaged.
        reason: String,
    },
    /// The medium failed, or the caller broke a rule of [`Append`]. Nothing was written.
    #[error("the store failed")]
    Failed(#[source] Cause),
}

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
