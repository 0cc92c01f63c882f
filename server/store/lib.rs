//! Where data rests: the trait [`Store`] and the shapes that cross it.
//!
//! | implementation | for |
//! |----------------|-----|
//! | [`sqlite`]     | one server, one folder; the default |
//! | [`memory`]     | the twin for tests and for measuring without storage |
//!
//! [`location`] opens the one that the configuration names; a [`layer`] stands in front of a store and changes what it answers.
//!
//! [`approval`] has what lists show of approvals. [`api_key`] has what is kept of API keys, and the trait for it; [`object`] the same of the small objects of the APIs; [`retention`] removes what has ended. [`folder`] owns the folder that a store lies in. `json` writes and reads stored JSON. Both stores answer to the same conformance suite, `conformance/`. Nothing outside this crate knows SQL; nothing in it knows what an event means:
//! it sees positions, states for lists, and effects that are due.

pub mod api_key;
pub mod approval;
mod check;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod folder;
pub mod json;
pub mod layer;
pub mod location;
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

use self::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow};

/// A name for whose data it is. Comes from the credential alone; `default` when authentication is off.
pub type Tenant = String;

/// Everything that is kept, behind one trait, fit for several servers over one store.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Commits all entries in one durable transaction in which each entry succeeds or fails alone. The answers stand in the
    /// order of the entries. When this returns, what it says `Ok` to has survived a power cut. An entry sees those before it.
    ///
    /// An entry that breaks several rules is told the first of: `KeyTaken`, `Fenced`, `Conflict`, `NameTaken`, `TurnTaken`. A refused
    /// entry has written nothing. Dropping the future does not undo the commit.
    async fn commit(&self, appends: Vec<Append>) -> Vec<Result<Committed, StoreError>>;

    /// A run's log after a position, oldest first, at most `limit` events. Empty for an unknown run. What comes back has
    /// been checked to be without gaps.
    async fn log(&self, tenant: &str, run: RunId, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError>;

    /// As [`Store::log`], and not much more than so many bytes of it: a long event is read alone. For readers of a whole log.
    async fn log_part(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        (limit, bytes): (usize, usize),
    ) -> Result<LogPart, StoreError> {
        let _ = bytes; // What is kept in memory costs nothing to hand out.
        let events = self.log(tenant, run, after, limit).await?;
        Ok(LogPart { more: events.len() == limit, events })
    }

    /// A run's derived row.
    async fn row(&self, tenant: &str, run: RunId) -> Result<Option<RunRow>, StoreError>;

    /// How far the logs of these runs reach, in their order; 0 where there is no such run. One question, however many.
    async fn versions(&self, runs: &[(Tenant, RunId)]) -> Result<Vec<Position>, StoreError> {
        let mut versions = Vec::with_capacity(runs.len());
        for (tenant, run) in runs {
            versions.push(self.row(tenant, *run).await?.map_or(0, |row| row.version));
        }
        Ok(versions)
    }

    /// The run with this client-chosen name.
    async fn named(&self, tenant: &str, name: &str) -> Result<Option<RunId>, StoreError>;

    /// The run that a node run belongs to, if it is any run's: the id of one that there never was may name a run too, whose state then
    /// does not know it.
    async fn run_of(&self, tenant: &str, node_run: NodeRunId) -> Result<Option<RunId>, StoreError>;

    /// What an idempotency key was used for.
    async fn keyed(&self, tenant: &str, scope: &str, key: &str) -> Result<Option<KeyUse>, StoreError>;

    /// Runs that match, newest first, after the cursor.
    async fn list(
        &self,
        tenant: &str,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// What was asked under this id.
    async fn approval(&self, tenant: &str, approval: ApprovalId) -> Result<Option<ApprovalRow>, StoreError>;

    /// Approvals that match, newest first, after the cursor.
    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        after: Option<ApprovalCursor>,
        limit: usize,
    ) -> Result<Vec<ApprovalRow>, StoreError>;

    /// Runs that match, newest first, without the first so many. What is skipped is walked over: callers bound it.
    async fn page(
        &self,
        tenant: &str,
        filter: &Filter,
        skipped: usize,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// The text of a large value that a run names.
    async fn value(&self, tenant: &str, run: RunId, digest: Digest) -> Result<Option<String>, StoreError>;

    /// What a run has sealed under this name, while it lives.
    async fn sealed(&self, tenant: &str, run: RunId, name: &str) -> Result<Option<Sealed>, StoreError>;

    /// A thread's runs that have a turn of a lower number, the last turn first. The first run of a thread that nobody made is not
    /// among them: it has no turn.
    async fn turns(
        &self,
        tenant: &str,
        thread: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// How many runs there are in each status. A status without runs may be absent.
    async fn counts(&self, tenant: &str) -> Result<Vec<(Status, u64)>, StoreError>;

    /// Takes effects that are due and free (never claimed, or the lease has run out), oldest due first and in the order
    /// they were asked for where that is equal, each with a new fencing epoch. Over all tenants; a store that was opened with a bound on
    /// the calls of one tenant takes from one tenant after the other.
    async fn claim(&self, claimer: &str, now_ms: i64, lease_ms: i64, limit: usize) -> Result<Vec<Claimed>, StoreError>;

    /// As [`Store::claim`], timers alone: for who has no hand free for anything that takes time.
    async fn claim_timers(
        &self,
        claimer: &str,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Makes leases last until a new time. Answers those that are still held under the given epoch: nobody has claimed them
    /// since, even if the lease had run out.
    async fn renew(&self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Result<Vec<EffectId>, StoreError>;

    /// When the next free effect is due or the next lease runs out, Unix milliseconds.
    async fn next_due(&self) -> Result<Option<i64>, StoreError>;

    /// As [`Store::next_due`], of free effects only the timers.
    async fn next_timer_due(&self) -> Result<Option<i64>, StoreError>;

    /// Whether the store answers, for health checks.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// All that a server keeps, behind one value.
pub trait Backend: Store + api_key::KeyStore + object::ObjectStore + retention::Retention {}

impl<T: Store + api_key::KeyStore + object::ObjectStore + retention::Retention> Backend for T {}

/// A fencing epoch: each claim of an effect raises it, and a result under an old one is refused.
pub type Epoch = i64;

/// Some events of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPart {
    /// The events.
    pub events: Vec<Recorded>,
    /// Whether there may be more after them.
    pub more: bool,
}

/// What one command adds to one run.
#[derive(Debug, Clone)]
pub struct Append {
    /// Whose.
    pub tenant: Tenant,
    /// Which.
    pub run: RunId,
    /// The version decided on: the position of the last event seen, 0 for a new run.
    pub expected: Position,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// What happened, in order. They get the positions `expected + 1` and on. May be empty, to settle what changes nothing
    /// or to remember a key; not for a new run.
    pub events: Vec<Event>,
    /// The run's row as it is after the events. Name, API, node type, turn and time of creation stay what they were at first.
    pub row: RunRow,
    /// New effects.
    pub effects: Vec<Effect>,
    /// Effects of this run no longer wanted, claimed or not. One that is gone already is no error.
    pub dropped: Vec<EffectId>,
    /// The claimed effects that this answers, no two the same: each must still be held under its epoch (it has not been claimed
    /// since, even if the lease has run out), and is removed.
    pub settles: Vec<(EffectId, Epoch)>,
    /// Node runs created by the events, so that they can be found.
    pub node_runs: Vec<NodeRunId>,
    /// What lists find the run by. Only a new run brings them; they never change.
    pub labels: Labels,
    /// The run's approvals that the events have changed, as they are after them.
    pub approvals: Vec<ApprovalRow>,
    /// The large values that the events name and those before did not.
    pub values: Vec<LargeValue>,
    /// What the run keeps sealed: no two of one name. Only a new run brings it; it goes with the append that ends the run.
    pub sealed: Vec<Sealed>,
    /// A key under which the run's start can be repeated.
    pub key: Option<KeyUse>,
}

impl Append {
    /// Whether it takes this effect off the list.
    fn removes(&self, effect: EffectId) -> bool {
        self.settles.iter().any(|(settled, _)| *settled == effect) || self.dropped.contains(&effect)
    }
}

/// A large value that events name, kept beside the log: once in its tenant, until the last run that names it is gone.
#[derive(Clone, PartialEq, Eq)]
pub struct LargeValue {
    /// The SHA-256 of its text.
    pub digest: Digest,
    /// Compact JSON. Absent: another run of the tenant has brought it; where none has, it is not named.
    pub text: Option<Arc<str>>,
}

impl std::fmt::Debug for LargeValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LargeValue({}, {:?} bytes)", self.digest, self.text.as_ref().map(|text| text.len()))
    }
}

/// Something that the store cannot read, of a run that has not ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Under which it is found; unique in its run.
    pub name: String,
    /// As it was sealed.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.name, self.bytes.len())
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The run's version now.
    pub version: Position,
}

/// An idempotency key and what it was used for. Unique by tenant, scope and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The operation, such as `start_run`.
    pub scope: String,
    /// As given by the caller.
    pub key: String,
    /// HMAC-SHA-256 of the request.
    pub fingerprint: Vec<u8>,
    /// The run it made.
    pub run: RunId,
}

