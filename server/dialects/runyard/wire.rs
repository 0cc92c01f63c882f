//! Converts between the Runyard document's types and the engine's. They are nearly the same, so nothing is lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runyard_api::runyard::{ListRunsRequest, types};
use runyard_engine::event::{Evaluation, EvaluationStatus, Failure, FinalState};
use runyard_engine::{
    Node, NodeRunId, NodeState, NodeTypeRef, OnFailure, Parent, Pause, Retry, RunId, RunOutcome, RunStatus, SideEffect,
    State, Wait,
};

use super::{approvals, cursor};
use crate::catalog::{Catalog, Entry};
use crate::dialects::common::answer_size::{self, AnswerSize};
use crate::listeners::Listener;
use crate::runs::row;
use crate::runs::sub_runs::{PARENT_NODE_RUN, PARENT_RUN};
use crate::runs::waiting::{self, WaitingOn};
use crate::store::{Filter, LabelFilter, RunRow, Status};

/// Health: the store must answer. `failed` is the error if it did not.
pub(super) fn health(now_ms: i64, failed: Option<String>) -> types::Health {
    let (status, own) = match failed {
        None => (types::Status::Ok, types::Status::Ok),
        Some(_) => (types::Status::Degraded, types::Status::Down),
    };
    let check = types::HealthCheck { name: "store".to_owned(), status: own, message: failed, details: None };
    types::Health { status, time: time(now_ms), checks: vec![check] }
}

/// The version of this server.
pub(super) fn version() -> types::VersionInfo {
    types::VersionInfo {
        service_name: "runyard".to_owned(),
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        supported_api_versions: vec!["v1".to_owned()],
        build: None,
    }
}

/// The APIs of this process.
pub(super) fn listeners(listeners: &[Listener]) -> types::ApiList {
    let api = |api: &Listener| types::Api { name: api.name.to_owned(), title: api.title.clone(), url: api.url.clone() };
    types::ApiList { doors: listeners.iter().map(api).collect() }
}

/// The filter of a list. An alias of a node type matches the node type that it names.
pub(super) fn filter(catalog: &Catalog, request: &ListRunsRequest) -> Filter {
    let resolved = |id: &String| catalog.canonical(id).map_or_else(|| id.clone(), str::to_owned);
    Filter {
        statuses: request.state.iter().map(status).collect(),
        phases: Vec::new(),
        api: request.face.clone(),
        node_type: request.node_type.as_ref().map(resolved),
        created_from_ms: request.created_after.map(Timestamp::as_millisecond),
        created_before_ms: request.created_before.map(Timestamp::as_millisecond),
        labels: labelled(request).chain(parents(request)).collect(),
    }
}

/// The label filters of a list. The document has checked their form.
fn labelled(request: &ListRunsRequest) -> impl Iterator<Item = LabelFilter> {
    let pairs = request.label.iter().filter_map(|pair| pair.split_once(':'));
    pairs.map(|(name, value)| LabelFilter { name: name.to_owned(), values: vec![value.to_owned()] })
}

/// The parent runs of a list's filter. Every form of a run id is accepted.
fn parents(request: &ListRunsRequest) -> impl Iterator<Item = LabelFilter> {
    let run = request.parent_run_id.as_ref().map(|id| RunId::parse(id).map_or_else(|| id.clone(), |id| id.to_string()));
    let node_run = request.parent_node_run_id.as_ref();
    let node_run = node_run.map(|id| NodeRunId::parse(id).map_or_else(|| id.clone(), |id| id.to_string()));
    let filters = [(PARENT_RUN, run), (PARENT_NODE_RUN, node_run)].into_iter();
    filters.filter_map(|(name, id)| Some(LabelFilter { name: name.to_owned(), values: vec![id?] }))
}

/// One page of a list.
pub(super) fn run_list(rows: &[RunRow], next_cursor: Option<String>) -> types::RunList {
    types::RunList { runs: rows.iter().map(summary).collect(), next_cursor }
}

fn summary(row: &RunRow) -> types::RunSummary {
    types::RunSummary {
        run_id: row.run.to_string(),
        name: row.name.clone(),
        face: row.api.clone(),
        node_type: row.node_type.clone(),
        title: row.title.clone(),
        state: run_state(row.status),
        reason: row.reason.clone().or_else(|| WaitingOn::of_row(row.phase).map(|waits| wait_reason(waits).to_string())),
        waiting_on: WaitingOn::of_row(row.phase).map(|waits| waiting_on(waits, None)),
        event_count: count(row.version),
        created_at: time(row.created_at_ms),
        updated_at: time(row.updated_at_ms),
        ended_at: row.ended_at_ms.map(time),
    }
}

