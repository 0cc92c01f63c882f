//! Converts between ARP's types and the engine's: runs, node runs, constraints.
//!
//! Absent optional fields are absent, never null. Fields that the standard lacks are in `extensions` under a `runyard.`
//! key: `runyard.outputs` and `runyard.error` of a finished run, `runyard.dropped_inputs` if the request named an
//! alias, `runyard.resolved_node_type` of a node run, and the node run's own `runyard.error`.

use runyard_api::arp::schemas as arp;
use runyard_engine::event::{CodeText, Evaluation, Failure, FinalState};
use runyard_engine::{Constraints, Node, NodeRunId, NodeState, NodeTypeRef, Object, RunOutcome, RunStatus, State};
use serde_json::{Map, Value, json};

use super::policy;
use crate::dialects::common::start::InvalidField;
use crate::dialects::common::time::time;
use crate::runs::labels;
use crate::runs::{ChildRequest, DROPPED_INPUTS, NewRun, RunName};

/// The notes of a run or node run that store an API's own fields.
const RUN_CONTEXT: &str = "run_context";
/// The note that stores metadata attached by clients and tools.
pub const METADATA: &str = "metadata";
/// The note that stores the caller's `extensions`.
pub const EXTENSIONS: &str = "extensions";
/// The prefix of Runyard's extensions.
pub const OURS: &str = "runyard.";

/// A start request as an engine command.
pub fn new_run(api: &'static str, body: arp::RunStartRequest) -> Result<NewRun, InvalidField> {
    let request = serde_json::to_value(&body).unwrap_or_default();
    // Destructured completely, so that a field that the standard adds does not compile until it takes effect here.
    let arp::RunStartRequest {
        run_id,
        root_node_type_ref,
        input,
        run_context,
        constraints: envelope,
        metadata,
        extensions,
    } = body;
    let labels = metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
    let labels = labels.map(labels::of).unwrap_or_default();
    let mut notes = Map::new();
    note(&mut notes, RUN_CONTEXT, &run_context);
    note(&mut notes, METADATA, &metadata);
    note(&mut notes, EXTENSIONS, &extensions);
    Ok(NewRun {
        name: run_id.map(RunName::new),
        title: None,
        api,
        operation: "start_run",
        node_type: node_type_ref(&root_node_type_ref),
        inputs: input,
        constraints: constraints(envelope.as_ref())?,
        policy: policy::policy(extensions.as_ref())?,
        steps: policy::steps(extensions.as_ref())?,
        approval: policy::approval(extensions.as_ref())?,
        notes,
        labels,
        output_schema: policy::output_schema(extensions.as_ref())?,
        pass_through: Vec::new(),
        graph: None,
        thread: None,
        request,
        key: None,
    })
}

/// A child request as the engine's type.
pub fn child(spec: &arp::NodeRunCreateSpec) -> Result<ChildRequest, InvalidField> {
    let mut notes = Map::new();
    note(&mut notes, METADATA, &spec.metadata);
    note(&mut notes, EXTENSIONS, &spec.extensions);
    Ok(ChildRequest {
        key: spec.idempotency_key.clone(),
        node_type: node_type_ref(&spec.node_type_ref),
        inputs: spec.inputs.clone(),
        constraints: constraints(spec.constraints.as_ref())?,
        policy: policy::policy(spec.extensions.as_ref())?,
        depends_on: policy::depends_on(spec.extensions.as_ref())?,
        candidate_set_id: spec.candidate_set_id.clone(),
        binding_decision: spec
            .binding_decision
            .as_ref()
            .map(serde_json::to_value)
            .transpose()
            .map_err(|error| InvalidField { field: "/binding_decision", reason: error.to_string() })?,
        notes,
    })
}

/// The public id of a run: the client's, or the generated one.
pub fn run_id(state: &State) -> String {
    let chosen = state.start.as_deref().and_then(|start| start.name.clone());
    chosen.unwrap_or_else(|| state.run.to_string())
}

/// A run in an answer.
pub fn run(state: &State) -> arp::Run {
    arp::Run {
        run_id: run_id(state),
        state: run_state(state.status),
        root_node_run_id: state.root().map(|root| root.id.to_string()).unwrap_or_default(),
        run_context: noted(state.start.as_deref().map(|start| &start.notes), RUN_CONTEXT),
        started_at: state.started_at_ms.map(time),
        ended_at: state.ended_at_ms.map(time),
        extensions: extensions(run_extensions(state)),
    }
}

