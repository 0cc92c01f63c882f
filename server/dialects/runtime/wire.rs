//! Converts between the Runtime's types and the engine's: a goal becomes a run of the planner, a run's state becomes
//! status and result.
//!
//! Every field of a request takes effect or is refused by its name. Absent optional fields are absent, never null.

use std::collections::BTreeSet;

use runyard_api::arp::runtime::types::{RunInput, RunLimits, RunRequest, RunResult, RunStatus, ToolPolicy};
use runyard_engine::constraints::{Budgets, Candidates};
use runyard_engine::event::Failure;
use runyard_engine::{ApprovalStrategy, Constraints, NodeTypeRef, Object, Policy, RunOutcome, State, plan};
use serde_json::{Map, Value, json};

use super::API;
use crate::catalog::Catalog;
use crate::dialects::arp::wire::{
    EXTENSIONS, METADATA, OURS, extensions, failure_value, given, note, run_ended, run_id, run_state, typed, typed_list,
};
use crate::dialects::common::start::InvalidField;
use crate::dialects::common::time::time;
use crate::runs::{NewRun, RunName, labels};

/// The node type of every run that this API starts.
const PLANNER: &str = "runyard.composite.planner.general";
const PLANNER_VERSION: &str = "1.0.0";
/// The note that stores the runtime selector of the request. It is a hint for a daemon that chooses among several
/// runtimes; Runyard has one.
const SELECTOR: &str = "runtime_selector";

/// A request as an engine command, or all its fields that are not supported.
pub(super) fn new_run(body: &RunRequest, catalog: &Catalog) -> Result<NewRun, Vec<InvalidField>> {
    let mut invalid_fields = Vec::new();
    check_policy(body.tool_policy.as_ref(), catalog, &mut invalid_fields);
    check_limits(body.limits.as_ref(), &mut invalid_fields);
    check_extensions(body, &mut invalid_fields);
    let inputs = inputs(&body.input, &mut invalid_fields);
    if !invalid_fields.is_empty() {
        return Err(invalid_fields);
    }
    let labels = body.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
    let mut notes = Map::new();
    note(&mut notes, METADATA, &body.metadata);
    note(&mut notes, EXTENSIONS, &body.extensions);
    note(&mut notes, SELECTOR, &body.runtime_selector);
    Ok(NewRun {
        name: body.run_id.as_ref().map(|id| RunName::new(id.to_string())),
        title: None,
        api: API,
        operation: "create_run",
        node_type: NodeTypeRef { id: PLANNER.to_owned(), version: PLANNER_VERSION.to_owned() },
        inputs,
        constraints: Constraints {
            candidates: candidates(body.tool_policy.as_ref()),
            budgets: budgets(body.limits.as_ref()),
            ..Constraints::default()
        },
        policy: Policy::default(),
        steps: Policy::default(),
        approval: ApprovalStrategy::None,
        notes,
        labels: labels.map(labels::of).unwrap_or_default(),
        output_schema: None,
        pass_through: Vec::new(),
        graph: None,
        thread: None,
        request: serde_json::to_value(body).unwrap_or_default(),
        key: None,
    })
}

/// The planner's inputs. The planner has one set of named values, so context and data are merged.
fn inputs(input: &RunInput, invalid_fields: &mut Vec<InvalidField>) -> Object {
    let mut inputs = Object::new();
    inputs.insert("goal".to_owned(), json!(input.goal));
    if input.context.is_none() && input.data.is_none() {
        return inputs;
    }
    let mut values = input.context.clone().unwrap_or_default();
    for (key, value) in input.data.iter().flatten() {
        match values.get(key) {
            Some(other) if other != value => invalid_fields.push(InvalidField {
                field: "/input/data",
                reason: format!(
                    "`{key}` stands in /input/context with another value, and a goal that names it could mean either; \
                     rename one"
                ),
            }),
            _ => _ = values.insert(key.clone(), value.clone()),
        }
    }
    inputs.insert("context".to_owned(), Value::String(Value::Object(values).to_string()));
    inputs
}

/// A policy must not deny the planner, which is not a tool: without it no run can start.
fn check_policy(policy: Option<&ToolPolicy>, catalog: &Catalog, invalid_fields: &mut Vec<InvalidField>) {
    let mut denied = policy.into_iter().flat_map(|policy| &policy.deny_tool_ids).flatten();
    if let Some(id) = denied.find(|id| catalog.canonical(id) == Some(PLANNER)) {
        let reason = format!("`{id}` is what plans every run here, not a tool: without it no run can begin");
        invalid_fields.push(InvalidField { field: "/tool_policy/deny_tool_ids", reason });
    }
}

fn check_limits(limits: Option<&RunLimits>, invalid_fields: &mut Vec<InvalidField>) {
    if limits.is_some_and(|limits| limits.max_tokens.is_some()) {
        let reason = "no model is configured, so no tokens are used and none can be counted; leave it out".to_owned();
        invalid_fields.push(InvalidField { field: "/limits/max_tokens", reason });
    }
}

