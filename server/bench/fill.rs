//! Fills a store with runs, to measure how much a server slows down with its data. The runs are made by the engine
//! from real commands, so that a filled store is valid; but they are committed in bulk.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use runyard::catalog::Catalog;
use runyard::clock::Clock;
use runyard::runs::row;
use runyard::store::{Append, Store, StoreError};
use runyard_engine::{
    Command, Context, Effect, Event, Labels, NodeRunId, NodeTypeRef, Object, Outcome, RunId, Start, State, decide,
};
use serde_json::json;

/// Runs in one commit.
const BATCH: usize = 512;
/// Batches that may wait for the store.
const BATCHES_AHEAD: usize = 4;
/// Runs between two progress reports.
const PROGRESS_RUNS: u64 = 10_000;
/// How many users the runs have, by label, one after the other.
const USERS: u64 = 1_000;

/// The number of runs of each kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct FillCounts {
    /// Ended runs, of which one in a hundred has failed.
    pub ended: u64,
    /// Runs that sleep for a day.
    pub asleep: u64,
    /// Runs with a step that is due at once.
    pub due: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    Succeeded,
    Failed,
    Asleep,
    Due,
}

impl FillCounts {
    fn kinds(self) -> impl Iterator<Item = Kind> {
        let count = |kind: Kind, runs: u64| (0..runs).map(move |_| kind);
        let ended = (0..self.ended).map(|number| if number % 100 == 99 { Kind::Failed } else { Kind::Succeeded });
        ended.chain(count(Kind::Asleep, self.asleep)).chain(count(Kind::Due, self.due))
    }
}

/// Why a store was not filled.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine failed: a defect.
    #[error("no run could be made: {0}")]
    Engine(String),
}

/// Fills. `progress` is called with the number of runs.
///
/// # Errors
/// The store failed. Committed runs stay.
pub async fn fill(
    store: Arc<dyn Store>,
    tenant: &str,
    wanted: FillCounts,
    clock: &Clock,
    mut progress: impl FnMut(u64),
) -> Result<(), FillError> {
    let batches = batches(tenant.to_owned(), wanted, clock.clone());
    let mut done = 0;
    for batch in batches {
        let batch = batch?;
        let runs = batch.len() as u64;
        for answer in store.commit(batch).await {
            answer?;
        }
        if done / PROGRESS_RUNS != (done + runs) / PROGRESS_RUNS {
            progress(done + runs);
        }
        done += runs;
    }
    Ok(())
}

/// Batches, made by a thread of its own while the store writes those before.
fn batches(tenant: String, wanted: FillCounts, clock: Clock) -> Receiver<Result<Vec<Append>, FillError>> {
    let (batches, made) = sync_channel(BATCHES_AHEAD);
    std::thread::spawn(move || {
        let catalog = Catalog::builtin();
        let mut batch = Vec::with_capacity(BATCH);
        for (number, kind) in (0..).zip(wanted.kinds()) {
            match one(&catalog, &tenant, kind, number, &clock) {
                Ok(append) => batch.push(append),
                Err(error) => return drop(batches.send(Err(error))),
            }
            if batch.len() == BATCH && batches.send(Ok(std::mem::take(&mut batch))).is_err() {
                return; // The receiver has left.
            }
        }
        let _ = batches.send(Ok(batch));
    });
    made
}

fn one(catalog: &Catalog, tenant: &str, kind: Kind, number: u64, clock: &Clock) -> Result<Append, FillError> {
    let run = clock.new_run_id();
    let at_ms = clock.now_ms();
    let start = start(catalog, kind, number)?;
    let labels = start.labels.clone();
    let (mut state, mut events, effects) = step(&State::new(run), Command::Start(Arc::new(start)), run, at_ms)?;
    let mut wanted = effects;
    if let (Kind::Succeeded | Kind::Failed, Some(call)) = (kind, wanted.first()) {
        let outcome = match kind {
            Kind::Failed => Outcome::Failed(failure()),
            _ => Outcome::Succeeded { outputs: object(json!({ "uuid4": "1b4e28ba-2fa1-41d2-883f-0016d3cca427" })) },
        };
        let settle = Command::Settle { effect: call.id, node_run: call.node_run, outcome };
        let (after, more, _) = step(&state, settle, run, at_ms)?;
        (state, wanted) = (after, Vec::new());
        events.extend(more);
    }
    Ok(Append {
        tenant: tenant.to_owned(),
        run,
        expected: 0,
        at_ms,
        events,
        row: row::derive(&state),
        effects: wanted,
        dropped: Vec::new(),
        settles: Vec::new(),
        node_runs: vec![NodeRunId::root(run)],
        labels,
        approvals: Vec::new(),
        values: Vec::new(),
        sealed: Vec::new(),
        key: None,
    })
}

fn step(
    before: &State,
    command: Command,
    run: RunId,
    at_ms: i64,
) -> Result<(State, Vec<Event>, Vec<Effect>), FillError> {
    let decision = decide(before, command, Context { at_ms, run, fitted: None, depth_max: 64 });
    let decision = decision.map_err(|rejected| FillError::Engine(rejected.to_string()))?;
    let after = decision.after.ok_or_else(|| FillError::Engine("nothing follows from it".to_owned()))?;
    Ok((*after, decision.events, decision.effects))
}

fn start(catalog: &Catalog, kind: Kind, number: u64) -> Result<Start, FillError> {
    let (id, inputs) = match kind {
        Kind::Succeeded | Kind::Failed | Kind::Due => ("runyard.core.uuid4", json!({})),
        Kind::Asleep => ("runyard.core.sleep", json!({ "seconds": 86_400 })),
    };
    let asked = NodeTypeRef { id: id.to_owned(), version: "latest".to_owned() };
    let node_type = catalog.resolve(&asked).map_err(|error| FillError::Engine(error.to_string()))?;
    let user = format!("user-{}", number % USERS);
    Ok(Start {
        name: None,
        title: None,
        api: "run-gateway".to_owned(),
        node_type,
        inputs: object(inputs),
        constraints: Default::default(),
        policy: Default::default(),
        steps: Default::default(),
        approval: Default::default(),
        parallel_max: 16,
        graph: None,
        output_schema: None,
        notes: Object::new(),
        labels: Labels::from_iter([("user_id".to_owned(), [user].into())]),
        turn: None,
        parent: None,
    })
}

fn object(value: serde_json::Value) -> Object {
    match value {
        serde_json::Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn failure() -> runyard_engine::event::Failure {
    runyard_engine::event::Failure {
        code: runyard_engine::CodeText::from_outside("on_purpose"),
        message: "failed on purpose".to_owned(),
        details: None,
        retryable: Some(false),
    }
}