fn run_extensions(state: &State) -> Map<String, Value> {
    let notes = state.start.as_deref().map(|start| &start.notes);
    let mut all = given(notes);
    put_dropped(&mut all, notes);
    if let Some(outputs) = &state.outputs {
        all.insert("runyard.outputs".to_owned(), Value::Object(outputs.clone()));
    }
    if let Some(error) = &state.error {
        all.insert("runyard.error".to_owned(), failure_value(error));
    }
    all
}

/// A node run in an answer.
pub fn node_run(state: &State, node: &Node) -> arp::NodeRun {
    arp::NodeRun {
        node_run_id: node.id.to_string(),
        run_id: run_id(state),
        node_type_ref: arp::NodeTypeRef {
            node_type_id: node.node_type.asked.id.clone(),
            version: node.node_type.asked.version.clone(),
            extensions: None,
        },
        kind: Some(if node.node_type.kind.is_composite() { arp::NodeKind::Composite } else { arp::NodeKind::Atomic }),
        parent_node_run_id: node.parent.map(|parent| parent.to_string()),
        state: node_state(node.state),
        created_at: Some(time(node.created_at_ms)),
        started_at: node.started_at_ms.map(time),
        ended_at: node.ended_at_ms.map(time),
        inputs: Some(Object::clone(&node.inputs)),
        outputs: node.outputs.clone(),
        output_artifacts: typed_list(node.artifacts.iter().map(|artifact| &artifact.0)),
        executor_binding: None,
        evaluation_result: node.evaluation.as_ref().and_then(|it| typed(&Value::Object(evaluation(it)))),
        recovery_actions: typed_list(node.recoveries.iter().map(|action| &action.0)),
        extensions: extensions(node_extensions(state, node)),
    }
}

fn node_extensions(state: &State, node: &Node) -> Map<String, Value> {
    let notes =
        if node.parent.is_none() { state.start.as_deref().map(|start| &start.notes) } else { Some(&*node.notes) };
    let mut all = given(notes);
    put_dropped(&mut all, notes);
    let resolved = NodeTypeRef { id: node.node_type.id.clone(), version: node.node_type.version.clone() };
    if resolved != node.node_type.asked {
        all.insert("runyard.resolved_node_type".to_owned(), type_ref(&resolved));
    }
    if node.state == NodeState::Final(FinalState::Skipped) {
        all.insert("runyard.skipped".to_owned(), json!(true));
    }
    if let Some(error) = &node.error {
        all.insert("runyard.error".to_owned(), failure_value(error));
    }
    all
}

/// The inputs that were dropped because the alias's node type does not have them.
fn put_dropped(all: &mut Map<String, Value>, notes: Option<&Object>) {
    if let Some(dropped) = notes.and_then(|notes| notes.get(DROPPED_INPUTS)) {
        all.insert(DROPPED_INPUTS.to_owned(), dropped.clone());
    }
}

/// The final state of a node run in ARP's terms. The standard has no state for skipped, so skipped becomes canceled.
pub fn ended_as(state: FinalState) -> &'static str {
    match state {
        FinalState::Succeeded => "succeeded",
        FinalState::Failed => "failed",
        FinalState::Canceled | FinalState::Skipped => "canceled",
    }
}

/// A node type reference in an answer.
pub fn type_ref(node_type: &NodeTypeRef) -> Value {
    json!({ "node_type_id": node_type.id, "version": node_type.version })
}

/// An evaluation in an answer, without absent fields.
pub fn evaluation(evaluation: &Evaluation) -> Object {
    let Evaluation { status, reason_code, message, details, confidence, extensions } = evaluation;
    let mut shown = Object::from_iter([("status".to_owned(), json!(status))]);
    let reason_code = reason_code.as_ref().map(|code| json!(code));
    let message = message.as_ref().map(|message| json!(message));
    let details = details.clone().map(Value::Object);
    let confidence = confidence.map(|confidence| json!(confidence));
    let fields = [("reason_code", reason_code), ("message", message), ("details", details), ("confidence", confidence)];
    for (name, value) in fields {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    }
    if !extensions.is_empty() {
        shown.insert("extensions".to_owned(), Value::Object(extensions.clone()));
    }
    shown
}

/// A failure as an ARP error.
pub fn failure_value(failure: &Failure) -> Value {
    let mut error = Map::new();
    error.insert("code".to_owned(), json!(failure.code));
    error.insert("message".to_owned(), json!(failure.message));
    if let Some(details) = &failure.details {
        error.insert("details".to_owned(), Value::Object(details.clone()));
    }
    if let Some(retryable) = failure.retryable {
        error.insert("retryable".to_owned(), json!(retryable));
    }
    Value::Object(error)
}

