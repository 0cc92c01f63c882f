//! Converts between Cargo's types and the engine's: runs and their states.
//!
//! Absent optional fields are absent, never null. Runs started through another API have the fields that can be derived.
//! These fields are never set: `traceUuid` (there are no traces), `parentBatchUuid` (a run that starts others does not
//! know its batch), `parentAgentUuid`, `parentChatUuid`, `parentMessageUuid` (there are no chats), `deletedAt` (nothing
//! is deleted).

use runyard_api::cargo::types::{Node as Drawn, Run, RunDetails, RunStatus};
use runyard_engine::{Node, NodeKind, Object, RunOutcome, RunStatus as Status, State};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{executions, own_nodes};
use crate::catalog;
use crate::dialects::common::time::time;

/// Labels of runs that were started through this API.
pub(super) const WORKFLOW: &str = "cargo.workflow";
pub(super) const RELEASE: &str = "cargo.release";
pub(super) const USER: &str = "cargo.user";
pub(super) const RECORD_ID: &str = "cargo.record_id";
pub(super) const RECORD_TITLE: &str = "cargo.record_title";
/// The record's id and its title in one label, because one filter searches both.
pub(super) const RECORD: &str = "cargo.record";
/// Whether it is a run of a group.
pub(super) const GROUP: &str = "cargo.group";
pub(super) const BATCH: &str = "cargo.batch";
/// The node that started this run. The parent run itself has a label of the engine's façade.
pub(super) const PARENT_NODE: &str = "cargo.parent_node";

/// The most characters of a run's input in a title.
const TITLE_CHARACTERS_MAX: usize = 200;

/// A run. `nodes`: as the client drew them, if known.
pub(super) fn run(state: &State, tenant: &str, nodes: Option<&[Drawn]>) -> Run {
    let uuid = state.run.uuid();
    let status = run_status(state.status);
    let executions = executions::of(state, nodes);
    Run {
        uuid: uuid.to_string(),
        workspace_uuid: tenant.to_owned(),
        workflow_uuid: workflow(state),
        user_uuid: label(state, USER),
        release_uuid: label(state, RELEASE),
        nodes: own_nodes::read(state),
        batch_uuid: label(state, BATCH),
        trace_uuid: None,
        temporal_workflow_id: Some(state.run.to_string()),
        record_id: label(state, RECORD_ID),
        record_title: label(state, RECORD_TITLE).or_else(|| record_title(data(state)?)),
        context_s3_filename: Some(format!("runs/{uuid}/context.json")),
        computed_configs_s3_filename: Some(format!("runs/{uuid}/computed-configs.json")),
        // The run that executes a batch is not a run of this API, and not a parent.
        parent_uuid: parent(state).filter(|_| label(state, BATCH).is_none()),
        parent_node_uuid: label(state, PARENT_NODE),
        parent_batch_uuid: None,
        parent_agent_uuid: None,
        parent_chat_uuid: None,
        parent_message_uuid: None,
        is_group_parent: walks_a_group(state),
        status,
        error_message: error_message(state, status),
        executions,
        created_at: time(state.started_at_ms.unwrap_or_default()),
        updated_at: time(state.updated_at_ms.unwrap_or_default()),
        finished_at: state.ended_at_ms.map(time),
        deleted_at: None,
    }
}

/// A run with the outputs and the evaluated configurations of its nodes.
pub(super) fn details(state: &State, tenant: &str, nodes: Option<&[Drawn]>) -> RunDetails {
    let (mut context, mut configs) = (Map::new(), Map::new());
    for (slug, node) in executions::reached(state) {
        if let Some(outputs) = &node.outputs {
            context.insert(slug.to_owned(), output(node, outputs));
        }
        configs.insert(slug.to_owned(), config(node));
    }
    RunDetails { run: run(state, tenant, nodes), run_context: context, run_computed_configs: configs }
}

