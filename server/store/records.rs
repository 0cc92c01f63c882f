//! What is stored and returned: entries of commits, rows of runs, filters, claims.

use std::sync::Arc;

use runyard_engine::large::Digest;
use runyard_engine::{
    Effect, EffectId, Event, Labels, NodeRunId, Position, Recorded, RunId, RunOutcome, RunStatus, Turn,
};

use crate::approval::ApprovalRow;

/// A tenant's name. It comes from the credential alone; `default` when authentication is disabled.
pub type Tenant = String;

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
    pub(crate) fn removes(&self, effect: EffectId) -> bool {
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
