//! The requests of measurements, and what the store gets for one of them.

use std::sync::Arc;

use runyard::clock::Clock;
use runyard::compute::Compute;
use runyard::dialects::arp::wire;
use runyard::dialects::run_gateway::API;
use runyard::feed::RunNotifier;
use runyard::nodes::Providers;
use runyard::runs::{Limits, Parts, Runs};
use runyard::store::memory::Memory;
use runyard::store::{Append, Store};
use runyard_api::arp::schemas as arp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::BenchError;

const TENANT: &str = "default";

/// A run that waits for an external worker from its start on: starting it is all its work.
pub(super) fn waiting() -> Value {
    json!({
        "root_node_type_ref": { "node_type_id": "runyard.composite.external", "version": "1.0.0" },
        "input": { "order": "A-1042", "customer": "ada@example.org", "lines": [{ "item": "lamp", "count": 2 }] },
    })
}

/// One step.
pub(super) fn one_step() -> Value {
    json!({
        "root_node_type_ref": { "node_type_id": "runyard.core.echo", "version": "1.0.0" },
        "input": { "echo": "hello" },
    })
}

/// This many steps, one after the other.
pub(super) fn chain(steps: usize) -> Value {
    let node = |place: usize| {
        let next: Vec<String> = (place < steps).then(|| format!("step_{}", place + 1)).into_iter().collect();
        json!({
            "key": format!("step_{place}"),
            "node_type_ref": { "node_type_id": "runyard.core.echo" },
            "inputs": { "echo": "hello" },
            "children": next,
        })
    };
    let nodes: Vec<Value> = (1..=steps).map(node).collect();
    json!({
        "root_node_type_ref": { "node_type_id": "runyard.composite.graph", "version": "1.0.0" },
        "input": { "graph": { "nodes": nodes } },
    })
}

/// The same for each item of a long list, as many at once as a run may have.
pub(super) fn fan_out(items: usize) -> Value {
    let items: Vec<String> = (0..items).map(|place| format!("item {place}")).collect();
    json!({
        "root_node_type_ref": { "node_type_id": "runyard.composite.each", "version": "1.0.0" },
        "input": { "items": items, "node_type_ref": { "node_type_id": "runyard.core.echo" }, "item_as": "echo", "at_once": 100 },
    })
}

/// Adds one event to a waiting run: a verdict with a new number.
pub(super) fn verdict(number: usize) -> Value {
    json!({ "evaluation_result": { "status": "success", "message": format!("verdict-{number};") } })
}

/// The commit of a waiting run: made by the engine, taken from a memory store.
pub(super) async fn append(clock: &Clock) -> Result<Append, BenchError> {
    let memory = Arc::new(Memory::new());
    let runs = Runs::new(Parts {
        store: memory.clone(),
        providers: Providers::builtin(),
        clock: clock.clone(),
        notifier: Arc::new(RunNotifier::default()),
        work: Arc::new(Notify::new()),
        secret: [0; 32],
        limits: Limits { parallel_max: 16, table: runyard::limits::Limits::default() },
        compute: Compute::inline(),
    });
    let odd = |what: &str| BenchError::Server(format!("was asked for something that {what}"));
    let body: arp::RunStartRequest = serde_json::from_value(waiting()).map_err(|_| odd("is no start"))?;
    let new = wire::new_run(API, body).map_err(|_| odd("cannot be said"))?;
    let started = runs.start(TENANT, new).await.map_err(|error| odd(&format!("does not start: {error}")))?;
    let run = started.state.run;
    let log = memory.log(TENANT, run, 0, usize::MAX).await.unwrap_or_default();
    let row = memory.row(TENANT, run).await.ok().flatten().ok_or_else(|| odd("leaves no row"))?;
    Ok(Append {
        tenant: TENANT.to_owned(),
        run,
        expected: 0,
        at_ms: row.created_at_ms,
        events: log.into_iter().map(|recorded| recorded.event).collect(),
        row,
        effects: memory.asked(TENANT, run),
        dropped: Vec::new(),
        settles: Vec::new(),
        node_runs: started.state.order.clone(),
        labels: Default::default(),
        approvals: Vec::new(),
        values: Vec::new(),
        sealed: Vec::new(),
        key: None,
    })
}