/// The output of a node as expressions see it: of a group the list of its items' results, of a tool the output of its
/// end node, of an agent its answer.
fn output(node: &Node, outputs: &Object) -> Value {
    match node.node_type.kind {
        NodeKind::Each => outputs.get("results").cloned(),
        NodeKind::Run if node.inputs.contains_key("seen_as") => Some(catalog::seen_run(&node.inputs, outputs)),
        // For a run that an older build started.
        NodeKind::Run => outputs.get("outputs").map(|made| match (asks_an_agent(node), made.get("result")) {
            (true, Some(result)) => json!({ "answer": result }),
            _ => made.clone(),
        }),
        _ => None,
    }
    .unwrap_or_else(|| Value::Object(outputs.clone()))
}

/// The evaluated configuration of a node: of a tool the data of its run, of an agent the goal.
fn config(node: &Node) -> Value {
    let given = node.inputs.get("inputs").filter(|_| node.node_type.kind == NodeKind::Run);
    match given.map(|given| (given.get("data"), given.get("goal"))) {
        Some((_, Some(goal))) => match node.inputs.get("output_schema") {
            Some(schema) => json!({ "prompt": goal, "output": { "type": "jsonSchema", "jsonSchema": schema } }),
            None => json!({ "prompt": goal }),
        },
        Some((Some(data), None)) => data.clone(),
        _ => Value::Object(Object::clone(&node.inputs)),
    }
}

fn asks_an_agent(node: &Node) -> bool {
    node.inputs.get("inputs").is_some_and(|inputs| inputs.get("goal").is_some())
}

/// The run that started this one.
fn parent(state: &State) -> Option<String> {
    let parent = state.start.as_deref()?.parent.as_ref()?;
    Some(parent.run.uuid().to_string())
}

/// The workflow of a run. A run of another API has a derived one.
pub(super) fn workflow(state: &State) -> String {
    label(state, WORKFLOW).unwrap_or_else(|| derived(state.run.uuid(), "workflow"))
}

/// The first value of a label.
pub(super) fn label(state: &State, name: &str) -> Option<String> {
    state.start.as_deref()?.labels.get(name)?.first().cloned()
}

/// The input data of a run.
fn data(state: &State) -> Option<&Value> {
    let start = state.start.as_deref()?;
    start.inputs.get("data").or_else(|| ["goal", "prompt"].iter().find_map(|key| start.inputs.get(*key)))
}

/// The title of a run without a record: its input data.
pub(super) fn record_title(data: &Value) -> Option<String> {
    let text = match data {
        Value::Null => return None,
        // A blank text is not a title.
        Value::String(text) if text.trim().is_empty() => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(text.chars().take(TITLE_CHARACTERS_MAX).collect())
}

fn walks_a_group(state: &State) -> bool {
    match label(state, GROUP) {
        Some(said) => said == "true",
        None => state.root().is_some_and(|root| root.node_type.kind == NodeKind::Each),
    }
}

/// The error message of a failed run.
fn error_message(state: &State, status: RunStatus) -> Option<String> {
    state.error.as_ref().filter(|_| status == RunStatus::Error).map(executions::reason)
}

/// A stable UUID for a field that a run lacks.
fn derived(run: Uuid, field: &str) -> String {
    Uuid::new_v5(&run, field.as_bytes()).to_string()
}

/// The status of a run. A skipped node has a fallback; without one it would have failed the run.
pub(super) fn run_status(status: Status) -> RunStatus {
    match status {
        Status::Queued => RunStatus::Pending,
        Status::Running | Status::Waiting => RunStatus::Running,
        Status::Final(RunOutcome::Succeeded | RunOutcome::Partial) => RunStatus::Success,
        Status::Final(RunOutcome::NothingAchieved | RunOutcome::Failed) => RunStatus::Error,
        Status::Final(RunOutcome::Canceled) => RunStatus::Cancelled,
    }
}
