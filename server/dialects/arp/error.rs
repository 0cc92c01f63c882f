//! Every refusal as ARP's error envelope: one table from what went wrong to status, code and message.
//!
//! The README's error table is this file in prose; keep them together.

use http::StatusCode;
use runyard_api::arp::schemas::{Error as ErrorDetail, ErrorEnvelope};
use runyard_api::host::{Caller, Fault, Violation};
use runyard_engine::Rejected;
use serde_json::{Map, Value, json};

use crate::catalog;
use crate::runs::Error;

/// How soon a caller may try again after `store_busy`, seconds.
const RETRY_AFTER_S: u64 = 1;

/// A refusal, before it is put into a document's own `Problem`.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Always an object.
    pub details: Map<String, Value>,
    /// Whether the same request may work later.
    pub retryable: bool,
    /// For `Retry-After`, seconds.
    pub retry_after_s: Option<u64>,
}

impl Refusal {
    /// A refusal that will not go away by itself.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Refusal { status, code, message: message.into(), details: Map::new(), retryable: false, retry_after_s: None }
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// That may go away by itself.
    #[must_use]
    pub fn retryable(mut self, after_s: Option<u64>) -> Self {
        self.retryable = true;
        self.retry_after_s = after_s;
        self
    }

    /// The envelope, with the id under which the log has this request.
    pub fn envelope(&self, caller: &Caller) -> ErrorEnvelope {
        let mut extensions = Map::new();
        extensions.insert("runyard.request_id".to_owned(), json!(&*caller.request_id));
        ErrorEnvelope {
            error: ErrorDetail {
                code: self.code.to_owned(),
                message: self.message.clone(),
                details: Some(self.details.clone()).filter(|details| !details.is_empty()),
                retryable: Some(self.retryable),
                cause: None,
                extensions: None,
            },
            extensions: Some(extensions.into()),
        }
    }
}

/// What the façade refused.
pub fn of_runs(error: Error) -> Refusal {
    use StatusCode as S;
    let message = error.to_string();
    match error {
        Error::UnknownRun(run) => Refusal::new(S::NOT_FOUND, "run_not_found", message).with("run_id", run),
        Error::UnknownNodeRun(node_run) => {
            Refusal::new(S::NOT_FOUND, "node_run_not_found", message).with("node_run_id", node_run)
        }
        Error::UnknownNodeType(unknown) => {
            Refusal::new(S::BAD_REQUEST, "unknown_node_type", message).with("nearest", json!(unknown.nearest))
        }
        Error::InvalidInputs { node_type, violations } => Refusal::new(S::BAD_REQUEST, "invalid_inputs", message)
            .with("node_type_id", node_type)
            .with("violations", input_violations(&violations)),
        Error::Rejected(rejected) => of_engine(&rejected),
        Error::NameTaken { name } => Refusal::new(S::CONFLICT, "run_already_exists", message).with("run_id", name),
        Error::KeyReused { key } => Refusal::new(S::CONFLICT, "idempotency_conflict", message).with("idempotency_key", key),
        Error::Busy => Refusal::new(S::SERVICE_UNAVAILABLE, "store_busy", message).retryable(Some(RETRY_AFTER_S)),
        Error::Store(cause) => {
            tracing::error!(error = %cause, cause = ?cause, "the store failed");
            Refusal::new(
                S::SERVICE_UNAVAILABLE,
                "store_unavailable",
                "the store did not answer and nothing was recorded; the server's log has the reason under the request id",
            )
            .retryable(Some(RETRY_AFTER_S))
        }
    }
}

