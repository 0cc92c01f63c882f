//! Converts between this API's types and the engine's: runs, their states and plans. For runs started through another
//! API, missing fields are derived from stored ones, so that they never change.

use runyard_api::toolregistry::types::{
    CreateRunResponse, ExecPlanByIdResponseDto, ExecPlanByIdResponseDtoPlan, ExecPlanDto, ExecPlanStepDto, PlanType,
    RunDto, RunStatus,
};
use runyard_engine::{Node, NodeKind, Object, RunOutcome, State};
use serde_json::Value;
use uuid::Uuid;

use super::create::{NOTE, USER};
use crate::dialects::common::time::time;
use crate::runs::row;
use crate::store::{Filter, RunPhase, Status};

/// The state of a run.
pub(super) fn status(state: &State) -> RunStatus {
    status_of(state.status, row::phase(state))
}

/// The state of a run with this status and phase.
pub(super) fn status_of(status: runyard_engine::RunStatus, phase: RunPhase) -> RunStatus {
    use runyard_engine::RunStatus as Engine;
    match (status, phase) {
        (Engine::Queued, _) | (Engine::Running | Engine::Waiting, RunPhase::Planning) => RunStatus::Queued,
        (Engine::Running | Engine::Waiting, RunPhase::Asking | RunPhase::AwaitingInput | RunPhase::Paused) => {
            RunStatus::Paused
        }
        (Engine::Running | Engine::Waiting, RunPhase::Plain) => RunStatus::Running,
        (Engine::Final(RunOutcome::Succeeded), _) => RunStatus::Success,
        (Engine::Final(RunOutcome::Partial), _) => RunStatus::PartialSuccess,
        (Engine::Final(RunOutcome::NothingAchieved), _) => RunStatus::NoSuccess,
        (Engine::Final(RunOutcome::Failed), _) => RunStatus::Failed,
        (Engine::Final(RunOutcome::Canceled), _) => RunStatus::Canceled,
    }
}

/// The API's name of a run's status, as far as the status alone determines it.
pub(super) fn status_word(status: runyard_engine::RunStatus) -> String {
    let mut words: Vec<String> = RunPhase::ALL.map(|phase| status_of(status, phase).to_string()).into();
    words.sort();
    words.dedup();
    words.join(" or ")
}

/// Sets the filter to the runs in this state: the inverse of [`status_of`].
pub(super) fn standing_in(filter: &mut Filter, wanted: RunStatus) {
    let live = || vec![Status::Running, Status::Waiting];
    let (statuses, phases) = match wanted {
        RunStatus::Queued => (live(), vec![RunPhase::Planning]),
        RunStatus::Running => (live(), vec![RunPhase::Plain]),
        RunStatus::Success => (vec![Status::Succeeded], Vec::new()),
        RunStatus::PartialSuccess => (vec![Status::Partial], Vec::new()),
        RunStatus::NoSuccess => (vec![Status::NothingAchieved], Vec::new()),
        RunStatus::Failed => (vec![Status::Failed], Vec::new()),
        RunStatus::Canceled => (vec![Status::Canceled], Vec::new()),
        // A stored run is never queued, because its log begins with its start. So `AuthRequired` matches no run.
        RunStatus::Paused => (live(), vec![RunPhase::Asking, RunPhase::AwaitingInput, RunPhase::Paused]),
        RunStatus::AuthRequired => (vec![Status::Queued], Vec::new()),
    };
    (filter.statuses, filter.phases) = (statuses, phases);
}

/// A run with the given events.
pub(super) fn run(state: &State, events: Vec<Object>) -> RunDto {
    RunDto {
        run_id: state.run.uuid(),
        repeat_key: repeat_key(state),
        repeat_run_id: repeat_run_id(state),
        status: status(state),
        execution_plan_id: plan_id(state),
        events,
        result: result(state),
        intent: intent(state),
        context: noted(state, "context").unwrap_or_default(),
        created_at: time(state.started_at_ms.unwrap_or_default()),
        updated_at: time(state.updated_at_ms.unwrap_or_default()),
    }
}

/// A run that was started just now, or earlier by the same request.
pub(super) fn created(state: &State, events: Vec<Object>) -> CreateRunResponse {
    CreateRunResponse {
        run_id: state.run.uuid(),
        repeat_key: repeat_key(state),
        repeat_run_id: repeat_run_id(state),
        status: status(state),
        execution_plan_id: plan_id(state),
        plan: plan(state),
        events,
    }
}

/// The id of a run's plan is the id of its root.
fn plan_id(state: &State) -> Uuid {
    state.root().map(|root| root.id.uuid()).unwrap_or_default()
}

