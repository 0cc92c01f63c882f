//! What node types share: inputs read, outputs written, and words for the planner.

use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, Object, Route, Routed};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::NodeContext;

/// Nothing is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoInputs {}

/// Any object: only the external worker knows what it means.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct AnyObject(pub(super) Object);

/// The inputs, as their type.
///
/// # Errors
/// `invalid_inputs`.
pub(super) fn read<Inputs: DeserializeOwned>(cx: &NodeContext<'_>) -> Result<Inputs, Failure> {
    serde_json::from_value(Value::Object(cx.inputs.clone()))
        .map_err(|error| failed(FailureCode::InvalidInputs, error.to_string()))
}

/// Outputs, as JSON.
///
/// # Errors
/// `invalid_outputs`.
pub(super) fn write(outputs: &impl Serialize) -> Result<Object, Failure> {
    match serde_json::to_value(outputs) {
        Ok(Value::Object(outputs)) => Ok(outputs),
        _ => Err(failed(FailureCode::InvalidOutputs, "the outputs are not a JSON object".to_owned())),
    }
}

/// What was made, without a choice of edges.
pub(super) fn made(outputs: &impl Serialize) -> Result<Routed, Failure> {
    routed(outputs, None)
}

/// What was made, and which edge follows.
pub(super) fn routed(outputs: &impl Serialize, route: Option<Route>) -> Result<Routed, Failure> {
    Ok(Routed { outputs: write(outputs)?, route, ..Routed::default() })
}

/// A failure that is not worth another try.
pub(super) fn failed(code: FailureCode, message: String) -> Failure {
    Failure { code: code.into(), message, details: None, retryable: Some(false) }
}

/// As JavaScript counts it.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64().is_none_or(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Words, one after the other.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