fn of_engine(rejected: &Rejected) -> Refusal {
    use StatusCode as S;
    let message = rejected.to_string();
    match rejected {
        Rejected::NotStarted => Refusal::new(S::NOT_FOUND, "run_not_found", message),
        Rejected::AlreadyStarted => Refusal::new(S::CONFLICT, "run_already_exists", message),
        Rejected::RunFinished { outcome } => {
            Refusal::new(S::CONFLICT, "run_finished", message).with("state", outcome.to_string())
        }
        Rejected::UnknownNodeRun { node_run } => {
            Refusal::new(S::NOT_FOUND, "node_run_not_found", message).with("node_run_id", node_run.to_string())
        }
        Rejected::NotComposite { node_run } => {
            Refusal::new(S::CONFLICT, "parent_node_run_invalid", message).with("node_run_id", node_run.to_string())
        }
        Rejected::ServerOwned { node_run } => {
            Refusal::new(S::CONFLICT, "node_run_server_owned", message).with("node_run_id", node_run.to_string())
        }
        Rejected::NodeRunFinished { node_run, state } => Refusal::new(S::CONFLICT, "node_run_finished", message)
            .with("node_run_id", node_run.to_string())
            .with("state", super::project::final_state(*state)),
        Rejected::ChildrenAlive { node_run, live } => Refusal::new(S::CONFLICT, "children_alive", message)
            .with("node_run_id", node_run.to_string())
            .with("live", *live),
        Rejected::ConstraintViolated { constraint, limit, found } => {
            Refusal::new(S::CONFLICT, "constraint_violation", message)
                .with("constraint", *constraint)
                .with("limit", limit.clone())
                .with("found", found.clone())
        }
        Rejected::KeyConflict { key, field } => Refusal::new(S::CONFLICT, "idempotency_conflict", message)
            .with("idempotency_key", key.clone())
            .with("field", *field),
        Rejected::UnknownDependency { key, dependency } => Refusal::new(S::BAD_REQUEST, "unknown_dependency", message)
            .with("key", key.clone())
            .with("depends_on", dependency.clone()),
    }
}

/// What the door refused.
pub fn of_door(fault: &Fault) -> Refusal {
    use StatusCode as S;
    let message = fault.to_string();
    match fault {
        Fault::UnknownPath { path } => Refusal::new(S::NOT_FOUND, "not_found", message).with("path", path.clone()),
        Fault::MethodNotAllowed { method, allow } => Refusal::new(S::METHOD_NOT_ALLOWED, "method_not_allowed", message)
            .with("method", method.clone())
            .with("allow", json!(allow)),
        Fault::UnsupportedMediaType { expected, .. } => {
            Refusal::new(S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message).with("expected", *expected)
        }
        Fault::BodyTooLarge { limit_bytes } => {
            Refusal::new(S::PAYLOAD_TOO_LARGE, "body_too_large", message).with("limit_bytes", *limit_bytes)
        }
        Fault::BodyMissing | Fault::BodyBroken => Refusal::new(S::BAD_REQUEST, "invalid_request", message),
        Fault::BodySlow { .. } => Refusal::new(S::REQUEST_TIMEOUT, "request_timeout", message).retryable(None),
        Fault::NotJson { reason } => Refusal::new(S::BAD_REQUEST, "invalid_request", message)
            .with("errors", json!([{ "place": "body", "field": "", "reason": reason }])),
        Fault::Invalid { violations, more } => Refusal::new(S::BAD_REQUEST, "invalid_request", message)
            .with("errors", request_violations(violations))
            .with("more", *more),
        Fault::Unauthenticated { .. } => Refusal::new(S::UNAUTHORIZED, "unauthorized", message),
        Fault::Forbidden { .. } => Refusal::new(S::FORBIDDEN, "forbidden", message),
        Fault::Unavailable { retry_after, .. } => Refusal::new(S::SERVICE_UNAVAILABLE, "unavailable", message)
            .retryable(retry_after.map(|wait| wait.as_secs())),
        Fault::Stopping => Refusal::new(S::SERVICE_UNAVAILABLE, "stopping", message).retryable(Some(RETRY_AFTER_S)),
        Fault::Internal { reason } => {
            tracing::error!(%reason, "a request failed by a fault of the server");
            Refusal::new(S::INTERNAL_SERVER_ERROR, "internal_error", message)
        }
    }
}

fn request_violations(violations: &[Violation]) -> Value {
    violations
        .iter()
        .map(|violation| json!({ "place": violation.place.as_str(), "field": violation.field, "reason": violation.reason }))
        .collect()
}

fn input_violations(violations: &[catalog::Violation]) -> Value {
    violations.iter().map(|violation| json!({ "field": violation.field, "reason": violation.reason })).collect()
}
