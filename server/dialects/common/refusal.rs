//! Refusals before they become an API's error body: one table from errors to status, code, message and details.
//!
//! The `error.rs` of each dialect module converts them to its document's error body. [`crate::codes`] describes the
//! codes.

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use runyard_api::host::{Caller, Fault, Violation};
use runyard_engine::Rejected;
use serde_json::{Map, Value, json};

use crate::catalog;
use crate::codes::{AccessReason, Code, FailureCode};
use crate::runs::Error;

/// The `Retry-After` of `store_busy`, seconds.
const RETRY_AFTER_S: u64 = 1;

/// A refusal, before it becomes a document's own `Problem`.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// For programs.
    pub code: RefusalCode,
    /// For people.
    pub message: String,
    /// Always an object.
    pub details: Map<String, Value>,
    /// Whether the same request may work later.
    pub retryable: bool,
    /// For `Retry-After`, seconds.
    pub retry_after_s: Option<u64>,
    /// Headers of the answer.
    pub headers: HeaderMap,
}

/// The code of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalCode {
    /// A code of this server.
    Own(Code),
    /// The code of a remote coordinator, unchanged.
    PassedOn(String),
}

impl RefusalCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        match self {
            RefusalCode::Own(code) => code.as_str(),
            RefusalCode::PassedOn(code) => code,
        }
    }
}

impl std::fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Refusal {
    /// A refusal that is not retryable.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self::of(code.status(), RefusalCode::Own(code), message.into())
    }

    /// A refusal that a remote coordinator returned.
    pub fn passed_on(status: StatusCode, code: String, message: String) -> Self {
        Self::of(status, RefusalCode::PassedOn(code), message)
    }

    fn of(status: StatusCode, code: RefusalCode, message: String) -> Self {
        Refusal {
            status,
            code,
            message,
            details: Map::new(),
            retryable: false,
            retry_after_s: None,
            headers: HeaderMap::new(),
        }
    }

    /// Whether it has this code.
    pub fn is(&self, code: Code) -> bool {
        self.code == RefusalCode::Own(code)
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Marks the refusal as retryable.
    #[must_use]
    pub fn retryable(mut self, after_s: Option<u64>) -> Self {
        self.retryable = true;
        self.retry_after_s = after_s;
        self
    }
}

/// The extensions of every error body: the request id, under which the log has this request.
pub fn extensions(cx: &Caller) -> Map<String, Value> {
    let mut extensions = Map::new();
    extensions.insert("runyard.request_id".to_owned(), json!(&*cx.request_id));
    extensions
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        of_runs(error)
    }
}

/// A refusal for an error of the `runs` façade.
pub fn of_runs(error: Error) -> Refusal {
    let message = error.to_string();
    match error {
        Error::UnknownRun(run) => Refusal::new(Code::RunNotFound, message).with("run_id", run),
        Error::UnknownNodeRun(node_run) => Refusal::new(Code::NodeRunNotFound, message).with("node_run_id", node_run),
        Error::UnknownApproval(approval) => Refusal::new(Code::ApprovalNotFound, message).with("approval_id", approval),
        Error::InvalidToken => Refusal::new(Code::DecisionTokenInvalid, message),
        Error::UsedToken => Refusal::new(Code::DecisionTokenUsed, message),
        Error::UnknownNodeType(unknown) => {
            let refusal = Refusal::new(Code::UnknownNodeType, message);
            let refusal = refusal.with("nearest", json!(unknown.nearest));
            if unknown.versions.is_empty() { refusal } else { refusal.with("versions", json!(unknown.versions)) }
        }
        Error::InvalidInputs { node_type, violations } => Refusal::new(Code::InvalidInputs, message)
            .with("node_type_id", node_type)
            .with("violations", input_violations(&violations)),
        Error::InvalidOutputSchema { .. } => Refusal::new(Code::InvalidRequest, message),
        Error::TooExpensive(_) => Refusal::new(Code::ValidationTooExpensive, message),
        Error::Rejected(rejected) => of_engine(&rejected),
        Error::NameTaken { name } => Refusal::new(Code::RunAlreadyExists, message).with("run_id", name),
        Error::NotAsking { run } => Refusal::new(Code::NotAsking, message).with("run_id", run.to_string()),
        Error::SeveralQuestions { run, node_runs } => {
            let node_runs: Vec<String> = node_runs.iter().map(ToString::to_string).collect();
            Refusal::new(Code::SeveralQuestions, message)
                .with("run_id", run.to_string())
                .with("node_run_ids", json!(node_runs))
        }
        Error::ThreadBusy { thread, run } => {
            Refusal::new(Code::ThreadBusy, message).with("thread_id", thread).with("run_id", run.to_string())
        }
        Error::KeyReused { key } => Refusal::new(Code::IdempotencyConflict, message).with("idempotency_key", key),
        Error::RunTooLarge { bytes, limit, setting } => {
            Refusal::new(Code::RunTooLarge, message).with("bytes", bytes).with("limit", limit).with("setting", setting)
        }
        Error::ValuesTooLarge { bytes, limit } => {
            Refusal::new(Code::ValuesTooLarge, message).with("bytes", bytes).with("limit", limit)
        }
        Error::TooManyLiveRuns { limit } => Refusal::new(Code::TooManyLiveRuns, message).with("limit", limit),
        Error::TooManyStarts { limit } => {
            Refusal::new(Code::TooManyStarts, message).with("limit", limit).retryable(Some(RETRY_AFTER_S))
        }
        Error::TooManyDescendants { limit, .. } => Refusal::new(Code::TooManyDescendants, message).with("limit", limit),
        Error::Busy => Refusal::new(Code::StoreBusy, message).retryable(Some(RETRY_AFTER_S)),
        Error::Unsealed => {
            tracing::error!("{message}");
            let message = "what the run passes through could not be sealed; nothing was started";
            Refusal::new(Code::InternalError, message)
        }
        Error::Unreadable { run, reason } => {
            tracing::error!(%run, reason, "a run's log does not read as it must");
            Refusal::new(
                Code::InternalError,
                "what is stored of this run cannot be read; the server's log has the reason under the request id",
            )
        }
        Error::Store(cause) => {
            tracing::error!(error = %cause, cause = ?cause, "the store failed");
            Refusal::new(Code::StoreUnavailable,
                "the store did not answer and nothing was recorded; the server's log has the reason under the request id",
            )
            .retryable(Some(RETRY_AFTER_S))
        }
    }
}

