//! Reasons for which the host refuses a request.
//!
//! A fault is not an error body: the implementation turns each fault into its own document's error body
//! (`Api::refuse`). A fault has what every document needs for that: a status (RFC 9110), a short code, a sentence, and
//! the headers of that status.

use std::fmt;
use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::Place;

/// Why a request was refused before its handler was called, or by the handler.
///
/// `Display` is one sentence that is safe to show: it has no value that was sent and no internals of the server.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// No operation of the document has this path. 404.
    #[error("there is no {path} here")]
    UnknownPath {
        /// The path as sent, shortened.
        path: String,
    },
    /// The path is known, the method is not. 405 with `Allow`.
    #[error("{method} is not allowed here; allowed: {}", .allow.join(", "))]
    MethodNotAllowed {
        /// The method as sent.
        method: String,
        /// The methods of this path.
        allow: Vec<&'static str>,
    },
    /// The body is in a format that the operation does not take. 415.
    #[error("the body must be {expected}, not {}", .found.as_deref().unwrap_or("without a content type"))]
    UnsupportedMediaType {
        /// The content type as sent, shortened; `None` if the request has none.
        found: Option<String>,
        /// The content type that the document requires.
        expected: &'static str,
    },
    /// The body is larger than the limit. 413.
    #[error("the body is larger than {limit_bytes} bytes")]
    BodyTooLarge {
        /// The largest allowed body.
        limit_bytes: usize,
    },
    /// The operation needs a body and none was sent. 400.
    #[error("a JSON body is required")]
    BodyMissing,
    /// The body broke off, or was framed wrongly. 400; usually the client has already gone.
    #[error("the body could not be read to its end")]
    BodyBroken,
    /// The body was not sent in time. 408.
    #[error("the body was not received within {} s", .limit.as_secs())]
    BodySlow {
        /// How long a body may take.
        limit: Duration,
    },
    /// The body nests deeper than the limit. 400.
    #[error("the body is nested more than {limit} levels deep")]
    BodyTooDeep {
        /// The most allowed levels.
        limit: usize,
    },
    /// The body is not JSON. 400.
    #[error("the body is not valid JSON: {reason}")]
    NotJson {
        /// What is wrong and where (line and column), without the text itself.
        reason: String,
    },
    /// The request does not fit the document's schema. 400.
    #[error("the request does not fit the contract: {}", summary(.violations, *.more))]
    Invalid {
        /// What does not fit, field by field. Never empty.
        violations: Vec<Violation>,
        /// Whether there were more violations than are listed.
        more: bool,
    },
    /// The credential is missing or not valid. 401 with `WWW-Authenticate`.
    #[error("{reason}")]
    Unauthenticated {
        /// What is missing or wrong, safe to show.
        reason: String,
        /// A code of the implementation for the same reason: `token_expired`.
        why: &'static str,
        /// The value of `WWW-Authenticate`, for instance `Bearer error="invalid_token"`.
        challenge: String,
    },
    /// Authenticated, but not allowed to do this. 403, with `WWW-Authenticate` if another credential would be allowed.
    #[error("{reason}")]
    Forbidden {
        /// What is not allowed, safe to show.
        reason: String,
        /// The scope (RFC 6750) that is missing, when that is the reason.
        scope: Option<String>,
        /// The value of `WWW-Authenticate`, for instance `Bearer error="insufficient_scope"`.
        challenge: Option<String>,
    },
    /// The request names a host that this listener, which requires no credential, does not accept. 421.
    #[error(
        "this server is not asked as {host}; it answers as localhost, 127.0.0.1, its own host, and what allowed_hosts names"
    )]
    Misdirected {
        /// The host as sent, shortened.
        host: String,
    },
    /// A page of another origin sent the request. 403.
    #[error("pages of {} may not call this server; cors.origins says which may", .origin.as_deref().unwrap_or("another site"))]
    ForeignOrigin {
        /// The origin as sent, shortened; `None` if the browser sent only `Sec-Fetch-Site: cross-site`.
        origin: Option<String>,
    },
    /// A service that is needed to decide on the request cannot be reached. 503.
    #[error("{reason}")]
    Unavailable {
        /// What is missing, safe to show.
        reason: String,
        /// When the client may try again.
        retry_after: Option<Duration>,
    },
    /// The server is stopping and refuses new requests. 503; the request had no effect and may be sent again.
    #[error("the server is stopping; send the request again")]
    Stopping,
    /// A bug. 500.
    #[error("the server failed to answer this request; its log has the reason under the request id")]
    Internal {
        /// What happened, for the log only. Not shown by `Display`.
        reason: String,
    },
}

