//! `Runs`: the only facade that dialect modules call. Start, submit, get, list, follow, decide.
//!
//! | file             | what                                                             |
//! |------------------|------------------------------------------------------------------|
//! | `start.rs`       | a new run: resolve, validate, start once                         |
//! | `submit.rs`      | one command: load, decide, commit, notify                        |
//! | `admission.rs`   | limits of one tenant: live runs, concurrent starts, descendants  |
//! | `approvals.rs`   | approval requests: listed, decided                               |
//! | `decisions.rs`   | decision tokens: credentials for one verdict on one approval     |
//! | `labels.rs`      | labels, by which lists find runs                                 |
//! | `waiting.rs`     | what a run waits for, and input for a run with an open question  |
//! | `cache.rs`       | run states in memory                                             |
//! | `writing.rs`     | whether writing works, for health                                |
//! | `references.rs`  | the forms of a run's id                                          |
//! | `retention.rs`   | removal of ended runs                                            |
//! | `row.rs`         | what lists show, derived from the state                          |
//! | `sub_runs.rs`    | runs that steps of other runs start: start, cancel, report       |
//! | `threads.rs`     | runs that share their messages, one after the other               |
//! | `output_schema.rs` | the schema that a result must match, and how it is made to match |
//! | `pass_through.rs` | what a run passes through to integrations, sealed                |
//! | `error.rs`       | the facade's errors                                              |
//! | `values.rs`      | large values: taken out before a decision, put back into answers |
//! | `answer.rs`      | the one value that a run returns                                 |
//! | `in_flight.rs`   | effects that are being performed, and how they are canceled      |
//! | `fingerprint.rs` | distinguishes a repeated request from a different one            |
//! | `remote.rs`      | the same operations on a remote coordinator                      |
//!
//! Nothing here knows a dialect. The engine alone decides.

mod admission;
pub mod answer;
mod approval_rows;
pub mod approvals;
pub(crate) mod cache;
mod decisions;
mod error;
mod fingerprint;
#[cfg(test)]
pub(crate) mod fixture;
pub mod in_flight;
pub mod labels;
mod log_span;
pub mod output_schema;
mod parent_labels;
mod pass_through;
mod references;
pub mod remote;
pub(crate) mod retention;
pub mod row;
mod start;
pub mod sub_runs;
mod submit;
pub mod threads;
mod value_reads;
pub(crate) mod values;
pub mod waiting;
mod writing;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use runyard_engine::{NodeRunId, Position, Recorded, RunId, RunStatus, State};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use approvals::{ApprovalDecision, DecidedApproval};
pub use error::Error;
pub use in_flight::InFlight;
pub use pass_through::PassThrough;
pub use references::RunName;
pub(crate) use start::noted as noted_fingerprint;
pub use start::{ChildRequest, DROPPED_INPUTS, IdempotencyKey, NewRun, StartedRun};

use crate::clock::Clock;
use crate::compute::Compute;
use crate::feed::{EventRange, Feed, Goes, Projection, Reach, RunNotifier};
use crate::nodes::Providers;
use crate::nodes::catalog::Catalog;
use crate::store::{Cursor, Filter, RunRow, Status, Store, StoreError};
use log_span::note_run;
use submit::Submitter;
use values::{Bounds, ByteLimits, Values};

/// Runs in this process, over the engine and a store. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    store: Arc<dyn Store>,
    providers: Arc<Providers>,
    /// Of the tenant for which [`Runs::of_tenant`] made these.
    catalog: Arc<Catalog>,
    clock: Clock,
    feed: Feed,
    submitter: Arc<Submitter>,
    fingerprints: fingerprint::Fingerprints,
    decisions: decisions::Decisions,
    seal: pass_through::Seal,
    values: Values,
    admission: Arc<admission::Admission>,
    limits: Arc<Limits>,
    compute: Compute,
}

/// Limits that come from the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many atomic node runs of one run may be live at once.
    pub parallel_max: u32,
    /// The table of limits.
    pub table: crate::limits::Limits,
}

/// The parts of [`Runs`].
pub struct Parts {
    /// Stores the runs.
    pub store: Arc<dyn Store>,
    /// The providers of node types.
    pub providers: Arc<Providers>,
    /// Tells the time.
    pub clock: Clock,
    /// Notified after every commit.
    pub notifier: Arc<RunNotifier>,
    /// Notified when there may be effects to claim.
    pub work: Arc<Notify>,
    /// The server key, for fingerprints, decision tokens and what is sealed.
    pub secret: [u8; 32],
    /// The limits.
    pub limits: Limits,
    /// Threads for bounded work off the async runtime.
    pub compute: Compute,
}

