//! `Runs`: the only façade that rooms call. Start, submit, get, list, follow, decide.
//!
//! | file             | what                                                             |
//! |------------------|------------------------------------------------------------------|
//! | `start.rs`       | a new run: resolve, validate, start once                         |
//! | `submit.rs`      | one command: load, decide, commit, tell who waits                |
//! | `admission.rs`   | how much one tenant may have: live runs, starts, descendants     |
//! | `approvals.rs`   | what somebody is asked to agree to: listed, decided              |
//! | `decisions.rs`   | tokens that decide for whoever holds them                        |
//! | `labels.rs`      | what lists find runs by                                          |
//! | `waiting.rs`     | what a run waits for, and input for one that asks                |
//! | `cache.rs`       | run states kept at hand                                          |
//! | `writing.rs`     | whether writing works, for health                                |
//! | `references.rs`  | the ways in which a run is named                                 |
//! | `retention.rs`   | runs that have ended, removed                                    |
//! | `row.rs`         | what lists show, derived from the state                          |
//! | `sub_runs.rs`    | runs that runs start: begun, called off, their ends told         |
//! | `threads.rs`     | runs that share their messages, one after the other               |
//! | `output_schema.rs` | the schema that a result has to fit, and what fits it             |
//! | `pass_through.rs` | what a run passes through to integrations, sealed                |
//! | `error.rs`       | why a question was not answered                                  |
//! | `values.rs`      | large values: taken out before a decision, put back into answers |
//! | `answer.rs`      | the one value that a run answers with                            |
//! | `in_flight.rs`     | what is being performed, called back when nobody waits for it    |
//! | `fingerprint.rs` | telling a repeated request from another one                      |
//! | `remote.rs`      | the same questions, asked of a coordinator elsewhere             |
//!
//! Nothing here knows a dialect, and nothing here decides: the engine does.

mod admission;
pub mod answer;
pub mod approvals;
pub(crate) mod cache;
mod decisions;
mod error;
mod fingerprint;
#[cfg(test)]
pub(crate) mod fixture;
pub mod in_flight;
pub mod labels;
pub mod output_schema;
mod pass_through;
mod references;
pub mod remote;
pub(crate) mod retention;
pub mod row;
mod start;
pub mod sub_runs;
mod submit;
pub mod threads;
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

pub use approvals::{DecidedApproval, Said};
pub use error::Error;
pub use in_flight::InFlight;
pub use pass_through::PassThrough;
pub use references::RunName;
pub(crate) use start::noted as noted_fingerprint;
pub use start::{ChildRequest, DROPPED_INPUTS, IdempotencyKey, NewRun, StartedRun};

use crate::clock::Clock;
use crate::compute::Compute;
use crate::feed::{Feed, Goes, Projection, Reach, RunNotifier, Wanted};
use crate::nodes::Providers;
use crate::nodes::catalog::Catalog;
use crate::store::{Cursor, Filter, RunRow, Status, Store, StoreError};
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

/// Bounds that come from the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Atomic node runs of one run at once.
    pub parallel_max: u32,
    /// The table's.
    pub table: crate::limits::Limits,
}

/// What `Runs` is made of.
pub struct Parts {
    /// Where runs rest.
    pub store: Arc<dyn Store>,
    /// The providers of node types.
    pub providers: Arc<Providers>,
    /// What time it is.
    pub clock: Clock,
    /// Rung after every commit.
    pub notifier: Arc<RunNotifier>,
    /// Notified when there may be effects to claim.
    pub work: Arc<Notify>,
    /// The server key, for fingerprints, decision tokens and what is sealed.
    pub secret: [u8; 32],
    /// Bounds.
    pub limits: Limits,
    /// Where what takes time is done.
    pub compute: Compute,
}

impl Runs {
    /// Puts the parts together.
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

    /// A run as it stands, by whatever it is named.
    pub async fn get(&self, tenant: &str, reference: &str) -> Result<Arc<State>, Error> {
        let run = self.find(tenant, reference).await?;
        let state = self.state(tenant, run).await?.ok_or_else(|| Error::UnknownRun(reference.to_owned()))?;
        self.values.shown(tenant, state).await
    }

