//! Servers without APIs, for tests: runs, a driver's parts and a subscriber over any store, under a simulated clock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use runyard_engine::event::{CodeText, Failure};
use runyard_engine::{
    ApprovalStrategy, Command, Constraints, Labels, NodeRunId, NodeTypeRef, Object, Plan, Policy, Position, Recorded,
    RunId, State,
};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Error, IdempotencyKey, Limits, NewRun, Parts, RunName, Runs, StartedRun};
use crate::clock::Clock;
use crate::compute::Compute;
use crate::driver;
use crate::expressions::{self, Expressions};
use crate::feed::RunNotifier;
use crate::nodes::Providers;
use crate::nodes::credentials::NoCredentials;
use crate::nodes::perform::InProcess;
use crate::planner::{LexicalPlanner, PlanRequest, Planner};
use crate::store::layer::Layer;
use crate::store::memory::Memory;
use crate::store::{Append, Backend, Claimed, Claims, Committed, Store, StoreError};

pub(crate) const TENANT: &str = "default";
/// The time at which every test begins.
pub(crate) const NOW_MS: i64 = 1_700_000_000_000;
/// The lease of these servers.
pub(crate) const LEASE_MS: i64 = 3_000;
/// Longer than any test needs.
const BOUND: Duration = Duration::from_secs(30);

/// One of possibly several servers over a store.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) runs: Runs,
    pub(crate) notifier: Arc<RunNotifier>,
    work: Arc<Notify>,
    providers: Arc<Providers>,
}

impl Fixture {
    /// The only server over an empty store.
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(Memory::new()), Clock::manual(NOW_MS))
    }

    /// A server over this store, with a cache and a notifier of its own.
    pub(crate) fn over(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self::within(store, clock, crate::limits::Limits::default())
    }

    /// The same with these limits.
    pub(crate) fn within(store: Arc<dyn Store>, clock: Clock, table: crate::limits::Limits) -> Self {
        let (notifier, work, providers) =
            (Arc::new(RunNotifier::default()), Arc::new(Notify::new()), Providers::builtin());
        let runs = Runs::new(Parts {
            store: store.clone(),
            providers: providers.clone(),
            clock: clock.clone(),
            notifier: notifier.clone(),
            work: work.clone(),
            secret: [7; 32],
            limits: Limits { parallel_max: 16, table },
            compute: Compute::inline(),
        });
        Fixture { store, clock, runs, notifier, work, providers }
    }

    /// Starts a run that must start.
    pub(crate) async fn start(&self, node_type: &str, inputs: Value) -> RunId {
        self.runs.start(TENANT, new_run(node_type, inputs)).await.unwrap().state.run
    }

    /// A run as this server sees it.
    pub(crate) async fn state(&self, run: RunId) -> Arc<State> {
        self.runs.get(TENANT, &run.to_string()).await.unwrap()
    }

    /// A run's whole log, from the store.
    pub(crate) async fn log(&self, run: RunId) -> Vec<Recorded> {
        self.store.log(TENANT, run, 0, usize::MAX).await.unwrap()
    }

    /// Adds an event to an external composite. Each has a different content, because equal ones would be one.
    pub(crate) async fn evaluate(&self, run: RunId) -> Result<Arc<State>, Error> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let message = NUMBER.fetch_add(1, Ordering::SeqCst).to_string();
        let evaluation = serde_json::from_value(json!({ "status": "success", "message": message })).unwrap();
        let command = Command::Evaluate { node_run: NodeRunId::root(run), evaluation, recovery: None };
        self.runs.submit(TENANT, run, command).await
    }

    /// Waits for a run's end.
    pub(crate) async fn ended(&self, run: RunId) -> Vec<Recorded> {
        let events = self.runs.follow(TENANT, run, 0, CancellationToken::new());
        bounded(events.map(|recorded| Recorded::clone(&recorded.unwrap())).collect()).await
    }

    /// Drives with this planner until the driver is stopped.
    pub(crate) fn drive(&self, claimer: &str, planner: impl Planner + 'static) -> Driving {
        let stopping = CancellationToken::new();
        let parts = driver::Parts {
            store: self.store.clone(),
            runs: self.runs.clone(),
            performer: Arc::new(InProcess {
                providers: self.providers.clone(),
                expressions: Arc::new(Expressions::new(expressions::Limits::default(), self.clock.clone())),
                credentials: Arc::new(NoCredentials),
            }),
            planner: Arc::new(planner),
            clock: self.clock.clone(),
            work: self.work.clone(),
            settings: driver::Settings { claimer: claimer.to_owned(), workers: 4, lease_ms: LEASE_MS },
        };
        Driving { task: tokio::spawn(driver::drive(parts, stopping.clone())), stopping }
    }

    /// Drives with the planner that needs no model.
    pub(crate) fn drive_plainly(&self, claimer: &str) -> Driving {
        self.drive(claimer, LexicalPlanner::new(self.providers.catalog(TENANT)))
    }
}

/// A driver at work.
pub(crate) struct Driving {
    pub(crate) task: tokio::task::JoinHandle<()>,
    pub(crate) stopping: CancellationToken,
}

impl Driving {
    /// Stops the driver, and waits for it.
    pub(crate) async fn stop(self) {
        self.stopping.cancel();
        bounded(self.task).await.unwrap();
    }
}

/// Waits for a bounded time.
pub(crate) async fn bounded<Output>(future: impl Future<Output = Output>) -> Output {
    tokio::time::timeout(BOUND, future).await.expect("it ends")
}