impl Runs {
    /// Builds `Runs` of its parts.
    pub fn new(parts: Parts) -> Self {
        let bytes = ByteLimits::from(&parts.limits.table);
        let values = Values { store: parts.store.clone(), bounds: Bounds { shown: bytes.shown, read: bytes.read } };
        let feed = Feed {
            store: parts.store.clone(),
            notifier: parts.notifier.clone(),
            clock: parts.clock.clone(),
            checkpoints: Arc::default(),
            values: values.clone(),
        };
        let submitter = Submitter::new(
            parts.store.clone(),
            parts.clock.clone(),
            (parts.notifier, parts.work),
            (values.clone(), parts.limits.table),
            parts.compute.clone(),
        );
        Runs {
            store: parts.store,
            catalog: parts.providers.catalog(""),
            providers: parts.providers,
            clock: parts.clock,
            feed,
            submitter: Arc::new(submitter),
            fingerprints: fingerprint::Fingerprints::new(&parts.secret),
            decisions: decisions::Decisions::new(&parts.secret),
            seal: pass_through::Seal::new(&parts.secret),
            values,
            admission: Arc::new(admission::Admission::new(parts.limits.table)),
            limits: Arc::new(parts.limits),
            compute: parts.compute,
        }
    }

    /// The current state of a run, by any form of its id.
    pub async fn get(&self, tenant: &str, reference: &str) -> Result<Arc<State>, Error> {
        let run = self.find(tenant, reference).await?;
        let state = self.state(tenant, run).await?.ok_or_else(|| Error::UnknownRun(reference.to_owned()))?;
        self.values.shown(tenant, state).await
    }

    /// The current state of a node run's run, and the node run's id.
    pub async fn get_node_run(&self, tenant: &str, reference: &str) -> Result<(Arc<State>, NodeRunId), Error> {
        let unknown = || Error::UnknownNodeRun(reference.to_owned());
        let node_run = NodeRunId::parse(reference).ok_or_else(unknown)?;
        let run = self.store.run_of(tenant, node_run).await?.ok_or_else(unknown)?;
        let state = self.state(tenant, run).await?.ok_or_else(unknown)?;
        if !state.nodes.contains_key(&node_run) {
            return Err(unknown());
        }
        Ok((self.values.shown(tenant, state).await?, node_run))
    }

    /// The rows of runs that match, newest first.
    pub async fn list(
        &self,
        tenant: &str,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, Error> {
        Ok(self.store.list(tenant, filter, after, limit).await?)
    }

    /// The rows of runs that match, newest first, without the first `skip`. For APIs with numbered pages; the APIs
    /// bound the number.
    pub async fn page(
        &self,
        tenant: &str,
        filter: &Filter,
        skipped: usize,
        limit: usize,
    ) -> Result<Vec<RunRow>, Error> {
        Ok(self.store.page(tenant, filter, skipped, limit).await?)
    }

    /// The current state of the run of a row. `None` if it cannot be read, or was removed since the row was read: one
    /// damaged run must not make a list fail.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn listed(&self, tenant: &str, row: &RunRow) -> Result<Option<Arc<State>>, Error> {
        match self.listed_from_cache(tenant, row).await? {
            Some(state) => Ok(Some(self.values.shown(tenant, state).await?)),
            None => Ok(None),
        }
    }

    /// The same, with references to its large values.
    async fn listed_from_cache(&self, tenant: &str, row: &RunRow) -> Result<Option<Arc<State>>, Error> {
        match self.submitter.load(tenant, row.run).await {
            Err(Error::Unreadable { run, reason }) => {
                tracing::warn!(%run, reason, "a run cannot be read and is left out; `runyard check` says more");
                Ok(None)
            }
            loaded => loaded,
        }
    }

    /// How many runs there are in each status.
    pub async fn counts(&self, tenant: &str) -> Result<Vec<(Status, u64)>, Error> {
        Ok(self.store.counts(tenant).await?)
    }

    /// Every event of a run so far.
    pub async fn log(&self, tenant: &str, run: RunId) -> Result<Vec<Recorded>, Error> {
        let log = self.submitter.log(tenant, run).await?;
        Ok(self.values.shown_events(tenant, run, log).await?)
    }

    /// Events of a run after a position: those recorded now, at most this many.
    pub async fn part_of_log(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Recorded>, Error> {
        let log = self.store.log(tenant, run, after, limit).await?;
        Ok(self.values.shown_events(tenant, run, log).await?)
    }

    /// Every event of a run after a position, future events included.
    pub fn follow(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        stopping: CancellationToken,
    ) -> impl Stream<Item = Result<Arc<Recorded>, StoreError>> + Send + 'static {
        self.feed.follow(tenant.to_owned(), run, after, stopping)
    }

    /// Frees most of the memory of cached states whenever no run has changed for two seconds.
    pub async fn rest_when_idle(&self) {
        const LOOK: std::time::Duration = std::time::Duration::from_secs(2);
        let mut seen = 0;
        loop {
            self.clock.sleep(LOOK).await;
            seen = self.submitter.rest(seen);
        }
    }

