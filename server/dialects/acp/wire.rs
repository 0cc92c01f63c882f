//! Converts between the platform's types and the engine's: a prompt starts a run of the planner, a run's state becomes
//! a run.
//!
//! Absent optional fields are absent, never null. Runs started through another API have the fields that can be derived.

use std::collections::BTreeSet;

use runyard_api::acp::types::{Mode, Run, RunStatus};
use runyard_engine::event::Failure;
use runyard_engine::plan::as_text;
use runyard_engine::{
    ApprovalStrategy, Constraints, Labels, NodeTypeRef, Object, Policy, RunOutcome, RunStatus as Status, Start, State,
};
use serde_json::{Map, Value, json};

use super::API;
use super::place::{Place, SERVER, server_of};
use super::thread_body::Look;
use crate::dialects::common::time::time;
use crate::runs::{NewRun, answer};
use crate::store::Status as StoredStatus;

/// The node type of every run that this API starts.
const PLANNER: &str = "runyard.composite.planner.general";
const PLANNER_VERSION: &str = "1.0.0";

/// The notes of a run that store fields of its request.
const MODE: &str = "acp.mode";
const TITLE: &str = "acp.title";
const METADATA: &str = "acp.metadata";

/// How messages are stored: in a thread.
const SESSION_PROTOCOL: &str = "thread";

/// The fields that start a run.
#[derive(Debug, Clone, Default)]
pub(super) struct StartContent {
    pub(super) content: String,
    pub(super) title: Option<String>,
    pub(super) mode: Option<Mode>,
    pub(super) metadata: Option<Map<String, Value>>,
    pub(super) thread: Option<String>,
}

/// The text of a message: the content, or else the prompt. Blank counts as absent.
pub(super) fn text(content: Option<&String>, prompt: Option<&String>) -> Option<String> {
    [content, prompt].into_iter().flatten().find(|text| !text.trim().is_empty()).cloned()
}

/// Whether the answer waits for the run.
pub(super) fn waits(mode: Option<Mode>) -> bool {
    mode.unwrap_or(Mode::Sync) == Mode::Sync
}

/// A request as an engine command. `operation` and `body` distinguish a repeated request from another one.
pub(super) fn new_run(
    place: &Place,
    said: StartContent,
    operation: &'static str,
    body: &impl serde::Serialize,
) -> NewRun {
    let mut notes = Object::new();
    notes.insert(MODE.to_owned(), json!(said.mode.unwrap_or(Mode::Sync)));
    if let Some(title) = said.title {
        notes.insert(TITLE.to_owned(), Value::String(title));
    }
    if let Some(metadata) = said.metadata {
        notes.insert(METADATA.to_owned(), Value::Object(metadata));
    }
    let labels = Labels::from([(SERVER.to_owned(), BTreeSet::from([place.server.clone()]))]);
    NewRun {
        name: None,
        title: None,
        api: API,
        operation,
        node_type: NodeTypeRef { id: PLANNER.to_owned(), version: PLANNER_VERSION.to_owned() },
        inputs: Object::from_iter([("goal".to_owned(), Value::String(said.content))]),
        constraints: Constraints::default(),
        policy: Policy::default(),
        steps: Policy::default(),
        approval: ApprovalStrategy::None,
        notes,
        labels,
        thread: said.thread,
        output_schema: None,
        pass_through: Vec::new(),
        graph: None,
        request: json!({ "place": place.server, "body": body }),
        key: None,
    }
}

/// A run. `continued_by`: the next run of the thread, which continued this one.
pub(super) fn run(state: &State, thread: &Look, continued_by: Option<String>) -> Run {
    let start = state.start.as_deref();
    let note = |key: &str| start.and_then(|start| start.notes.get(key));
    let metadata = note(METADATA).and_then(Value::as_object).cloned();
    Run {
        id: Some(state.run.to_string()),
        server_id: Some(server_of(state).to_owned()),
        thread_id: Some(thread.id.clone()),
        title: note(TITLE).map(as_text),
        input: start.map(input),
        output: answer::of(state).map(|answer| as_text(&answer.value)),
        // Runs started through another API did not wait for their answer.
        mode: Some(note(MODE).and_then(Value::as_str).and_then(|mode| mode.parse().ok()).unwrap_or(Mode::Async)),
        status: Some(run_status(state.status)),
        error: (run_status(state.status) == RunStatus::Failed).then(|| error(state.error.as_ref())),
        metadata: with_continuation(metadata, continued_by),
        created_at: state.started_at_ms.map(time),
        completed_at: state.ended_at_ms.map(time),
        session_protocol: Some(SESSION_PROTOCOL.to_owned()),
        thread_backed: Some(true),
        thread_status: Some(thread.status),
        thread_title: thread.title.clone(),
    }
}

/// The caller's metadata, and the run that continued this one. An entry of the caller with the same name stays.
fn with_continuation(metadata: Option<Map<String, Value>>, continued_by: Option<String>) -> Option<Map<String, Value>> {
    let Some(continued_by) = continued_by else { return metadata };
    let mut metadata = metadata.unwrap_or_default();
    metadata.entry("continuedBy").or_insert(Value::String(continued_by));
    Some(metadata)
}

/// The input of a run: its goal, or its inputs if it has no goal.
pub(super) fn input(start: &Start) -> String {
    let goal = ["goal", "prompt"].iter().find_map(|key| start.inputs.get(*key)?.as_str());
    goal.map_or_else(|| Value::Object(start.inputs.clone()).to_string(), str::to_owned)
}

/// The title of the run.
pub(super) fn title(state: &State) -> Option<String> {
    state.start.as_deref()?.notes.get(TITLE).map(as_text)
}

/// The error of a run that did not complete: the code, then the reason.
pub(super) fn error(error: Option<&Failure>) -> String {
    error.map_or_else(|| "it ended without a reason".to_owned(), |error| format!("{}: {}", error.code, error.message))
}

/// The stored statuses that this API shows as `wanted`.
pub(super) fn stored_statuses(wanted: RunStatus) -> Vec<StoredStatus> {
    let shows = |status: &StoredStatus| run_status((*status).into()) == wanted;
    StoredStatus::ALL.into_iter().filter(shows).collect()
}

/// The status of a run.
pub(super) fn run_status(status: Status) -> RunStatus {
    match status {
        Status::Queued => RunStatus::Queued,
        Status::Running | Status::Waiting => RunStatus::Running,
        Status::Final(RunOutcome::Succeeded) => RunStatus::Completed,
        Status::Final(RunOutcome::Partial | RunOutcome::NothingAchieved | RunOutcome::Failed) => RunStatus::Failed,
        Status::Final(RunOutcome::Canceled) => RunStatus::Cancelled,
    }
}