/// Lets every other task of a test run until it waits.
pub(crate) async fn others_go_on() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn new_run(node_type: &str, inputs: Value) -> NewRun {
    let inputs: Object = serde_json::from_value(inputs).unwrap();
    NewRun {
        name: None,
        title: None,
        api: "run-gateway",
        operation: "start_run",
        node_type: NodeTypeRef { id: node_type.to_owned(), version: "latest".to_owned() },
        request: json!({ "node_type": node_type, "inputs": inputs }),
        inputs,
        constraints: Constraints::default(),
        policy: Policy::default(),
        steps: Policy::default(),
        approval: ApprovalStrategy::None,
        notes: Object::new(),
        labels: Labels::new(),
        output_schema: None,
        pass_through: Vec::new(),
        graph: None,
        thread: None,
        key: None,
    }
}

impl NewRun {
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(RunName::new(name));
        self
    }

    pub(crate) fn keyed(mut self, key: &str) -> Self {
        self.key = IdempotencyKey::parse(key);
        self
    }
}

/// The result of a start, as a word.
pub(crate) fn outcome_of(started: &Result<StartedRun, Error>) -> &'static str {
    match started {
        Ok(StartedRun { replayed: false, .. }) => "started",
        Ok(StartedRun { replayed: true, .. }) => "replayed",
        Err(Error::NameTaken { .. }) => "name taken",
        Err(Error::KeyReused { .. }) => "key reused",
        Err(Error::Busy) => "busy",
        Err(_) => "failed",
    }
}

/// A planner that a test controls.
pub(crate) enum ScriptedPlanner {
    /// Panics.
    Panics,
    /// Fails after a notification.
    FailsWhenNotified(Arc<Notify>),
    /// Counts its calls, and fails.
    Counts(Arc<AtomicU64>),
    /// Counts its calls, and fails after a notification.
    CountsAndWaits(Arc<AtomicU64>, Arc<Notify>),
}

#[async_trait]
impl Planner for ScriptedPlanner {
    async fn plan(&self, _: PlanRequest) -> Result<Plan, Failure> {
        match self {
            ScriptedPlanner::Panics => panic!("as a defect would"),
            ScriptedPlanner::FailsWhenNotified(notify) => notify.notified().await,
            ScriptedPlanner::Counts(asked) => _ = asked.fetch_add(1, Ordering::SeqCst),
            ScriptedPlanner::CountsAndWaits(asked, notify) => {
                asked.fetch_add(1, Ordering::SeqCst);
                notify.notified().await;
            }
        }
        Err(Failure {
            code: CodeText::from_outside("on_purpose"),
            message: "failed on purpose".to_owned(),
            details: None,
            retryable: None,
        })
    }
}

/// What happens before a commit, or instead of it. `None`: the commit goes through.
pub(crate) type Interference = BoxFuture<'static, Option<StoreError>>;

/// A store in front of another; a test interferes with its commits and claims, one after the other.
pub(crate) struct InterferingStore {
    pub(crate) inner: Arc<Memory>,
    /// How many events were read from logs.
    pub(crate) events_read: AtomicU64,
    commits: Mutex<VecDeque<Interference>>,
    claims: Mutex<VecDeque<BoxFuture<'static, ()>>>,
}

impl InterferingStore {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(InterferingStore {
            inner: Arc::new(Memory::new()),
            events_read: AtomicU64::new(0),
            commits: Mutex::default(),
            claims: Mutex::default(),
        })
    }

    /// Runs this between the next successful claim and its answer.
    pub(crate) fn before_the_claim_is_answered(&self, happens: impl Future<Output = ()> + Send + 'static) {
        self.claims.lock().unwrap().push_back(happens.boxed());
    }

    /// Interferes with the next commit that has no interference yet.
    pub(crate) fn next(&self, interference: impl Future<Output = Option<StoreError>> + Send + 'static) {
        self.commits.lock().unwrap().push_back(interference.boxed());
    }

    /// How many interferences with claims have not happened yet.
    pub(crate) fn claims_waiting(&self) -> usize {
        self.claims.lock().unwrap().len()
    }

    /// How many interferences have not happened yet.
    pub(crate) fn waiting(&self) -> usize {
        self.commits.lock().unwrap().len()
    }
}

#[async_trait]
impl Layer for InterferingStore {
    fn behind(&self) -> Result<&dyn Backend, StoreError> {
        Ok(&*self.inner)
    }

    async fn on_commit(&self, appends: Vec<Append>) -> Vec<Result<Committed, StoreError>> {
        let interference = self.commits.lock().unwrap().pop_front();
        let refusal = match interference {
            Some(interference) => interference.await,
            None => None,
        };
        match refusal {
            Some(refusal) => vec![Err(refusal)],
            None => self.inner.commit(appends).await,
        }
    }

    async fn on_log(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let page = self.inner.log(tenant, run, after, limit).await?;
        self.events_read.fetch_add(page.len() as u64, Ordering::SeqCst);
        Ok(page)
    }

    async fn on_claim(
        &self,
        claimer: &str,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let claimed = self.inner.claim(claimer, now_ms, lease_ms, limit).await?;
        let happens = if claimed.is_empty() { None } else { self.claims.lock().unwrap().pop_front() };
        if let Some(happens) = happens {
            happens.await;
        }
        Ok(claimed)
    }
}
