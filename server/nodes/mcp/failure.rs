//! Failures of MCP servers: a code for programs and a message for people, without the server's secrets.
//!
//! | code | tried again | when |
//! |------|-------------|------|
//! | `connect_failed` | yes | the program cannot be started, or the handshake fails |
//! | `timed_out` | yes | no answer within the time |
//! | `response_too_large` | no | more bytes than allowed |
//! | `response_invalid` | yes | the connection broke off, or the answer is no answer |
//! | `http_status` | 408, 425, 429, 5xx | the service answered with an error status |
//! | `tool_failed` | by the policy | the tool or the server says that the call failed |
//! | `input_required` | no | the tool asks a person |
//!
//! Those of connections over HTTP are in `nodes/perform/http/failure.rs`.

use std::error::Error;
use std::time::Duration;

use http::StatusCode;
use rmcp::model::{ErrorCode, ErrorData};
use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::{AuthRequiredError, InsufficientScopeError, StreamableHttpError};
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, Object};
use serde_json::{Value, json};

use super::target::{Place, Target};
use crate::nodes::perform::http::failure as http_failure;

/// How much of a message of a server is stored, characters.
const TEXT_CHARS_MAX: usize = 2_000;
/// The largest details of a server that are stored, bytes.
const DETAILS_BYTES_MAX: usize = 16 * 1024;

/// The program cannot be started.
pub(super) fn not_started(target: &Target, command: &str, error: &std::io::Error) -> Failure {
    failed(target, FailureCode::ConnectFailed, &format!("cannot be started, with `{command}`: {error}"), Some(true))
}

/// The server does not do something in time.
pub(super) fn slow(target: &Target, what: &str, time: Duration) -> Failure {
    failed(target, FailureCode::TimedOut, &format!("did not {what} within {} s", time.as_secs()), Some(true))
}

/// A call has no answer in time.
pub(super) fn timed_out(target: &Target) -> Failure {
    http_failure::timed_out(&target.shown(), target.timeout_ms)
}

/// The connection has ended.
pub(super) fn ended(target: &Target, too_large: bool) -> Failure {
    if too_large {
        return failed(
            target,
            FailureCode::ResponseTooLarge,
            "wrote a message that is larger than allowed",
            Some(false),
        );
    }
    failed(target, FailureCode::ResponseInvalid, "ended, or closed the connection", Some(true))
}

/// The tool, or the server, says that a call failed.
pub(super) fn tool_failed(target: &Target, tool: &str, said: &str, details: Option<Value>) -> Failure {
    let said = bounded(said);
    let reason = if said.is_empty() { "without a reason".to_owned() } else { said };
    let message = format!("the tool {tool} of {} failed: {reason}", target.shown());
    masked(target, with_details(Failure::new(FailureCode::ToolFailed, message), details))
}

/// The tool asks for an answer of a person.
pub(super) fn input_required(target: &Target, tool: &str, said: &str, details: Option<Value>) -> Failure {
    let asks = if said.is_empty() { String::new() } else { format!(" ({})", bounded(said)) };
    let message = format!(
        "the tool {tool} of {} asks a person{asks}, and calls of tools cannot be answered; give it what it needs as an \
         input, and ask for that in a step before",
        target.shown()
    );
    let failure = Failure { retryable: Some(false), ..Failure::new(FailureCode::InputRequired, message) };
    masked(target, with_details(failure, details))
}

/// The failure of a handshake.
pub(super) fn handshake(target: &Target, error: ClientInitializeError) -> Failure {
    let reason = match error {
        ClientInitializeError::TransportError { error, .. } => return transport(target, &error),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => return handshake(target, *fallback),
        ClientInitializeError::ConnectionClosed(_) => "ended, or closed the connection, before it was ready".to_owned(),
        ClientInitializeError::JsonRpcError(error) => format!("refused the handshake: {}", error.message),
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
            format!("speaks other versions of the protocol: {server_supported:?}")
        }
        other => format!("did not answer the handshake as the protocol says: {other}"),
    };
    failed(target, FailureCode::ConnectFailed, &bounded(&reason), Some(true))
}