/// What a run waits for, and which node run waits.
fn waiting_on(waits: WaitingOn, node: Option<&Node>) -> types::WaitingOn {
    let until = match node.map(|node| node.state) {
        Some(NodeState::Waiting(Wait::Timer { until_ms })) => Some(time(until_ms)),
        _ => None,
    };
    let question = node.filter(|_| waits == WaitingOn::Input).and_then(waiting::question);
    types::WaitingOn {
        reason: wait_reason(waits),
        node_run_id: node.map(|node| node.id.to_string()),
        question: question.map(str::to_owned),
        until,
    }
}

/// What a run waits for; the values have the same names.
pub(super) fn wait_reason(waits: WaitingOn) -> types::RunWaitReason {
    match waits {
        WaitingOn::Approval => types::RunWaitReason::Approval,
        WaitingOn::Input => types::RunWaitReason::Input,
        WaitingOn::Paused => types::RunWaitReason::Paused,
        WaitingOn::External => types::RunWaitReason::External,
        WaitingOn::Run => types::RunWaitReason::Run,
        WaitingOn::Timer => types::RunWaitReason::Timer,
    }
}

/// The number of runs in each state.
pub(super) fn counts(counts: &[(Status, u64)]) -> types::RunCounts {
    let of = |wanted: Status| count(counts.iter().filter(|(status, _)| *status == wanted).map(|(_, runs)| *runs).sum());
    types::RunCounts {
        total: count(counts.iter().map(|(_, runs)| *runs).sum()),
        queued: of(Status::Queued),
        running: of(Status::Running),
        waiting: of(Status::Waiting),
        succeeded: of(Status::Succeeded),
        partial: Some(of(Status::Partial)),
        nothing_achieved: Some(of(Status::NothingAchieved)),
        failed: of(Status::Failed),
        canceled: of(Status::Canceled),
    }
}

/// The number of node runs shown with a run, and the default page size of their list.
pub(super) const NODE_RUNS: usize = 500;

/// A page of node runs in the order of creation, after the first `behind`, and the start of the next page.
pub(super) fn node_run_list(state: &State, behind: usize, limit: usize, bytes: usize) -> types::NodeRunList {
    let (node_runs, next_cursor) = node_runs(state, behind, limit, bytes);
    types::NodeRunList { node_runs, next_cursor }
}

fn node_runs(state: &State, behind: usize, limit: usize, bytes: usize) -> (Vec<types::NodeRun>, Option<String>) {
    let ids = state.order.iter().skip(behind).take(limit);
    let mut size = AnswerSize::of(bytes);
    let shown = ids.filter_map(|id| state.nodes.get(id)).map(|node| node_run(node));
    let shown: Vec<_> = shown.take_while(|node_run| size.admits(node_run)).collect();
    let end = behind.saturating_add(shown.len());
    (shown, (end < state.order.len()).then(|| cursor::write_node_runs(end)))
}

/// A run with its tree, as far as it fits into one answer.
pub(super) fn run(state: &State) -> types::Run {
    let (node_runs, next_cursor) = node_runs(state, 0, NODE_RUNS, answer_size::DEFAULT_BYTES);
    let row = row::derive(state);
    let shown = summary(&row);
    types::Run {
        run_id: shown.run_id,
        name: shown.name,
        face: shown.face,
        node_type: shown.node_type,
        title: shown.title,
        state: shown.state,
        reason: shown.reason,
        waiting_on: waiting::of(state).map(|(waits, node)| waiting_on(waits, node)),
        labels: labels(state),
        event_count: shown.event_count,
        created_at: shown.created_at,
        updated_at: shown.updated_at,
        ended_at: shown.ended_at,
        inputs: state.start.as_deref().map(|start| start.inputs.clone()).unwrap_or_default(),
        constraints: object(&state.constraints),
        outputs: state.outputs.clone(),
        error: state.error.as_ref().map(error),
        approval: approvals::strategy(state),
        approvals: approvals::of_run(state),
        paused: state.paused.as_ref().map(pause),
        output_schema: state.start.as_deref().and_then(|start| start.output_schema.as_ref()).map(object),
        parent: state.start.as_deref().and_then(|start| start.parent.as_ref()).map(parent),
        root_node_run_id: state.root().map(|root| root.id.to_string()).unwrap_or_default(),
        node_run_count: Some(count(state.order.len() as u64)),
        node_runs,
        next_cursor,
    }
}