/// What lists show of a run: derived from its log, written with it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Which.
    pub run: RunId,
    /// The id a client chose. Unique in its tenant.
    pub name: Option<String>,
    /// The API it came through.
    pub face: String,
    /// The root's resolved node type id.
    pub node_type: String,
    /// The goal, or what else says in a line what it is about.
    pub title: Option<String>,
    /// Its place in a thread, unique in its tenant. Absent: it is the first of a thread of its own.
    pub turn: Option<Turn>,
    /// Where it stands.
    pub status: RunStatus,
    /// What it is at, where its status does not say.
    pub standing: Standing,
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

/// A run's status in one word, for filters and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Not begun.
    Queued,
    /// At work.
    Running,
    /// At rest.
    Waiting,
    /// Ended well.
    Succeeded,
    /// Ended well in part.
    Partial,
    /// Ended with nothing done, without anything that broke it.
    NothingAchieved,
    /// Ended badly.
    Failed,
    /// Stopped.
    Canceled,
}

impl Status {
    /// Every status, in the order of a run's life.
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

    /// The word for it.
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

    /// Reads the word. Anything else is `None`.
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

/// What a run that has not ended is at, where its status does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Nothing that has to be said: its status says it all.
    #[default]
    Plain,
    /// Its root is being planned, and nothing else has begun.
    Planning,
    /// Nothing moves until somebody has agreed, or has not.
    Asking,
    /// Nothing moves until a question is answered.
    AwaitingInput,
    /// Somebody holds it.
    Paused,
}