    /// Every event of a run after a position: those recorded now, or also those to come.
    pub fn events(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        reach: Reach,
        stopping: CancellationToken,
    ) -> BoxStream<'static, Result<Arc<Recorded>, StoreError>> {
        match reach {
            Reach::Live => self.follow(tenant, run, after, stopping).boxed(),
            Reach::Recorded => self.feed.recorded(tenant.to_owned(), run, after).boxed(),
        }
    }

    /// The state of a run when it has ended, or else after this time, or when the server stops.
    pub async fn ended_within(
        &self,
        tenant: &str,
        run: RunId,
        wait: Duration,
        stopping: &CancellationToken,
    ) -> Result<Arc<State>, Error> {
        let state = self.by_id(tenant, run).await?;
        if matches!(state.status, RunStatus::Final(_)) || wait.is_zero() {
            return Ok(state);
        }
        let mut seen = state.version;
        let rest = async {
            let mut events = Box::pin(self.follow(tenant, run, state.version, stopping.clone()));
            while let Some(Ok(recorded)) = events.next().await {
                seen = recorded.position;
            }
        };
        tokio::select! {
            () = rest => {}
            () = self.clock.sleep(wait) => {}
        }
        self.at_least(tenant, run, seen).await
    }

    /// The state of a run with at least the events up to this position. The cache may be older than what a stream has
    /// just shown.
    pub async fn at_least(&self, tenant: &str, run: RunId, position: Position) -> Result<Arc<State>, Error> {
        let state = match self.state(tenant, run).await? {
            Some(state) if state.version >= position => state,
            _ => self.submitter.read(tenant, run).await?.ok_or_else(|| Error::UnknownRun(run.to_string()))?,
        };
        self.values.shown(tenant, state).await
    }

    /// A run's events as an API shows them; see [`Feed::shown`].
    pub fn shown<P: Projection>(
        &self,
        tenant: &str,
        state: &State,
        wanted: EventRange,
        stopping: CancellationToken,
        look: impl FnMut(&Recorded) -> Goes + Send + 'static,
    ) -> impl Stream<Item = Result<P::Shown, StoreError>> + Send + 'static {
        self.feed.shown::<P>(tenant.to_owned(), state, wanted, stopping, look)
    }

    /// Whether a node run may still be live, as far as the cache knows. False is certain. If true is wrong, an
    /// unneeded effect is performed, and its result is dropped.
    pub fn may_be_live(&self, tenant: &str, run: RunId, node_run: NodeRunId) -> bool {
        self.submitter.may_be_live(tenant, run, node_run)
    }

    /// Levels that a value may nest.
    pub fn depth_max(&self) -> usize {
        usize::try_from(self.limits.table.depth).unwrap_or(usize::MAX)
    }

    /// How many bytes the entries on one page of a list may have.
    pub fn answer_bytes(&self) -> usize {
        usize::try_from(self.limits.table.answer_bytes).unwrap_or(usize::MAX)
    }

    /// The node types of a tenant without any of its own; of [`Runs::of_tenant`], those of that tenant.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The node types of a tenant, as the providers list them now.
    pub fn catalog_of(&self, tenant: &str) -> Arc<Catalog> {
        self.providers.catalog(tenant)
    }

    /// The same `Runs` with the node types of a tenant.
    pub fn of_tenant(&self, tenant: &str) -> Cow<'_, Self> {
        let catalog = self.providers.catalog(tenant);
        if Arc::ptr_eq(&catalog, &self.catalog) {
            Cow::Borrowed(self)
        } else {
            Cow::Owned(Runs { catalog, ..self.clone() })
        }
    }

    /// The effects that are being performed in this process.
    pub fn in_flight(&self) -> &Arc<InFlight> {
        self.submitter.in_flight()
    }

    /// Threads for bounded work off the async runtime.
    pub fn compute(&self) -> &Compute {
        &self.compute
    }

    /// The table of limits.
    pub fn limits(&self) -> &crate::limits::Limits {
        &self.limits.table
    }

    /// The clock, for keep-alives and health.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether the store answers and accepts writes.
    pub async fn ping(&self) -> Result<(), Error> {
        self.store.ping().await?;
        Ok(self.submitter.writing_works()?)
    }

    /// The state of a run, recent enough to have this node run.
    pub async fn state_with(&self, tenant: &str, run: RunId, node_run: NodeRunId) -> Result<Arc<State>, Error> {
        let state = self.submitter.load_with(tenant, run, node_run).await?;
        state.ok_or_else(|| Error::UnknownNodeRun(node_run.to_string()))
    }

    async fn state(&self, tenant: &str, run: RunId) -> Result<Option<Arc<State>>, Error> {
        note_run(run);
        self.submitter.load(tenant, run).await
    }
}
