//! One error for every generated client, by what the caller does next.

use std::error::Error as StdError;
use std::fmt;

use progenitor_client::Error as Generated;
use serde::Serialize;
use serde_json::{Map, Value};

/// How much of an answer that is none of the contract's is read, bytes.
const UNEXPECTED_BYTES_MAX: usize = 64 * 1024;

/// Why a call did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server answered with an error. Decide on its code.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Nobody answered, or the connection broke. Trying again may help.
    #[error("cannot reach the server: {reason}")]
    Unreachable {
        /// What the connection says, down to its cause.
        reason: String,
    },
    /// The answer is not one of the contract's: probably another kind of server.
    #[error("the server answered what its contract does not have: {reason}")]
    Unexpected {
        /// The HTTP status, when there was one.
        status: Option<u16>,
        /// What was found.
        reason: String,
    },
    /// The request does not fit the contract and was not sent.
    #[error("the request was not sent: {reason}")]
    Unsent {
        /// What is wrong with it.
        reason: String,
    },
}

/// An error as the server tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Stable, snake case.
    pub code: String,
    /// For people.
    pub message: String,
    /// Facts, depending on the code.
    pub details: Map<String, Value>,
    /// Whether the server says that the same request may work later.
    pub retryable: bool,
    /// How the server's log knows the request.
    pub request_id: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.message, self.code, self.status)
    }
}

impl CallError {
    /// From what a generated client returns. Reads the body of an answer that the contract does not have, bounded.
    pub async fn of<E: Serialize + fmt::Debug>(error: Generated<E>) -> Self {
        match error {
            Generated::ErrorResponse(answer) => {
                let status = answer.status().as_u16();
                let body = serde_json::to_value(answer.into_inner()).unwrap_or_default();
                refused_or_unexpected(status, &body)
            }
            Generated::CommunicationError(error)
            | Generated::ResponseBodyError(error)
            | Generated::InvalidUpgrade(error) => Self::Unreachable { reason: root_cause(&error) },
            Generated::UnexpectedResponse(answer) => unexpected(answer).await,
            Generated::InvalidResponsePayload(_, error) => Self::Unexpected { status: None, reason: error.to_string() },
            Generated::InvalidRequest(reason) | Generated::Custom(reason) => Self::Unsent { reason },
        }
    }

    /// Whether the same call may work a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.retryable || matches!(refusal.status, 408 | 429 | 502 | 503 | 504),
            Self::Unreachable { .. } => true,
            Self::Unexpected { status, .. } => matches!(status, Some(502..=504)),
            Self::Unsent { .. } => false,
        }
    }

    /// The server's error code, if it gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::Unexpected { status, .. } => *status,
            Self::Unreachable { .. } | Self::Unsent { .. } => None,
        }
    }
}

async fn unexpected(mut answer: reqwest::Response) -> CallError {
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > UNEXPECTED_BYTES_MAX {
            break;
        }
    }
    refused_or_unexpected(status, &serde_json::from_slice(&body).unwrap_or_default())
}

/// An error envelope, or whatever else it was.
fn refused_or_unexpected(status: u16, body: &Value) -> CallError {
    match refusal(status, body) {
        Some(refusal) => CallError::Refused(Box::new(refusal)),
        None => CallError::Unexpected {
            status: Some(status),
            reason: format!("status {status} without an error that can be read"),
        },
    }
}

fn refusal(status: u16, body: &Value) -> Option<Refusal> {
    let error = body.get("error")?;
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Refusal {
        status,
        code: text("code")?,
        message: text("message")?,
        details: error.get("details").and_then(Value::as_object).cloned().unwrap_or_default(),
        retryable: error.get("retryable").and_then(Value::as_bool).unwrap_or(false),
        request_id: body.pointer("/extensions/runyard.request_id").and_then(Value::as_str).map(str::to_owned),
    })
}

/// The last error of a chain: the others only say that something went wrong.
pub(crate) fn root_cause(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_envelope_is_a_refusal_and_anything_else_is_not() {
        let body = json!({
            "error": { "code": "store_busy", "message": "try later", "retryable": true, "details": { "a": 1 } },
            "extensions": { "runyard.request_id": "r-1" },
        });
        let error = refused_or_unexpected(503, &body);
        assert_eq!((error.code(), error.status(), error.is_transient()), (Some("store_busy"), Some(503), true));
        assert_eq!(error.to_string(), "try later (store_busy, 503)");
        let page = refused_or_unexpected(404, &json!("<html>"));
        assert_eq!((page.code(), page.status(), page.is_transient()), (None, Some(404), false));
    }

    #[test]
    fn the_cause_at_the_bottom_is_what_is_said() {
        #[derive(Debug, thiserror::Error)]
        #[error("top")]
        struct Top(#[source] std::io::Error);
        assert_eq!(root_cause(&Top(std::io::Error::other("connection refused"))), "connection refused");
    }
}