impl Standing {
    /// Every one.
    pub const ALL: [Standing; 5] =
        [Standing::Plain, Standing::Planning, Standing::Asking, Standing::AwaitingInput, Standing::Paused];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Standing::Plain => "plain",
            Standing::Planning => "planning",
            Standing::Asking => "asking",
            Standing::AwaitingInput => "awaiting_input",
            Standing::Paused => "paused",
        }
    }

    /// Reads the word. Anything else is `None`.
    pub fn from_word(word: &str) -> Option<Self> {
        Standing::ALL.into_iter().find(|standing| standing.word() == word)
    }
}

/// Which runs a list wants. Absent or empty means any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these.
    pub statuses: Vec<Status>,
    /// Is at any of these.
    pub standings: Vec<Standing>,
    /// Came through this API.
    pub face: Option<String>,
    /// The root's resolved node type id.
    pub node_type: Option<String>,
    /// Created at or after, Unix milliseconds.
    pub created_from_ms: Option<i64>,
    /// Created before, Unix milliseconds.
    pub created_before_ms: Option<i64>,
    /// Has all of these labels. The first is the one whose runs are walked, so the rarest stands first.
    pub labels: Vec<LabelFilter>,
}

/// A label that a list wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFilter {
    /// The label's name.
    pub name: String,
    /// Any of these; with none, no run has it.
    pub values: Vec<String>,
}

/// Where a list goes on: after this run. Newest first by creation, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Which.
    pub run: RunId,
}

/// An effect that is ours to perform until the lease runs out.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Whose.
    pub tenant: Tenant,
    /// Of which run.
    pub run: RunId,
    /// What to do.
    pub effect: Effect,
    /// Under which its result must come back.
    pub epoch: Epoch,
    /// Unix milliseconds.
    pub lease_until_ms: i64,
}

/// What lies beneath a store error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else moved the run first. Reload and decide again.
    #[error("run {run} is at version {found}, expected {expected}")]
    Conflict {
        /// Which.
        run: RunId,
        /// Decided on.
        expected: Position,
        /// Found.
        found: Position,
    },
    /// The client-chosen name is taken.
    #[error("the name `{name}` is taken by run {run}")]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        run: RunId,
    },
    /// Another run of the thread has the turn.
    #[error("turn {} of thread {} is taken by run {run}", turn.number, turn.thread)]
    TurnTaken {
        /// The turn.
        turn: Turn,
        /// Who has it.
        run: RunId,
    },
    /// The idempotency key is taken.
    #[error("the key was already used for run {}", .0.run)]
    KeyTaken(KeyUse),
    /// The effect is no longer held under this epoch: someone else performs it, or it is not wanted any more.
    #[error("effect {effect} is no longer held under epoch {epoch}")]
    Fenced {
        /// Which.
        effect: EffectId,
        /// The epoch it came back under.
        epoch: Epoch,
    },
    /// Try later; nothing was written.
    #[error("the store is busy")]
    Busy(#[source] Cause),
    /// It cannot be used as it is: the message says what to do.
    #[error("{0}")]
    Unusable(String),
    /// What was read is not what was written.
    #[error("run {run} cannot be read: {reason}")]
    Corrupt {
        /// Which.
        run: RunId,
        /// What is wrong.
        reason: String,
    },
    /// The medium failed, or the caller broke a rule of [`Append`]; nothing was written.
    #[error("the store failed")]
    Failed(#[source] Cause),
}

#[cfg(test)]
mod tests {
    //! The suite over the backends that live here.

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