/// The plan of a run; an empty text before it exists.
pub(super) fn plan(state: &State) -> ExecPlanByIdResponseDto {
    let Some(root) = state.root().filter(|_| row::phase(state) != RunPhase::Planning) else { return no_plan() };
    if root.node_type.kind == NodeKind::Plan && root.rounds == 0 {
        return no_plan();
    }
    let nodes = if root.node_type.kind.is_composite() { &root.children[..] } else { std::slice::from_ref(&root.id) };
    let steps = nodes.iter().filter_map(|id| state.node(*id)).map(|node| step(state, node)).collect();
    let description = root.summary.clone().unwrap_or_else(|| intent(state));
    ExecPlanByIdResponseDto {
        plan_type: PlanType::Json,
        plan: ExecPlanByIdResponseDtoPlan::ExecPlanDto(ExecPlanDto { title: None, description, steps }),
    }
}

fn no_plan() -> ExecPlanByIdResponseDto {
    ExecPlanByIdResponseDto { plan_type: PlanType::Text, plan: ExecPlanByIdResponseDtoPlan::String(String::new()) }
}

fn step(state: &State, node: &Node) -> ExecPlanStepDto {
    let before = node.depends_on.iter().filter_map(|id| state.node(*id));
    ExecPlanStepDto {
        id: step_id(state, node),
        description: reason(node),
        depends_on_steps: before.map(|before| step_id(state, before)).collect(),
    }
}

/// A step's name: its key, below the keys of its parents. A run that is a single step has no key.
pub(super) fn step_id(state: &State, node: &Node) -> String {
    let above = node.parent.and_then(|parent| state.node(parent)).filter(|parent| parent.parent.is_some());
    match above {
        Some(above) => format!("{}/{}", step_id(state, above), node.key),
        None if node.parent.is_none() => "root".to_owned(),
        None => node.key.clone(),
    }
}

/// The reason for a step: the part of the intent that it serves, or its tool.
pub(super) fn reason(node: &Node) -> String {
    node.goal.clone().unwrap_or_else(|| node.node_type.asked.id.clone())
}

/// The intent, as the caller wrote it. For a run without one it is the node type.
pub(super) fn intent(state: &State) -> String {
    let Some(start) = state.start.as_deref() else { return String::new() };
    let goal = ["goal", "prompt"].iter().find_map(|key| start.inputs.get(*key)?.as_str());
    goal.unwrap_or(&start.node_type.asked.id).to_owned()
}

/// The user of a run, if its start named one.
pub(super) fn user(state: &State) -> Option<&str> {
    state.start.as_deref()?.labels.get(USER)?.first().map(String::as_str)
}

pub(super) fn repeat_key(state: &State) -> String {
    noted(state, "repeatKey").unwrap_or_else(|| state.run.uuid().to_string())
}

fn repeat_run_id(state: &State) -> Option<Uuid> {
    noted(state, "repeatRunId")?.parse().ok()
}

/// The result of a run, always as an object. A planned run's is the output that its goal required.
pub(super) fn result(state: &State) -> Option<Object> {
    let outputs = state.outputs.as_ref()?;
    let planned = state.root().is_some_and(|root| root.node_type.kind == NodeKind::Plan);
    match outputs.get("result").filter(|_| planned) {
        Some(Value::Object(result)) => Some(result.clone()),
        Some(result) => Some(Object::from_iter([("result".to_owned(), result.clone())])),
        None => Some(outputs.clone()),
    }
}

/// A text of the request that the engine does not use.
fn noted(state: &State, key: &str) -> Option<String> {
    let notes = &state.start.as_deref()?.notes;
    Some(notes.get(NOTE)?.get(key)?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_found_where_it_is_shown() {
        let stored = Status::ALL.into_iter().filter(|status| *status != Status::Queued);
        for (status, phase) in stored.flat_map(|status| RunPhase::ALL.map(|phase| (status, phase))) {
            // A run that has ended has no current activity.
            if matches!(status.into(), runyard_engine::RunStatus::Final(_)) && phase != RunPhase::Plain {
                continue;
            }
            let shown = status_of(status.into(), phase);
            let mut filter = Filter::default();
            standing_in(&mut filter, shown);
            assert!(filter.statuses.contains(&status), "{shown}");
            assert!(filter.phases.is_empty() || filter.phases.contains(&phase), "{shown}");
            let others = filter.statuses.iter().flat_map(|status| filter.phases.iter().map(|at| (*status, *at)));
            assert!(others.into_iter().all(|(status, at)| status_of(status.into(), at) == shown), "{shown}");
        }
    }
}