fn of_engine(rejected: &Rejected) -> Refusal {
    let message = rejected.to_string();
    match rejected {
        Rejected::NotStarted => Refusal::new(Code::RunNotFound, message),
        Rejected::AlreadyStarted => Refusal::new(Code::RunAlreadyExists, message),
        Rejected::RunFinished { outcome } => {
            Refusal::new(Code::RunFinished, message).with("state", outcome.to_string())
        }
        Rejected::UnknownNodeRun { node_run } => {
            Refusal::new(Code::NodeRunNotFound, message).with("node_run_id", node_run.to_string())
        }
        Rejected::NotComposite { node_run } => {
            Refusal::new(Code::ParentNodeRunInvalid, message).with("node_run_id", node_run.to_string())
        }
        Rejected::ServerOwned { node_run } => {
            Refusal::new(Code::NodeRunServerOwned, message).with("node_run_id", node_run.to_string())
        }
        Rejected::NodeRunFinished { node_run, state } => Refusal::new(Code::NodeRunFinished, message)
            .with("node_run_id", node_run.to_string())
            .with("state", state.to_string()),
        Rejected::ChildrenAlive { node_run, live } => {
            Refusal::new(Code::ChildrenAlive, message).with("node_run_id", node_run.to_string()).with("live", *live)
        }
        Rejected::ConstraintViolated { constraint, limit, found } => Refusal::new(Code::ConstraintViolation, message)
            .with("constraint", *constraint)
            .with("limit", limit.clone())
            .with("found", found.clone()),
        Rejected::UnknownApproval { approval } => {
            Refusal::new(Code::ApprovalNotFound, message).with("approval_id", approval.to_string())
        }
        Rejected::ApprovalDecided { approval, verdict } => Refusal::new(Code::ApprovalDecided, message)
            .with("approval_id", approval.to_string())
            .with("verdict", verdict.to_string()),
        Rejected::ApprovalLapsed { approval } => {
            Refusal::new(Code::ApprovalLapsed, message).with("approval_id", approval.to_string())
        }
        Rejected::InputsFixed { approval } => {
            Refusal::new(Code::InvalidRequest, message).with("approval_id", approval.to_string())
        }
        Rejected::NotBegun { node_run } => {
            Refusal::new(Code::NodeRunNotBegun, message).with("node_run_id", node_run.to_string())
        }
        Rejected::ResultUnfit { code, .. } if code.is(FailureCode::ValidationTooExpensive) => {
            Refusal::new(Code::ValidationTooExpensive, message)
        }
        Rejected::ResultUnfit { .. } => Refusal::new(Code::InvalidRequest, message),
        Rejected::Unfitted(_) => {
            tracing::error!("a command was decided without finding out what fits its run's schema");
            Refusal::new(Code::InternalError, message)
        }
        Rejected::NotAsking { node_run } => {
            Refusal::new(Code::NotAsking, message).with("node_run_id", node_run.to_string())
        }
        Rejected::NotACompletion { state } => {
            Refusal::new(Code::InvalidRequest, message).with("state", state.to_string())
        }
        // The code that submits commands supplies the values, so this is never answered.
        Rejected::NeedsValues { .. } => Refusal::new(Code::InternalError, message),
        Rejected::Corrupt(corrupt) => {
            tracing::error!(%corrupt, "a run's log does not read as it must");
            Refusal::new(Code::InternalError, message)
        }
        Rejected::KeyConflict { key, field } => {
            Refusal::new(Code::IdempotencyConflict, message).with("idempotency_key", key.clone()).with("field", *field)
        }
        Rejected::InvalidPolicy { child, invalid } => {
            let refusal = Refusal::new(Code::InvalidPolicy, message).with("field", invalid.field);
            match child {
                Some(child) => refusal.with("key", child.clone()),
                None => refusal,
            }
        }
        Rejected::ValueTooDeep { limit } => Refusal::new(Code::ValueTooDeep, message).with("limit", *limit),
        Rejected::InvalidGraph { reason } => Refusal::new(Code::InvalidInputs, message).with("reason", reason.clone()),
        Rejected::UnknownDependency { key, dependency } => Refusal::new(Code::UnknownDependency, message)
            .with("key", key.clone())
            .with("depends_on", dependency.clone()),
    }
}