/// The failure of a request other than a call of a tool.
pub(super) fn of(target: &Target, error: ServiceError) -> Failure {
    match error {
        ServiceError::TransportSend(error) => transport(target, &error),
        ServiceError::TransportClosed => ended(target, false),
        ServiceError::McpError(ErrorData { message, .. }) => {
            let reason = format!("answered with an error: {}", bounded(&message));
            failed(target, FailureCode::ResponseInvalid, &reason, Some(true))
        }
        other => failed(target, FailureCode::ResponseInvalid, &format!("did not answer: {other}"), Some(true)),
    }
}

/// The failure of a call of a tool.
pub(super) fn of_call(target: &Target, tool: &str, error: ServiceError, too_large: bool) -> Failure {
    match error {
        ServiceError::McpError(ErrorData { code, message, .. })
            if code == ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY =>
        {
            input_required(target, tool, &message, None)
        }
        ServiceError::McpError(ErrorData { code, message, data, .. }) => {
            tool_failed(target, tool, &message, Some(json!({ "code": code.0, "data": data })))
        }
        ServiceError::TransportClosed => ended(target, too_large),
        other => of(target, other),
    }
}

/// The failure of a transport. Messages have no URL, which may have a secret in its query.
fn transport(target: &Target, error: &DynamicTransportError) -> Failure {
    let host = match &target.place {
        Place::Service { url, .. } => url.host_str().unwrap_or_default().to_owned(),
        Place::Program { .. } => target.shown(),
    };
    let source: &(dyn Error + 'static) = error.error.as_ref();
    let chain = std::iter::successors(Some(source), |one| {
        let one: &(dyn Error + 'static) = *one;
        one.source()
    });
    for cause in chain {
        if let Some(found) = cause.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
            let status = |status: u16| StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            match found {
                StreamableHttpError::Client(error) => {
                    return masked(
                        target,
                        match error.status() {
                            Some(status) => http_failure::status(&host, status, None, ""),
                            None => http_failure::of(&host, error),
                        },
                    );
                }
                StreamableHttpError::HttpStatus(found) => {
                    let seconds = found.retry_after.as_deref().and_then(|text| text.trim().parse::<u64>().ok());
                    let wait_ms = seconds.map(|seconds| seconds.saturating_mul(1_000));
                    return http_failure::status(&host, status(found.status), wait_ms, "");
                }
                StreamableHttpError::ResponseBodyTooLarge { max_size } => {
                    return http_failure::too_large(&host, *max_size);
                }
                StreamableHttpError::UnexpectedServerResponse(said) => {
                    let reason = format!("did not answer as the protocol says: {}", bounded(said));
                    return masked(target, http_failure::invalid(&host, &reason));
                }
                _ => {}
            }
        }
        if cause.is::<AuthRequiredError>() {
            return http_failure::status(&host, StatusCode::UNAUTHORIZED, None, "");
        }
        if cause.is::<InsufficientScopeError>() {
            return http_failure::status(&host, StatusCode::FORBIDDEN, None, "");
        }
    }
    failed(
        target,
        FailureCode::ResponseInvalid,
        &format!("broke off: {}", bounded(&error.error.to_string())),
        Some(true),
    )
}

fn failed(target: &Target, code: FailureCode, reason: &str, retryable: Option<bool>) -> Failure {
    let message = format!("{} {reason}", target.shown());
    masked(target, Failure { code: code.into(), message, details: None, retryable })
}

fn with_details(mut failure: Failure, details: Option<Value>) -> Failure {
    let fits = |details: &Value| details.to_string().len() <= DETAILS_BYTES_MAX;
    if let Some(Value::Object(details)) = details.filter(fits) {
        failure.details = Some(details);
    }
    failure
}

fn masked(target: &Target, mut failure: Failure) -> Failure {
    target.masks.text(&mut failure.message);
    if let Some(details) = failure.details.as_mut() {
        let details: &mut Object = details;
        target.masks.object(details);
    }
    failure
}

/// The start of a text.
fn bounded(text: &str) -> String {
    text.trim().chars().take(TEXT_CHARS_MAX).collect()
}
