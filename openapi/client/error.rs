//! Why a call failed, divided by what the caller can do next.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use reqwest::header::InvalidHeaderValue;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Unanswered;

/// An error of any kind.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a call failed. `E` is the error body of the document.
#[derive(Debug)]
pub enum CallError<E> {
    /// The server returned a documented error. Decide on its status and its code.
    Refused {
        /// The status.
        status: StatusCode,
        /// The response headers, for example `Retry-After` or `WWW-Authenticate`.
        headers: HeaderMap,
        /// The document's error body.
        body: Box<E>,
    },
    /// The document does not have the status of the response for this operation: it comes from a proxy, or another kind
    /// of server.
    Status {
        /// The status.
        status: StatusCode,
        /// The response headers.
        headers: HeaderMap,
        /// The body that was read: at most [`STRAY_BYTES_MAX`](super::STRAY_BYTES_MAX) bytes.
        body: Bytes,
    },
    /// The status is documented, but the body does not match the document.
    Unexpected {
        /// The status.
        status: StatusCode,
        /// The response headers.
        headers: HeaderMap,
        /// The body that was read: at most [`STRAY_BYTES_MAX`](super::STRAY_BYTES_MAX) bytes.
        body: Bytes,
        /// The place in the body, and what is wrong there.
        reason: String,
    },
    /// There was no response in time, or the connection broke. Whether the server executed the request is not known.
    Transport(reqwest::Error),
    /// No credentials were available, so the request was not sent.
    NoToken(BoxError),
    /// The request is not valid and cannot be sent.
    Unsent(BoxError),
}

/// A server's error without a document's types. All documents here have these fields in the same places.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Stable, snake case.
    pub code: String,
    /// A message for humans.
    pub message: String,
    /// Details, depending on the code.
    pub details: Map<String, Value>,
    /// Whether the server says that the same request may succeed later.
    pub retryable: bool,
    /// The id of the request in the server's log.
    pub request_id: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.message, self.code, self.status)
    }
}

impl<E> CallError<E> {
    /// The HTTP status, if there was a response.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } | Self::Status { status, .. } | Self::Unexpected { status, .. } => {
                Some(*status)
            }
            Self::Transport(_) | Self::NoToken(_) | Self::Unsent(_) => None,
        }
    }

    /// The headers of the response, if there was one.
    pub fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Refused { headers, .. } | Self::Status { headers, .. } | Self::Unexpected { headers, .. } => {
                Some(headers)
            }
            Self::Transport(_) | Self::NoToken(_) | Self::Unsent(_) => None,
        }
    }

    /// Whether the server could not be reached, or the connection broke.
    pub fn is_transport(&self) -> bool {
        matches!(self, Self::Transport(_))
    }
}

impl<E: Serialize> CallError<E> {
    /// The server's error, if its body has the common form of the documents here: `error.code`, `error.message` and so
    /// on.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { status, body, .. } => refusal(status.as_u16(), &serde_json::to_value(body).ok()?),
            _ => None,
        }
    }

    /// The server's error code, if it gave one.
    pub fn code(&self) -> Option<String> {
        self.refusal().map(|refusal| refusal.code)
    }

    /// Whether the same call may succeed a little later. This does not say whether repeating it is safe: see
    /// [`Operation`](super::Operation).
    pub fn is_transient(&self) -> bool {
        let by_status = || self.status().is_some_and(|status| matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504));
        match self {
            Self::Refused { .. } => by_status() || self.refusal().is_some_and(|refusal| refusal.retryable),
            Self::Status { .. } | Self::Unexpected { .. } => by_status(),
            Self::Transport(_) | Self::NoToken(_) => true,
            Self::Unsent(_) => false,
        }
    }

    /// The same error with an untyped JSON body, for callers that use several documents.
    pub fn into_untyped(self) -> CallError<Value> {
        match self {
            Self::Refused { status, headers, body } => {
                let body = Box::new(serde_json::to_value(body).unwrap_or_default());
                CallError::Refused { status, headers, body }
            }
            Self::Status { status, headers, body } => CallError::Status { status, headers, body },
            Self::Unexpected { status, headers, body, reason } => {
                CallError::Unexpected { status, headers, body, reason }
            }
            Self::Transport(error) => CallError::Transport(error),
            Self::NoToken(error) => CallError::NoToken(error),
            Self::Unsent(error) => CallError::Unsent(error),
        }
    }
}