/// One place where a request does not match the document's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which part of the request.
    pub place: Place,
    /// In a body a JSON pointer (RFC 6901; empty for the whole body), else the parameter's name.
    pub field: String,
    /// What is wrong: the expected value, never the one that was sent.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.as_str();
        match self.field.as_str() {
            "" => write!(f, "{place}: {}", self.reason),
            field => write!(f, "{place} {field}: {}", self.reason),
        }
    }
}

/// The first violation in full, and the number of the others.
fn summary(violations: &[Violation], more: bool) -> String {
    let Some(first) = violations.first() else { return "no reason given".to_owned() };
    match (violations.len() - 1, more) {
        (0, false) => first.to_string(),
        (others, false) => format!("{first} (and {others} more)"),
        (others, true) => format!("{first} (and more than {others} more)"),
    }
}

impl Fault {
    /// A fault with exactly one violation.
    pub fn invalid(place: Place, field: impl Into<String>, reason: impl Into<String>) -> Self {
        let violation = Violation { place, field: field.into(), reason: reason.into() };
        Self::Invalid { violations: vec![violation], more: false }
    }

    /// The HTTP status (RFC 9110) of this fault.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodySlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::BodyMissing
            | Self::BodyBroken
            | Self::BodyTooDeep { .. }
            | Self::NotJson { .. }
            | Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } | Self::ForeignOrigin { .. } => StatusCode::FORBIDDEN,
            Self::Misdirected { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::Unavailable { .. } | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A short code for documents whose error body has a field for one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownPath { .. } => "unknown_path",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::UnsupportedMediaType { .. } => "unsupported_media_type",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyMissing => "body_missing",
            Self::BodyBroken => "body_broken",
            Self::BodySlow { .. } => "body_slow",
            Self::BodyTooDeep { .. } => "value_too_deep",
            Self::NotJson { .. } => "invalid_json",
            Self::Invalid { .. } => "invalid_request",
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::Misdirected { .. } => "misdirected_host",
            Self::ForeignOrigin { .. } => "foreign_origin",
            Self::Unavailable { .. } => "unavailable",
            Self::Stopping => "stopping",
            Self::Internal { .. } => "internal",
        }
    }

    /// Whether the same request may succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::BodySlow { .. } | Self::BodyBroken | Self::Unavailable { .. } | Self::Stopping)
    }

    /// The violations of an invalid request; else empty.
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid { violations, .. } => violations,
            _ => &[],
        }
    }

    /// The headers that HTTP requires with this status. The host adds those that the implementation's response does not
    /// set.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let header = match self {
            Self::MethodNotAllowed { allow, .. } => Some((ALLOW, allow.join(", "))),
            Self::Unauthenticated { challenge, .. } | Self::Forbidden { challenge: Some(challenge), .. } => {
                Some((WWW_AUTHENTICATE, challenge.clone()))
            }
            Self::Unavailable { retry_after: Some(after), .. } => {
                Some((RETRY_AFTER, after.as_secs().max(1).to_string()))
            }
            Self::Stopping => Some((RETRY_AFTER, "1".to_owned())),
            _ => None,
        };
        if let Some((name, value)) = header
            && let Ok(value) = HeaderValue::try_from(value)
        {
            headers.insert(name, value);
        }
        headers
    }
}