/// Runyard's extensions are returned beside the caller's, so their names must differ.
fn check_extensions(body: &RunRequest, invalid_fields: &mut Vec<InvalidField>) {
    let mut names = body.extensions.iter().flat_map(|extensions| extensions.0.keys());
    if let Some(name) = names.find(|name| name.starts_with(OURS)) {
        let reason = format!("`{name}` cannot be given back: names that begin with `{OURS}` are this server's own");
        invalid_fields.push(InvalidField { field: "/extensions", reason });
    }
}

/// Tool ids are node type ids. The planner is added to the allowed ones.
fn candidates(policy: Option<&ToolPolicy>) -> Candidates {
    let Some(policy) = policy else { return Candidates::default() };
    let with_planner = |ids: &Vec<String>| ids.iter().cloned().chain([PLANNER.to_owned()]).collect();
    Candidates {
        max_candidates_per_subtask: None,
        allowed_node_type_ids: policy.allow_tool_ids.as_ref().map(with_planner),
        denied_node_type_ids: policy.deny_tool_ids.iter().flatten().cloned().collect::<BTreeSet<_>>(),
    }
}

fn budgets(limits: Option<&RunLimits>) -> Budgets {
    let Some(limits) = limits else { return Budgets::default() };
    Budgets { max_wall_time_ms: limits.timeout_ms, max_steps: limits.max_steps.map(u64::from), ..Budgets::default() }
}

/// The status of a run, also of one started through another API.
pub(super) fn status(state: &State) -> RunStatus {
    RunStatus {
        run_id: run_id(state),
        state: run_state(state.status),
        started_at: state.started_at_ms.map(time),
        ended_at: state.ended_at_ms.map(time),
        // A run can continue in another process, so it has no runtime instance.
        runtime_instance_id: None,
        extensions: extensions(echoed(state)),
    }
}

/// The result of a run; `None` until it has ended.
pub(super) fn result(state: &State) -> Option<RunResult> {
    let runyard_engine::RunStatus::Final(outcome) = state.status else { return None };
    Some(RunResult {
        run_id: run_id(state),
        ok: outcome == RunOutcome::Succeeded,
        output: made_something(outcome).then(|| output(state.outputs.as_ref())),
        error: error(outcome, state.error.as_ref()).and_then(|error| typed(&error)),
        artifacts: typed_list(artifacts(state)),
        usage: Some(usage(state)),
        extensions: extensions(echoed(state)),
    })
}

/// Whether a run with this outcome has outputs to show.
fn made_something(outcome: RunOutcome) -> bool {
    match outcome {
        RunOutcome::Succeeded | RunOutcome::Partial => true,
        RunOutcome::NothingAchieved | RunOutcome::Failed | RunOutcome::Canceled => false,
    }
}

/// The outputs of a run, and its answer as text if it has one.
pub(super) fn output(outputs: Option<&Object>) -> Object {
    let mut output = outputs.cloned().unwrap_or_default();
    if let Some(text) = final_text(&output) {
        output.entry("final_text").or_insert(Value::String(text));
    }
    output
}

/// The text that a planned run returns, or the only output value of an atomic run.
fn final_text(outputs: &Object) -> Option<String> {
    let only = || outputs.values().next().filter(|_| outputs.len() == 1);
    outputs.get("result").or_else(only).map(plan::as_text)
}

/// The error of a run that did not succeed. A client may end a composite without a reason.
pub(super) fn error(outcome: RunOutcome, error: Option<&Failure>) -> Option<Value> {
    let given = error.map(failure_value);
    match outcome {
        RunOutcome::Succeeded => None,
        RunOutcome::Partial | RunOutcome::NothingAchieved | RunOutcome::Failed | RunOutcome::Canceled => {
            given.or_else(|| {
                let state = run_ended(outcome).to_string();
                Some(json!({ "code": state, "message": format!("the run was ended as {state}, without a reason") }))
            })
        }
    }
}

/// The artifacts of external workers, in the order in which their node runs were created.
fn artifacts(state: &State) -> impl Iterator<Item = &Object> {
    let nodes = state.order.iter().filter_map(|id| state.node(*id));
    nodes.flat_map(|node| node.artifacts.iter().map(|artifact| &artifact.0))
}

fn usage(state: &State) -> Object {
    let mut usage = Object::new();
    usage.insert("steps".to_owned(), json!(state.steps));
    usage.insert("node_runs".to_owned(), json!(state.order.len()));
    if let (Some(started), Some(ended)) = (state.started_at_ms, state.ended_at_ms) {
        usage.insert("wall_time_ms".to_owned(), json!(ended - started));
    }
    usage
}

/// The fields of the request that are returned unchanged.
fn echoed(state: &State) -> Map<String, Value> {
    let notes = state.start.as_deref().map(|start| &start.notes);
    let mut all = given(notes);
    for name in [METADATA, SELECTOR] {
        if let Some(noted) = notes.and_then(|notes| notes.get(name)) {
            all.insert(format!("{OURS}{name}"), noted.clone());
        }
    }
    all
}