/// The labels by which lists find a run.
fn labels(state: &State) -> Option<BTreeMap<String, Vec<String>>> {
    let labels = state.start.as_deref().map(|start| &start.labels).filter(|labels| !labels.is_empty())?;
    let listed = |(name, values): (&String, &BTreeSet<String>)| (name.clone(), values.iter().cloned().collect());
    Some(labels.iter().map(listed).collect())
}

fn parent(parent: &Parent) -> types::ParentRun {
    types::ParentRun { run_id: parent.run.to_string(), node_run_id: parent.node_run.to_string(), waits: parent.waits }
}

fn pause(pause: &Pause) -> types::Pause {
    types::Pause { since: time(pause.at_ms), reason: pause.reason.clone(), by: pause.by.clone() }
}

fn node_run(node: &Node) -> types::NodeRun {
    let (state, waiting_for) = node_state(node.state);
    let kind = if node.node_type.kind.is_composite() { types::NodeKind::Composite } else { types::NodeKind::Atomic };
    let resolved = NodeTypeRef { id: node.node_type.id.clone(), version: node.node_type.version.clone() };
    types::NodeRun {
        node_run_id: node.id.to_string(),
        parent_node_run_id: node.parent.map(|parent| parent.to_string()),
        key: node.key.clone(),
        depth: count(node.depth),
        node_type_ref: type_ref(&node.node_type.asked),
        resolved_node_type: type_ref(&resolved),
        kind,
        state,
        waiting_for,
        sub_run_id: node.sub_run.map(|run| run.to_string()),
        goal: node.goal.clone(),
        depends_on: node.depends_on.iter().map(ToString::to_string).collect(),
        inputs: (*node.inputs).clone(),
        outputs: node.outputs.clone(),
        output_artifacts: listed(node.artifacts.iter().map(|artifact| artifact.0.clone())),
        error: node.error.as_ref().map(error),
        evaluation: node.evaluation.as_ref().map(evaluation),
        recovery_actions: listed(node.recoveries.iter().map(|action| action.0.clone())),
        candidate_set_id: node.candidate_set_id.clone(),
        attempt: i64::from(node.attempt),
        attempt_error: node.attempt_error.as_ref().map(error),
        retry: node.policy.retry(&node.node_type).map(retry),
        timeout_ms: node.policy.timeout_ms(&node.node_type).map(count),
        on_failure: on_failure(&node.policy.on_failure),
        go_to: match &node.policy.on_failure {
            OnFailure::GoTo(key) => Some(key.clone()),
            OnFailure::Fail | OnFailure::Continue => None,
        },
        fallback_for: listed(node.fallback_for.iter().map(ToString::to_string)),
        created_at: time(node.created_at_ms),
        started_at: node.started_at_ms.map(time),
        ended_at: node.ended_at_ms.map(time),
    }
}

/// The node types that match, as this API describes them.
pub(super) fn node_types(catalog: &Catalog, query: Option<&str>, kind: Option<types::NodeKind>) -> types::NodeTypeList {
    let found = catalog.list(query.unwrap_or_default()).into_iter().map(node_type);
    types::NodeTypeList { node_types: found.filter(|shown| kind.is_none_or(|kind| shown.kind == kind)).collect() }
}

fn node_type(entry: &Entry) -> types::NodeType {
    types::NodeType {
        node_type_id: entry.id.clone(),
        version: entry.version.clone(),
        kind: if entry.kind.is_composite() { types::NodeKind::Composite } else { types::NodeKind::Atomic },
        side_effect_class: side_effect(entry.side_effect),
        description: entry.description.clone(),
        aliases: entry.aliases.iter().map(ToString::to_string).collect(),
        input_schema: object(&entry.input_schema),
        output_schema: object(&entry.output_schema),
    }
}

fn side_effect(class: SideEffect) -> types::SideEffectClass {
    match class {
        SideEffect::Read => types::SideEffectClass::Read,
        SideEffect::Write => types::SideEffectClass::Write,
        SideEffect::Irreversible => types::SideEffectClass::Irreversible,
    }
}

