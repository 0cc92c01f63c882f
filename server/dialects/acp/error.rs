//! Every refusal in the platform's error body: the reason phrase of the status, a message, a code in capitals, and a
//! list of details.

use runyard_api::acp::Problem;
use runyard_api::acp::types::{ApiError, ErrorDetail};
use runyard_api::host::Caller;
use runyard_engine::plan::as_text;
use serde_json::Value;

use crate::codes::Code;
use crate::dialects::common::refusal::{Refusal, RefusalCode, headers, of_runs};
use crate::objects;

/// The vendor's code for a request that does not match the document.
const VALIDATION_FAILED: &str = "VALIDATION_FAILED";

/// A refusal as this API's error body.
pub(super) fn problem(_cx: &Caller, refusal: &Refusal) -> Problem {
    Problem { status: refusal.status, headers: headers(refusal), body: Box::new(body(refusal)) }
}

fn body(refusal: &Refusal) -> ApiError {
    let code = match &refusal.code {
        RefusalCode::Own(Code::InvalidRequest) => VALIDATION_FAILED.to_owned(),
        code => code.as_str().to_ascii_uppercase(),
    };
    let details = details(refusal);
    ApiError {
        error: refusal.status.canonical_reason().unwrap_or("Error").to_owned(),
        message: message(refusal),
        code: Some(code),
        details: (!details.is_empty()).then_some(details),
    }
}

/// The message. For a missing resource it has the vendor's wording.
fn message(refusal: &Refusal) -> String {
    let named = |kind: &str, key: &str| refusal.details.get(key).map(|id| format!("{kind} {} not found", as_text(id)));
    let found = match refusal.code {
        RefusalCode::Own(Code::RunNotFound) => named("Run", "run_id"),
        RefusalCode::Own(Code::ServerNotFound) => named("Server", "server_id"),
        RefusalCode::Own(Code::ThreadNotFound) => named("Thread", "thread_id"),
        RefusalCode::Own(Code::EnvironmentNotFound) => named("Environment", "environment_id"),
        _ => None,
    };
    found.unwrap_or_else(|| refusal.message.clone())
}

fn details(refusal: &Refusal) -> Vec<ErrorDetail> {
    if let Some(Value::Array(errors)) = refusal.details.get("errors") {
        let text = |error: &Value, key: &str| error[key].as_str().unwrap_or_default().to_owned();
        let field = |error: &Value| match text(error, "field") {
            field if field.is_empty() => text(error, "place"),
            field => field.trim_start_matches('/').to_owned(),
        };
        return errors
            .iter()
            .map(|error| ErrorDetail { field: field(error), message: text(error, "reason") })
            .collect();
    }
    let detail = |(key, value): (&String, &Value)| ErrorDetail { field: key.clone(), message: as_text(value) };
    refusal.details.iter().map(detail).collect()
}

/// One field of the body that cannot be accepted.
pub(super) fn invalid(field: &str, reason: impl Into<String>) -> Refusal {
    invalid_at("body", field, reason.into())
}

/// One query parameter that cannot be accepted.
pub(super) fn invalid_query(field: &str, reason: impl Into<String>) -> Refusal {
    invalid_at("query", field, reason.into())
}

fn invalid_at(place: &str, field: &str, reason: String) -> Refusal {
    Refusal::new(Code::InvalidRequest, format!("{place} {field}: {reason}"))
        .with("errors", serde_json::json!([{ "place": place, "field": field, "reason": reason }]))
}

/// An operation of the vendor's document that this server does not support.
pub(super) fn not_served(operation: &str) -> Refusal {
    Refusal::new(Code::NotServed, format!("this server does not serve `{operation}`")).with("operation", operation)
}

/// The environment does not exist.
pub(super) fn no_environment(id: &str) -> Refusal {
    Refusal::new(Code::EnvironmentNotFound, format!("Environment {id} not found")).with("environment_id", id)
}

/// The server does not exist.
pub(super) fn no_server(id: &str) -> Refusal {
    Refusal::new(Code::ServerNotFound, format!("Server {id} not found")).with("server_id", id)
}

/// The thread does not exist.
pub(super) fn no_thread(id: &str) -> Refusal {
    Refusal::new(Code::ThreadNotFound, format!("Thread {id} not found")).with("thread_id", id)
}

/// A refusal for an error of the object store.
pub(super) fn of_objects(error: objects::Error) -> Refusal {
    match error {
        objects::Error::Store(error) => of_runs(error.into()),
        objects::Error::Unreadable { .. } => {
            tracing::error!(%error, "what is stored does not read as it must");
            let message = "what is stored cannot be read; the server's log has the reason under the request id";
            Refusal::new(Code::InternalError, message)
        }
        objects::Error::Stale { .. } | objects::Error::NameTaken { .. } => {
            Refusal::new(Code::ChangedMeanwhile, error.to_string()).retryable(None)
        }
    }
}
