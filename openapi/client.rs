//! The runtime of generated clients: sending requests, reading responses, and errors.
//!
//! A client's behaviour (credentials, headers, retries, inspecting responses) is passed in when it is created.
//! Generated code does not contain it. Crate `runyard-client` has the usual behaviour. This module has the
//! [`Behaviour`] trait, the errors ([`CallError`]) and the reading of responses.

mod answer;
mod error;
mod outgoing;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
pub use progenitor_client::{ByteStream, ResponseValue};

pub use self::answer::{ANSWER_BYTES_MAX, STRAY_BYTES_MAX};
#[doc(hidden)]
pub use self::answer::{json, other_status, refused};
pub use self::error::{BoxError, CallError, Refusal};
#[doc(hidden)]
pub use self::outgoing::Outgoing;
pub use crate::multipart::{File, Form, Multipart, Part};
#[doc(hidden)]
pub use crate::style::Style;

/// The facts of an operation that its sender needs, from the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The document's `operationId`.
    pub id: &'static str,
    /// The method in capital letters: `POST`.
    pub method: &'static str,
    /// The document's path template, including verbs: `/v1/runs/{run_id}:cancel`.
    pub path: &'static str,
    /// Whether the document requires credentials.
    pub secured: bool,
    /// Whether a success is a stream. A stream may last, so only its silence can have a time limit.
    pub streams: bool,
    /// Whether the document has an `Idempotency-Key` header for it. With one, a repeated request gets the first
    /// response.
    pub keyed: bool,
    /// Whether a repeated request has no further effect: GET, HEAD, PUT and DELETE (RFC 9110, 9.2.2), and operations
    /// that the document marks with `x-runyard-idempotent`.
    pub idempotent: bool,
}

impl Operation {
    /// An operation without credentials and streams, as idempotent as its method.
    #[doc(hidden)]
    pub const fn new(id: &'static str, method: &'static str, path: &'static str) -> Self {
        let idempotent = !matches!(method.as_bytes(), b"POST" | b"PATCH" | b"CONNECT");
        Self { id, method, path, secured: false, streams: false, keyed: false, idempotent }
    }

    /// Sets `secured`.
    #[doc(hidden)]
    #[must_use]
    pub const fn secured(self) -> Self {
        Self { secured: true, ..self }
    }

    /// Sets `streams`.
    #[doc(hidden)]
    #[must_use]
    pub const fn streams(self) -> Self {
        Self { streams: true, ..self }
    }

    /// Sets `keyed`.
    #[doc(hidden)]
    #[must_use]
    pub const fn keyed(self) -> Self {
        Self { keyed: true, ..self }
    }

    /// Sets `idempotent`.
    #[doc(hidden)]
    #[must_use]
    pub const fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }
}

/// How a client sends a request.
pub trait Behaviour: fmt::Debug + Send + Sync {
    /// Sends a request, one or more times. It may change the request, and inspect or replace the response.
    ///
    /// # Errors
    /// Why there is no response.
    fn send<'a>(
        &'a self,
        http: &'a reqwest::Client,
        operation: &'static Operation,
        request: reqwest::Request,
    ) -> BoxFuture<'a, Result<reqwest::Response, Unanswered>>;
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The server could not be reached, or the connection broke.
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
    /// No credentials were available, so the request was not sent.
    #[error("there is no token: {0}")]
    NoToken(#[source] BoxError),
    /// It was not sent for another reason.
    #[error("the request was not sent: {0}")]
    Unsent(#[source] BoxError),
}

/// Sends the request once, without any changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Behaviour for Plain {
    fn send<'a>(
        &'a self,
        http: &'a reqwest::Client,
        _: &'static Operation,
        request: reqwest::Request,
    ) -> BoxFuture<'a, Result<reqwest::Response, Unanswered>> {
        Box::pin(async move { Ok(http.execute(request).await?) })
    }
}

impl Plain {
    /// The behaviour in the type that generated clients take.
    #[must_use]
    pub fn shared() -> Arc<dyn Behaviour> {
        Arc::new(Self)
    }
}
