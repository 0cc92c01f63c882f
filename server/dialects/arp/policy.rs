//! The retry, timeout, failure and approval settings of ARP callers. They are namespaced extensions, because the
//! standard has no fields.
//!
//! | extension            | value                                                                             |
//! |----------------------|-----------------------------------------------------------------------------------|
//! | `runyard.retry`      | an object: `max_attempts`, and what else [`Retry`] here has                        |
//! | `runyard.timeout_ms` | how long one try may take                                                          |
//! | `runyard.on_failure` | of a child: `"fail"`, `"continue"`, or `{"go_to": KEY}`                            |
//! | `runyard.steps`      | of a start: an object of `retry`, `timeout_ms`, `on_failure`, for every planned step       |
//! | `runyard.approval`   | of a start: `"none"`, `"on_start"` or `"on_tool_call"`                             |
//! | `runyard.output_schema` | of a start: JSON Schema (draft 7) that the run's result has to fit                |
//! | `runyard.depends_on` | of a child: idempotency keys of siblings that must have succeeded first            |
//!
//! What numbers are allowed is the engine's to say.

use runyard_api::arp::schemas as arp;
use runyard_engine::{ApprovalStrategy, OnFailure, Policy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::dialects::common::start::InvalidField;
use crate::nodes::graph::WrittenRetry as Retry;

const RETRY: &str = "runyard.retry";
const TIMEOUT_MS: &str = "runyard.timeout_ms";
const ON_FAILURE: &str = "runyard.on_failure";
const STEPS: &str = "runyard.steps";
const DEPENDS_ON: &str = "runyard.depends_on";
const APPROVAL: &str = "runyard.approval";
const OUTPUT_SCHEMA: &str = "runyard.output_schema";

/// `runyard.steps`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Steps {
    retry: Option<Retry>,
    timeout_ms: Option<u64>,
    on_failure: Option<AfterFailure>,
}

/// `runyard.on_failure`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AfterFailure {
    Fail,
    Continue,
    GoTo(String),
}

/// The retry, timeout and failure settings in the extensions.
pub(super) fn policy(extensions: Option<&arp::Extensions>) -> Result<Policy, InvalidField> {
    Ok(Policy {
        retry: read(extensions, RETRY, "/extensions/runyard.retry")?.map(Retry::into),
        timeout_ms: read(extensions, TIMEOUT_MS, "/extensions/runyard.timeout_ms")?,
        on_failure: on_failure(read(extensions, ON_FAILURE, "/extensions/runyard.on_failure")?),
    })
}

/// The settings of every planned step that has none of its own.
pub(super) fn steps(extensions: Option<&arp::Extensions>) -> Result<Policy, InvalidField> {
    let steps: Option<Steps> = read(extensions, STEPS, "/extensions/runyard.steps")?;
    Ok(steps.map_or_else(Policy::default, |steps| Policy {
        retry: steps.retry.map(Retry::into),
        timeout_ms: steps.timeout_ms,
        on_failure: on_failure(steps.on_failure),
    }))
}

fn on_failure(asked: Option<AfterFailure>) -> OnFailure {
    match asked {
        None | Some(AfterFailure::Fail) => OnFailure::Fail,
        Some(AfterFailure::Continue) => OnFailure::Continue,
        Some(AfterFailure::GoTo(key)) => OnFailure::GoTo(key),
    }
}

/// What needs an approval before it executes.
pub(super) fn approval(extensions: Option<&arp::Extensions>) -> Result<ApprovalStrategy, InvalidField> {
    Ok(read(extensions, APPROVAL, "/extensions/runyard.approval")?.unwrap_or_default())
}

/// The schema that the run's result must match.
pub(super) fn output_schema(extensions: Option<&arp::Extensions>) -> Result<Option<Value>, InvalidField> {
    read(extensions, OUTPUT_SCHEMA, "/extensions/runyard.output_schema")
}

/// Keys of the siblings that a child depends on.
pub(super) fn depends_on(extensions: Option<&arp::Extensions>) -> Result<Vec<String>, InvalidField> {
    Ok(read(extensions, DEPENDS_ON, "/extensions/runyard.depends_on")?.unwrap_or_default())
}

fn read<T: DeserializeOwned>(
    extensions: Option<&arp::Extensions>,
    name: &str,
    field: &'static str,
) -> Result<Option<T>, InvalidField> {
    let Some(value) = extensions.and_then(|extensions| extensions.0.get(name)) else { return Ok(None) };
    T::deserialize(value).map(Some).map_err(|error| InvalidField { field, reason: error.to_string() })
}