/// A run's state; the values have the same names.
pub(super) fn run_state(status: RunStatus) -> types::RunState {
    match status {
        RunStatus::Queued => types::RunState::Queued,
        RunStatus::Running => types::RunState::Running,
        RunStatus::Waiting => types::RunState::Waiting,
        RunStatus::Final(RunOutcome::Succeeded) => types::RunState::Succeeded,
        RunStatus::Final(RunOutcome::Partial) => types::RunState::Partial,
        RunStatus::Final(RunOutcome::NothingAchieved) => types::RunState::NothingAchieved,
        RunStatus::Final(RunOutcome::Failed) => types::RunState::Failed,
        RunStatus::Final(RunOutcome::Canceled) => types::RunState::Canceled,
    }
}

fn status(state: &types::RunState) -> Status {
    match state {
        types::RunState::Queued => Status::Queued,
        types::RunState::Running => Status::Running,
        types::RunState::Waiting => Status::Waiting,
        types::RunState::Succeeded => Status::Succeeded,
        types::RunState::Partial => Status::Partial,
        types::RunState::NothingAchieved => Status::NothingAchieved,
        types::RunState::Failed => Status::Failed,
        types::RunState::Canceled => Status::Canceled,
    }
}

/// A node run's state, and what it waits for.
pub(super) fn node_state(state: NodeState) -> (types::NodeRunState, Option<types::WaitingFor>) {
    let plain = match state {
        NodeState::Pending => types::NodeRunState::Pending,
        NodeState::Queued => types::NodeRunState::Queued,
        NodeState::Running => types::NodeRunState::Running,
        NodeState::Waiting(wait) => return (types::NodeRunState::Waiting, Some(waiting_for(wait))),
        NodeState::Final(FinalState::Succeeded) => types::NodeRunState::Succeeded,
        NodeState::Final(FinalState::Failed) => types::NodeRunState::Failed,
        NodeState::Final(FinalState::Canceled) => types::NodeRunState::Canceled,
        NodeState::Final(FinalState::Skipped) => types::NodeRunState::Skipped,
    };
    (plain, None)
}

/// What a node run waits for.
pub(super) fn waiting_for(wait: Wait) -> types::WaitingFor {
    let (reason, until) = match wait {
        Wait::Timer { until_ms } => (types::WaitReason::Timer, Some(time(until_ms))),
        Wait::Children => (types::WaitReason::Children, None),
        Wait::External => (types::WaitReason::External, None),
        Wait::Input => (types::WaitReason::Input, None),
        Wait::Run => (types::WaitReason::Run, None),
        Wait::Approval => (types::WaitReason::Approval, None),
    };
    types::WaitingFor { reason, until }
}

fn retry(retry: &Retry) -> types::Retry {
    types::Retry {
        max_attempts: i64::from(retry.attempts_max),
        initial_interval_ms: count(retry.initial_ms),
        backoff_coefficient: retry.backoff,
        max_interval_ms: retry.delay_ms_max.map(count),
        jitter: retry.jitter,
        retryable_codes: retry.codes.as_ref().map(|codes| codes.iter().cloned().collect()),
    }
}

/// Absent if a failure has the default effect.
fn on_failure(after: &OnFailure) -> Option<types::OnFailure> {
    match after {
        OnFailure::Fail => None,
        OnFailure::Continue => Some(types::OnFailure::Continue),
        OnFailure::GoTo(_) => Some(types::OnFailure::GoTo),
    }
}

fn error(failure: &Failure) -> types::Error {
    types::Error {
        code: failure.code.to_string(),
        message: failure.message.clone(),
        details: failure.details.clone(),
        retryable: failure.retryable,
    }
}

fn evaluation(evaluation: &Evaluation) -> types::Evaluation {
    types::Evaluation {
        status: match evaluation.status {
            EvaluationStatus::Success => types::EvaluationStatus::Success,
            EvaluationStatus::Fail => types::EvaluationStatus::Fail,
            EvaluationStatus::Unknown => types::EvaluationStatus::Unknown,
        },
        reason_code: evaluation.reason_code.clone(),
        message: evaluation.message.clone(),
        details: evaluation.details.clone(),
        confidence: evaluation.confidence,
    }
}

fn type_ref(node_type: &NodeTypeRef) -> types::NodeTypeRef {
    types::NodeTypeRef { node_type_id: node_type.id.clone(), version: node_type.version.clone() }
}

fn listed<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let list: Vec<T> = items.collect();
    if list.is_empty() { None } else { Some(list) }
}

fn object<T: serde::Serialize>(value: &T) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(object)) => object,
        _ => serde_json::Map::new(),
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A time in an answer. Every stored time is a valid timestamp; one that is not becomes the epoch.
pub(super) fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).unwrap_or_default()
}