    /// The run of a node run, as it stands, and the node run's id.
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

    /// The rows of runs that match, newest first, without the first so many. For APIs that number their pages; they bound them.
    pub async fn page(
        &self,
        tenant: &str,
        filter: &Filter,
        skipped: usize,
        limit: usize,
    ) -> Result<Vec<RunRow>, Error> {
        Ok(self.store.page(tenant, filter, skipped, limit).await?)
    }

    /// The run of a row, as it stands. Nothing where it cannot be read, or has been removed since the row was: one run is no reason to
    /// fail a list.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn listed(&self, tenant: &str, row: &RunRow) -> Result<Option<Arc<State>>, Error> {
        match self.listed_at_hand(tenant, row).await? {
            Some(state) => Ok(Some(self.values.shown(tenant, state).await?)),
            None => Ok(None),
        }
    }

    /// The same, with references to its large values.
    async fn listed_at_hand(&self, tenant: &str, row: &RunRow) -> Result<Option<Arc<State>>, Error> {
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

    /// Events of a run after a position, those that are there, at most so many.
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

    /// Every event of a run after a position, those to come included.
    pub fn follow(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        stopping: CancellationToken,
    ) -> impl Stream<Item = Result<Arc<Recorded>, StoreError>> + Send + 'static {
        self.feed.follow(tenant.to_owned(), run, after, stopping)
    }

    /// Gives back most of the memory that states at hand take, whenever none has moved for two seconds.
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

    /// A run as it stands when it has ended, or else after so long, or when the server stops.
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

    /// A run as it stands, with everything up to this position. What is at hand may be older than what a stream has just shown.
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
        wanted: Wanted,
        stopping: CancellationToken,
        look: impl FnMut(&Recorded) -> Goes + Send + 'static,
    ) -> impl Stream<Item = Result<P::Shown, StoreError>> + Send + 'static {
        self.feed.shown::<P>(tenant.to_owned(), state, wanted, stopping, look)
    }

    /// Whether a node run may still be live, as far as is known without asking the store. False is certain; true is not, and then
    /// somebody may perform what is not wanted any more: its result is dropped.
    pub fn may_be_live(&self, tenant: &str, run: RunId, node_run: NodeRunId) -> bool {
        self.submitter.may_be_live(tenant, run, node_run)
    }

    /// Levels that a value may nest.
    pub fn depth_max(&self) -> usize {
        usize::try_from(self.limits.table.depth).unwrap_or(usize::MAX)
    }

    /// Bytes of the entries on one page of a list, for those who write answers.
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

    /// The same runs, where node types are those of a tenant.
    pub fn of_tenant(&self, tenant: &str) -> Cow<'_, Self> {
        let catalog = self.providers.catalog(tenant);
        if Arc::ptr_eq(&catalog, &self.catalog) {
            Cow::Borrowed(self)
        } else {
            Cow::Owned(Runs { catalog, ..self.clone() })
        }
    }

    /// What is being performed in this process.
    pub fn in_flight(&self) -> &Arc<InFlight> {
        self.submitter.in_flight()
    }

    /// Where what takes time is done.
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

    /// Whether the store answers, and takes what is written.
    pub async fn ping(&self) -> Result<(), Error> {
        self.store.ping().await?;
        Ok(self.submitter.writing_works()?)
    }

    /// A run as it stands, at least so far that this node run is in it.
    pub async fn state_with(&self, tenant: &str, run: RunId, node_run: NodeRunId) -> Result<Arc<State>, Error> {
        let state = self.submitter.load_with(tenant, run, node_run).await?;
        state.ok_or_else(|| Error::UnknownNodeRun(node_run.to_string()))
    }

    async fn state(&self, tenant: &str, run: RunId) -> Result<Option<Arc<State>>, Error> {
        note_run(run);
        self.submitter.load(tenant, run).await
    }
}

/// Puts the run's id into the log lines of the request at hand. Outside a request it does nothing.
fn note_run(run: RunId) {
    tracing::Span::current().record("run_id", tracing::field::display(run));
}