/// An ARP error as the engine's failure.
pub fn failure(error: &arp::Error) -> Failure {
    Failure {
        code: CodeText::from_outside(&error.code),
        message: error.message.clone(),
        details: error.details.clone(),
        retryable: error.retryable,
    }
}

/// A run's state in ARP's terms: waiting is running.
pub fn run_state(status: RunStatus) -> arp::RunState {
    match status {
        RunStatus::Queued => arp::RunState::Queued,
        RunStatus::Running | RunStatus::Waiting => arp::RunState::Running,
        RunStatus::Final(outcome) => run_ended(outcome),
    }
}

/// The final state of a run in ARP's terms. Every outcome short of success is failed, and the error's code tells which
/// it was.
pub fn run_ended(outcome: RunOutcome) -> arp::RunState {
    match outcome {
        RunOutcome::Succeeded => arp::RunState::Succeeded,
        RunOutcome::Partial | RunOutcome::NothingAchieved | RunOutcome::Failed => arp::RunState::Failed,
        RunOutcome::Canceled => arp::RunState::Canceled,
    }
}

/// A node run's state in ARP's terms: waiting is running, pending is queued, skipped is canceled.
pub fn node_state(state: NodeState) -> arp::NodeRunState {
    match state {
        NodeState::Pending | NodeState::Queued => arp::NodeRunState::Queued,
        NodeState::Running | NodeState::Waiting(_) => arp::NodeRunState::Running,
        NodeState::Final(FinalState::Succeeded) => arp::NodeRunState::Succeeded,
        NodeState::Final(FinalState::Failed) => arp::NodeRunState::Failed,
        NodeState::Final(FinalState::Canceled | FinalState::Skipped) => arp::NodeRunState::Canceled,
    }
}

/// A terminal state in the engine's terms.
pub fn final_state(state: arp::NodeRunTerminalState) -> FinalState {
    match state {
        arp::NodeRunTerminalState::Succeeded => FinalState::Succeeded,
        arp::NodeRunTerminalState::Failed => FinalState::Failed,
        arp::NodeRunTerminalState::Canceled => FinalState::Canceled,
    }
}

/// Parses a node run id.
pub fn node_run_id(text: &str) -> Option<NodeRunId> {
    NodeRunId::parse(text)
}

fn node_type_ref(asked: &arp::NodeTypeRef) -> NodeTypeRef {
    NodeTypeRef { id: asked.node_type_id.clone(), version: asked.version.clone() }
}

/// A constraint envelope as the engine's type. Both have the same fields; the engine's has no extensions.
fn constraints(envelope: Option<&arp::ConstraintEnvelope>) -> Result<Constraints, InvalidField> {
    let Some(envelope) = envelope else { return Ok(Constraints::default()) };
    let invalid = |reason: serde_json::Error| InvalidField { field: "/constraints", reason: reason.to_string() };
    let value = serde_json::to_value(envelope).map_err(invalid)?;
    serde_json::from_value(value).map_err(invalid)
}

/// Stores a field of the request as a note, if it is present.
pub fn note<T: serde::Serialize>(notes: &mut Object, key: &str, value: &Option<T>) {
    if let Some(value) = value
        && let Ok(value) = serde_json::to_value(value)
    {
        notes.insert(key.to_owned(), value);
    }
}

fn noted<T: serde::de::DeserializeOwned>(notes: Option<&Object>, key: &str) -> Option<T> {
    typed(notes?.get(key)?)
}

/// The caller's extensions without Runyard's names, so that a caller cannot fake outputs or an error.
pub fn given(notes: Option<&Object>) -> Map<String, Value> {
    let Some(Value::Object(extensions)) = notes.and_then(|notes| notes.get(EXTENSIONS)) else { return Map::new() };
    let theirs = extensions.iter().filter(|(name, _)| !name.starts_with(OURS));
    theirs.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Extensions in an answer: absent when there are none.
pub fn extensions(all: Map<String, Value>) -> Option<arp::Extensions> {
    if all.is_empty() { None } else { Some(arp::Extensions(all)) }
}

/// JSON as a type of the document. `None` if it does not match, which only a foreign log can cause.
pub fn typed<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// A list, absent when it is empty.
pub fn typed_list<'a, T: serde::de::DeserializeOwned>(objects: impl Iterator<Item = &'a Object>) -> Option<Vec<T>> {
    let list: Vec<T> = objects.filter_map(|object| typed(&Value::Object(object.clone()))).collect();
    if list.is_empty() { None } else { Some(list) }
}
