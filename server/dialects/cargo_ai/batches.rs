//! Batches: one run that executes a list of records. For the engine it is a list of items, each of which starts a run
//! of its own. The progress of a batch is read from that list.

use std::collections::BTreeSet;

use runyard_api::cargo::types::{
    Batch, BatchDataKind, BatchEnvelope, BatchList, BatchStatus, CreateBatch, Node, RunsStatus,
};
use runyard_api::host::Caller;
use runyard_engine::event::FinalState;
use runyard_engine::{
    ApprovalStrategy, Command, Constraints, Labels, NodeState, NodeTypeRef, Object, Policy, RunOutcome, RunStatus,
    State,
};
use serde_json::{Value, json};

use super::start::{GraphRun, fresh, label};
use super::{API, Handlers, error, executions, runs, wire};
use crate::dialects::common::answer_size::AnswerSize;
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::dialects::common::start::idempotency_key;
use crate::dialects::common::time::time;
use crate::runs::{NewRun, StartedRun};
use crate::store::{Cursor, Filter, LabelFilter, Status};

/// Labels of the run that executes a batch: the batch's identifier, and the values that filters of batch lists use.
const OWN: &str = "cargo.batch_itself";
const OF_WORKFLOW: &str = "cargo.batch_workflow";
/// The label that all batches share.
const ALL: &str = "cargo.batches";
/// The note that stores the batch's request without its records.
const NOTE: &str = "cargo.batch";

/// The most records of one batch: the engine's limit for a list.
const RECORDS_MAX: usize = 10_000;
/// The most bytes written for the graph in all runs of a batch, because each run stores its own copy.
const WRITTEN_MAX: usize = 64 * 1024 * 1024;
/// How many failed records a batch lists, and the most characters of each reason.
const FAILURES_MAX: usize = 20;
const FAILURE_CHARACTERS_MAX: usize = 500;
/// Rows read at once.
const PAGE: usize = 100;

/// Starts a batch.
pub(super) async fn create(
    handlers: &Handlers,
    cx: &Caller,
    body: CreateBatch,
    key: Option<&str>,
) -> Result<StartedRun, Refusal> {
    let request = serde_json::to_value(&body).unwrap_or_default();
    // Destructured completely, so that a field that the API adds does not compile until it takes effect here.
    let CreateBatch { workflow_uuid, data, release_uuid, nodes } = body;
    if data.kind != BatchDataKind::Records {
        return Err(error::invalid_data_kind(data.kind));
    }
    let records =
        data.records.ok_or_else(|| error::data_error("invalidData", "data of kind `records` needs `records`"))?;
    if records.is_empty() {
        return Err(error::data_error("noRecords", "there are no records"));
    }
    if records.len() > RECORDS_MAX {
        return Err(error::data_error(
            "invalidData",
            format!("there are {} records; there may be {RECORDS_MAX}", records.len()),
        ));
    }
    let walk = handlers.walk(cx, workflow_uuid, release_uuid, nodes).await?;
    let graph = walk.lowered.graph().clone();
    if graph.to_string().len().saturating_mul(records.len()) > WRITTEN_MAX {
        return Err(error::data_error(
            "invalidData",
            "so many records of so large a workflow are more than one batch may be",
        ));
    }
    let batch = fresh();
    let count = records.len();
    let items: Vec<Value> = records.into_iter().map(|record| item(&walk, cx, &batch, record)).collect();
    let run = json!({ "node_type_id": "runyard.composite.graph" });
    let inputs = json!({
        "items": items,
        "node_type_ref": { "node_type_id": "runyard.core.run" },
        "inputs": { "node_type_ref": run, "graph": graph },
        "on_item_failure": "collect"
    });
    let Value::Object(inputs) = inputs else { return Err(error::data_error("invalidData", "it is no object")) };
    let mut new = carrier(cx, &walk, &batch, inputs);
    new.title = handlers.workflow_name(cx, &walk).await?.or_else(|| Some(format!("batch of {count} records")));
    new.request = request;
    new.key = key.map(idempotency_key).transpose()?;
    handlers.runs.start(&cx.tenant, new).await.map_err(of_runs)
}

/// A record as an item of the list, with the labels that find its run.
fn item(walk: &GraphRun, cx: &Caller, batch: &str, record: Object) -> Value {
    let mut labels = walk.labels(cx);
    label(&mut labels, wire::BATCH, batch);
    let id = |name: &&str| record.get(*name).and_then(wire::record_title);
    if let Some(id) = ["_id", "id", "uuid"].iter().find_map(id) {
        label(&mut labels, wire::RECORD_ID, &id);
        label(&mut labels, wire::RECORD, &id);
    }
    let record = Value::Object(record);
    let title = wire::record_title(&record);
    if let Some(title) = &title {
        label(&mut labels, wire::RECORD_TITLE, title);
        label(&mut labels, wire::RECORD, title);
    }
    json!({ "inputs": { "data": record }, "labels": labels, "title": title })
}