/// A refusal for a fault of the API layer. Status, code and headers are the host's; the details name each field.
pub fn of_api(fault: &Fault) -> Refusal {
    let mut refusal = Refusal::new(code(fault), fault.to_string());
    debug_assert_eq!(refusal.status, fault.status(), "one status for a fault");
    refusal.retryable = fault.retryable();
    refusal.headers = fault.headers();
    match fault {
        Fault::Unauthenticated { why, .. } => refusal.with("reason", *why),
        Fault::Forbidden { scope: Some(scope), .. } => {
            refusal.with("reason", AccessReason::ScopeMissing.as_str()).with("scope", scope.clone())
        }
        Fault::UnknownPath { path } => refusal.with("path", path.clone()),
        Fault::MethodNotAllowed { method, allow } => refusal.with("method", method.clone()).with("allow", json!(allow)),
        Fault::UnsupportedMediaType { expected, .. } => refusal.with("expected", *expected),
        Fault::BodyTooLarge { limit_bytes } => refusal.with("limit_bytes", *limit_bytes),
        Fault::BodyTooDeep { limit } => refusal.with("limit", *limit),
        Fault::NotJson { reason } => {
            refusal.with("errors", json!([{ "place": "body", "field": "", "reason": reason }]))
        }
        Fault::Invalid { violations, more } => {
            refusal.with("errors", request_violations(violations)).with("more", *more)
        }
        _ => refusal,
    }
}

/// The reference implementation's code if it has one, else the host's.
fn code(fault: &Fault) -> Code {
    match fault {
        Fault::UnknownPath { .. } => Code::UnknownPath,
        Fault::MethodNotAllowed { .. } => Code::MethodNotAllowed,
        Fault::UnsupportedMediaType { .. } => Code::UnsupportedMediaType,
        Fault::BodyTooLarge { .. } => Code::BodyTooLarge,
        Fault::BodySlow { .. } => Code::BodySlow,
        Fault::BodyTooDeep { .. } => Code::ValueTooDeep,
        Fault::NotJson { .. } | Fault::BodyMissing | Fault::BodyBroken | Fault::Invalid { .. } => Code::InvalidRequest,
        Fault::Unauthenticated { .. } => Code::Unauthorized,
        Fault::Forbidden { .. } => Code::Forbidden,
        Fault::Misdirected { .. } => Code::MisdirectedHost,
        Fault::ForeignOrigin { .. } => Code::ForeignOrigin,
        Fault::Unavailable { .. } => Code::Unavailable,
        Fault::Stopping => Code::Stopping,
        Fault::Internal { .. } => Code::InternalError,
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

/// The headers of a refusal. Its code goes into the log, because the request's log line has only the status.
pub fn headers(refusal: &Refusal) -> HeaderMap {
    tracing::debug!(code = %refusal.code, status = refusal.status.as_u16(), "refused");
    let mut headers = refusal.headers.clone();
    if let Some(seconds) = refusal.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers
}