impl<E: Serialize> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, body, .. } => match self.refusal() {
                Some(refusal) => refusal.fmt(f),
                None => {
                    write!(f, "the server refused with {status}: {}", serde_json::to_string(body).unwrap_or_default())
                }
            },
            Self::Status { status, .. } => write!(f, "the server answered {status}, which its contract does not know"),
            Self::Unexpected { status, reason, .. } => {
                write!(f, "the server answered {status} with what its contract does not have: {reason}")
            }
            Self::Transport(error) if error.is_body() || error.is_decode() => {
                write!(f, "the server broke off its answer: {}", root_cause(error))
            }
            Self::Transport(error) => write!(f, "cannot reach the server: {}", root_cause(error)),
            Self::NoToken(error) => write!(f, "there is no token to send: {error}"),
            Self::Unsent(error) => write!(f, "the request was not sent: {error}"),
        }
    }
}

impl<E: Serialize + fmt::Debug> StdError for CallError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Transport(error) => Some(error),
            Self::NoToken(error) | Self::Unsent(error) => Some(&**error),
            Self::Refused { .. } | Self::Status { .. } | Self::Unexpected { .. } => None,
        }
    }
}

impl<E> From<Unanswered> for CallError<E> {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Transport(error) => error.into(),
            Unanswered::NoToken(error) => Self::NoToken(error),
            Unanswered::Unsent(error) => Self::Unsent(error),
        }
    }
}

impl<E> From<reqwest::Error> for CallError<E> {
    fn from(error: reqwest::Error) -> Self {
        if error.is_builder() { Self::Unsent(error.into()) } else { Self::Transport(error) }
    }
}

impl<E> From<InvalidHeaderValue> for CallError<E> {
    fn from(error: InvalidHeaderValue) -> Self {
        Self::Unsent(error.into())
    }
}

impl<E> From<Infallible> for CallError<E> {
    fn from(never: Infallible) -> Self {
        match never {}
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

/// The last error of the chain, which names the cause; the others only say that something went wrong.
fn root_cause(error: &dyn StdError) -> String {
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

    fn refused(status: u16, body: Value) -> CallError<Value> {
        let status = StatusCode::from_u16(status).unwrap();
        CallError::Refused { status, headers: HeaderMap::new(), body: Box::new(body) }
    }

    #[test]
    fn an_envelope_is_read_and_any_other_error_body_is_shown() {
        let busy = refused(
            503,
            json!({
                "error": { "code": "store_busy", "message": "try later", "details": { "a": 1 } },
                "extensions": { "runyard.request_id": "r-1" },
            }),
        );
        assert_eq!(busy.code().as_deref(), Some("store_busy"));
        assert_eq!(busy.to_string(), "try later (store_busy, 503)");
        assert_eq!(busy.refusal().unwrap().request_id.as_deref(), Some("r-1"));
        let other = refused(409, json!({ "title": "no" }));
        assert_eq!(other.to_string(), "the server refused with 409 Conflict: {\"title\":\"no\"}");
        assert_eq!((other.refusal(), other.code()), (None, None));
    }

    #[test]
    fn an_error_is_temporary_by_its_status_or_by_the_servers_word() {
        let later = json!({ "error": { "code": "run_not_finished", "message": "not yet", "retryable": true } });
        assert!(refused(409, later).is_transient());
        assert!(!refused(409, json!({})).is_transient());
        assert!(refused(429, json!({})).is_transient());
        assert!(!CallError::<Value>::Unsent("no".into()).is_transient());
        assert!(CallError::<Value>::NoToken("no".into()).is_transient());
    }
}