/// The run that executes a batch.
fn carrier(cx: &Caller, walk: &GraphRun, batch: &str, inputs: Object) -> NewRun {
    let mut labels = Labels::new();
    label(&mut labels, OWN, batch);
    label(&mut labels, ALL, ALL);
    label(&mut labels, OF_WORKFLOW, &walk.workflow);
    if let Some(user) = cx.subject.as_deref() {
        label(&mut labels, wire::USER, user);
    }
    let note = json!({ "release": walk.release, "nodes": walk.release.is_none().then_some(&walk.nodes) });
    NewRun {
        name: None,
        title: None,
        api: API,
        operation: "cargo.create_batch",
        node_type: NodeTypeRef { id: "runyard.composite.each".to_owned(), version: "1.0.0".to_owned() },
        inputs,
        constraints: Constraints::default(),
        policy: Policy::default(),
        steps: Policy::default(),
        approval: ApprovalStrategy::None,
        notes: Object::from_iter([(NOTE.to_owned(), note)]),
        labels,
        output_schema: None,
        pass_through: Vec::new(),
        thread: None,
        graph: None,
        request: Value::Null,
        key: None,
    }
}

/// Returns a batch's current state.
pub(super) async fn get(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<BatchEnvelope, Refusal> {
    let state = find(handlers, cx, uuid).await?;
    Ok(BatchEnvelope { batch: shown(&state, &cx.tenant) })
}

/// Cancels a batch and its runs that have not ended.
pub(super) async fn cancel(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<(), Refusal> {
    let state = find(handlers, cx, uuid).await?;
    if matches!(state.status, RunStatus::Final(_)) {
        return Err(error::batch_over(uuid));
    }
    handlers.runs.submit(&cx.tenant, state.run, Command::Cancel { reason: None }).await?;
    Ok(())
}

async fn find(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<std::sync::Arc<State>, Refusal> {
    let labels = vec![LabelFilter { name: OWN.to_owned(), values: vec![uuid.to_owned()] }];
    let filter = Filter { api: Some(API.to_owned()), labels, ..Filter::default() };
    let found = handlers.runs.list(&cx.tenant, &filter, None, 1).await?.pop();
    handlers.state(cx, &found.ok_or_else(|| error::no_batch(uuid))?).await
}

/// A page of batches.
pub(super) async fn list(
    handlers: &Handlers,
    cx: &Caller,
    workflows: Vec<String>,
    statuses: &[BatchStatus],
    (limit, offset): (usize, usize),
) -> Result<BatchList, Refusal> {
    let of_workflows = (!workflows.is_empty()).then(|| LabelFilter { name: OF_WORKFLOW.to_owned(), values: workflows });
    let all = LabelFilter { name: ALL.to_owned(), values: vec![ALL.to_owned()] };
    let stored: BTreeSet<Status> = statuses.iter().flat_map(|status| stored(*status)).copied().collect();
    let filter = Filter {
        api: Some(API.to_owned()),
        statuses: stored.iter().copied().collect(),
        labels: vec![of_workflows.unwrap_or(all)],
        ..Filter::default()
    };
    let (mut batches, mut count, mut after) = (Vec::new(), 0, None);
    let (mut size, mut full) = (AnswerSize::of(handlers.runs.answer_bytes()), false);
    let none = !statuses.is_empty() && stored.is_empty();
    loop {
        let rows = if none { Vec::new() } else { handlers.runs.list(&cx.tenant, &filter, after, PAGE).await? };
        after = rows.last().map(|row| Cursor { created_at_ms: row.created_at_ms, run: row.run });
        let last = rows.len() < PAGE;
        for row in rows {
            if count >= offset && batches.len() < limit && !full {
                let state = handlers.runs.listed(&cx.tenant, &row).await?;
                if let Some(batch) = state.map(|state| shown(&state, &cx.tenant)) {
                    full = !size.admits(&batch);
                    if !full {
                        batches.push(batch);
                    }
                }
            }
            count += 1;
        }
        if last {
            return Ok(BatchList { batches, count: runs::number(count) });
        }
    }
}

/// A batch.
pub(super) fn shown(state: &State, tenant: &str) -> Batch {
    let note = state.start.as_deref().and_then(|start| start.notes.get(NOTE));
    let read = |name: &str| note.and_then(|note| note.get(name)).filter(|value| !value.is_null());
    let nodes: Option<Vec<Node>> = read("nodes").cloned().and_then(|nodes| serde_json::from_value(nodes).ok());
    let Counts { all, ended, failed } = Counts::of(state);
    Batch {
        uuid: wire::label(state, OWN).unwrap_or_default(),
        workspace_uuid: tenant.to_owned(),
        workflow_uuid: wire::label(state, OF_WORKFLOW).unwrap_or_default(),
        user_uuid: wire::label(state, wire::USER),
        release_uuid: read("release").and_then(Value::as_str).map(str::to_owned),
        nodes,
        temporal_workflow_id: Some(state.run.to_string()),
        trace_uuid: None,
        data: Some(Object::from_iter([("kind".to_owned(), json!(BatchDataKind::Records))])),
        error_message: match &state.error {
            Some(error) if status(state.status) == BatchStatus::Error => Some(executions::reason(error)),
            _ => failed_records(state),
        },
        status: status(state.status),
        runs_status: (ended > 0).then_some(if failed > 0 { RunsStatus::Unhealthy } else { RunsStatus::Healthy }),
        runs_count: runs::number(all),
        executed_runs_count: runs::number(ended),
        failed_runs_count: runs::number(failed),
        // Runyard bills nothing.
        credits_used_count: 0.0,
        created_at: time(state.started_at_ms.unwrap_or_default()),
        updated_at: time(state.updated_at_ms.unwrap_or_default()),
        finished_at: state.ended_at_ms.map(time),
    }
}

/// The failed records, counted from 1, with their errors. `None` if none failed.
fn failed_records(state: &State) -> Option<String> {
    let children = state.root()?.children.iter().filter_map(|id| state.node(*id));
    let failed: Vec<&runyard_engine::Node> =
        children.filter(|child| matches!(child.state, NodeState::Final(FinalState::Failed))).collect();
    let line = |child: &&runyard_engine::Node| {
        let place = child.place.map_or_else(|| child.key.clone(), |place| (place + 1).to_string());
        let why = child.error.as_ref().map_or_else(|| "no reason was given".to_owned(), executions::reason);
        format!("record {place}: {}", why.chars().take(FAILURE_CHARACTERS_MAX).collect::<String>())
    };
    let lines: Vec<String> = failed.iter().take(FAILURES_MAX).map(line).collect();
    let more = failed.len().saturating_sub(FAILURES_MAX);
    match (lines.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(lines.join("; ")),
        (false, more) => Some(format!("{}; and {more} more", lines.join("; "))),
    }
}

/// The progress of a batch.
struct Counts {
    all: usize,
    ended: usize,
    failed: usize,
}

impl Counts {
    fn of(state: &State) -> Counts {
        let given = state.start.as_deref().and_then(|start| start.inputs.get("items")?.as_array()).map_or(0, Vec::len);
        let children = || state.root().into_iter().flat_map(|root| &root.children).filter_map(|id| state.node(*id));
        let ended = |states: &[FinalState]| {
            children().filter(|child| matches!(child.state, NodeState::Final(end) if states.contains(&end))).count()
        };
        use FinalState::{Canceled, Failed, Skipped, Succeeded};
        Counts { all: given, ended: ended(&[Succeeded, Failed, Canceled, Skipped]), failed: ended(&[Failed]) }
    }
}

/// The status of a batch. Failed runs do not fail the batch.
pub(super) fn status(status: RunStatus) -> BatchStatus {
    match status {
        RunStatus::Queued => BatchStatus::Pending,
        RunStatus::Running | RunStatus::Waiting => BatchStatus::Running,
        RunStatus::Final(RunOutcome::Succeeded | RunOutcome::Partial | RunOutcome::NothingAchieved) => {
            BatchStatus::Success
        }
        RunStatus::Final(RunOutcome::Failed) => BatchStatus::Error,
        RunStatus::Final(RunOutcome::Canceled) => BatchStatus::Cancelled,
    }
}

/// The stored statuses that this API shows as this one.
fn stored(status: BatchStatus) -> &'static [Status] {
    match status {
        BatchStatus::Pending => &[Status::Queued],
        BatchStatus::Running => &[Status::Running, Status::Waiting],
        BatchStatus::Success => &[Status::Succeeded, Status::Partial, Status::NothingAchieved],
        BatchStatus::Error => &[Status::Failed],
        BatchStatus::Cancelled => &[Status::Canceled],
        // Records come with the request, and a cancelled batch ends at once.
        BatchStatus::Syncing | BatchStatus::Querying | BatchStatus::Skipped | BatchStatus::Cancelling => &[],
    }
}
