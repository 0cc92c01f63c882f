//! Converts a request that starts a run to an engine command.

use std::collections::BTreeMap;
use std::ops::Deref;

use runyard_api::runyard::types;
use runyard_engine::policy;
use runyard_engine::{ApprovalStrategy, Constraints, Labels, NodeTypeRef, Object, OnFailure, Policy};
use serde_json::{Value, json};

use super::API;
use crate::dialects::common::start::InvalidField;
use crate::runs::{NewRun, RunName, labels};

/// The node type that executes a goal if the request names none.
const PLANNER: &str = "runyard.composite.planner.general";
const NEWEST: &str = "latest";

/// The default wait before the second attempt, milliseconds.
const INITIAL_MS: u64 = 1000;
/// The default factor between consecutive waits.
const BACKOFF: f64 = 2.0;

/// A run to start, or the field of the request that is not supported.
pub(super) fn new_run(body: &types::RunRequest) -> Result<NewRun, InvalidField> {
    // Destructured completely, so that a field that the document adds does not compile until it takes effect here.
    let types::RunRequest {
        goal,
        node_type_ref,
        inputs,
        name,
        title,
        labels,
        constraints: limits,
        retry: tries,
        timeout_ms,
        steps: for_all,
        approval: strategy,
        output_schema,
    } = body;
    let goal = goal.as_ref().map(|goal| goal.to_string());
    Ok(NewRun {
        name: name.as_ref().map(|name| RunName::new(name.to_string())),
        title: title.as_ref().map(|title| title.to_string()),
        api: API,
        operation: "start_run_natively",
        node_type: node_type(node_type_ref.as_ref(), goal.is_some())?,
        inputs: with_goal(inputs.clone().unwrap_or_default(), goal)?,
        constraints: constraints(limits.as_ref())?,
        policy: Policy {
            retry: tries.as_ref().map(retry),
            timeout_ms: timeout_ms.map(u64::from),
            on_failure: OnFailure::Fail,
        },
        steps: for_all.as_ref().map(steps).unwrap_or_default(),
        approval: strategy.as_ref().map_or(ApprovalStrategy::None, approval),
        notes: Object::new(),
        labels: self::labels(labels.as_ref())?,
        output_schema: output_schema.clone().map(Value::Object),
        pass_through: Vec::new(),
        graph: None,
        thread: None,
        request: serde_json::to_value(body).unwrap_or_default(),
        key: None,
    })
}

/// The labels of the request. One that is not valid is refused, because lists could never find it.
fn labels<Value: Deref<Target = String>>(given: Option<&BTreeMap<String, Value>>) -> Result<Labels, InvalidField> {
    let mut labels = Labels::new();
    for (name, value) in given.into_iter().flatten() {
        let value = String::clone(value);
        if !labels::fits(name, &value) {
            let reason = format!(
                "`{name}` cannot be a label: names and values have 1 to {} bytes; a name has no colon and does not begin with `{}`",
                labels::BYTES_MAX,
                labels::OWN
            );
            return Err(InvalidField { field: "/labels", reason });
        }
        labels.insert(name.clone(), [value].into());
    }
    Ok(labels)
}

fn node_type(asked: Option<&types::NodeTypeAsked>, has_goal: bool) -> Result<NodeTypeRef, InvalidField> {
    match asked {
        Some(asked) => Ok(NodeTypeRef {
            id: asked.node_type_id.to_string(),
            version: asked.version.as_ref().map_or_else(|| NEWEST.to_owned(), |version| version.to_string()),
        }),
        None if has_goal => Ok(NodeTypeRef { id: PLANNER.to_owned(), version: NEWEST.to_owned() }),
        None => {
            let reason = "is not there, and neither is node_type_ref: name one of them";
            Err(InvalidField { field: "/goal", reason: reason.to_owned() })
        }
    }
}

fn with_goal(mut inputs: Object, goal: Option<String>) -> Result<Object, InvalidField> {
    if let Some(goal) = goal
        && inputs.insert("goal".to_owned(), Value::String(goal)).is_some()
    {
        let reason = "there is another goal beside the inputs: leave one of them out";
        return Err(InvalidField { field: "/inputs/goal", reason: reason.to_owned() });
    }
    Ok(inputs)
}

/// Limits as the engine's type: the same fields.
fn constraints(given: Option<&types::ConstraintsGiven>) -> Result<Constraints, InvalidField> {
    let invalid_field = |error: serde_json::Error| InvalidField { field: "/constraints", reason: error.to_string() };
    serde_json::from_value(given.map_or_else(|| json!({}), |given| json!(given))).map_err(invalid_field)
}

fn retry(given: &types::RetryGiven) -> policy::Retry {
    // The document's limits ensure that the number fits.
    let number = |given: i64| given.unsigned_abs();
    policy::Retry {
        attempts_max: given.max_attempts.get(),
        initial_ms: given.initial_interval_ms.map_or(INITIAL_MS, number),
        backoff: given.backoff_coefficient.unwrap_or(BACKOFF),
        delay_ms_max: given.max_interval_ms.map(number),
        jitter: given.jitter.unwrap_or_default(),
        codes: given.retryable_codes.as_ref().map(|codes| codes.iter().cloned().collect()),
    }
}

fn steps(given: &types::StepPolicy) -> Policy {
    Policy {
        retry: given.retry.as_ref().map(retry),
        timeout_ms: given.timeout_ms.map(u64::from),
        on_failure: match given.on_failure {
            Some(types::StepOnFailure::Continue) => OnFailure::Continue,
            Some(types::StepOnFailure::Fail) | None => OnFailure::Fail,
        },
    }
}

fn approval(given: &types::ApprovalStrategy) -> ApprovalStrategy {
    match given {
        types::ApprovalStrategy::None => ApprovalStrategy::None,
        types::ApprovalStrategy::OnStart => ApprovalStrategy::OnStart,
        types::ApprovalStrategy::OnToolCall => ApprovalStrategy::OnToolCall,
    }
}
