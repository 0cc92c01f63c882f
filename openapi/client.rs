//! What generated clients stand on: how a request is sent, what comes back, and why nothing did.
//!
//! A client's behaviour (credentials, headers, repetition, a look at what comes back) is given to it when it is made, never
//! written into what is generated. Crate `runyard-client` has the behaviour that people want; here are the seam, the errors
//! ([`CallError`]) and the reading of answers.

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
pub use crate::multipart::{Multipart, Part};
#[doc(hidden)]
pub use crate::style::Style;

/// What a document says about an operation, as far as whoever sends it has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The document's `operationId`.
    pub id: &'static str,
    /// The method in capital letters: `POST`.
    pub method: &'static str,
    /// The document's path template, verbs and all: `/v1/runs/{run_id}:cancel`.
    pub path: &'static str,
    /// Whether the document asks for credentials.
    pub secured: bool,
    /// Whether a success is a stream: it lasts, so only silence can be bounded.
    pub streams: bool,
    /// Whether the document has an `Idempotency-Key` header for it. With one, a repeated request is answered as the first was.
    pub keyed: bool,
    /// Whether a repeated request does no more than the first: GET, HEAD, PUT and DELETE (RFC 9110, 9.2.2), and what the
    /// document marks with `x-runyard-idempotent`.
    pub idempotent: bool,
}

/// What a client does to send a request.
pub trait Behaviour: fmt::Debug + Send + Sync {
    /// Sends a request, once or more often. May change it before, and look at the answer or replace it after.
    ///
    /// # Errors
    /// What kept the request from being answered.
    fn send<'a>(
        &'a self,
        http: &'a reqwest::Client,
        operation: &'static Operation,
        request: reqwest::Request,
    ) -> BoxFuture<'a, Result<reqwest::Response, Unanswered>>;
}

/// Why there is no answer at all.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// Nobody answered, or the connection broke.
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
    /// There were no credentials to send with it; it was not sent.
    #[error("there is no token: {0}")]
    NoToken(#[source] BoxError),
    /// It was not sent for another reason.
    #[error("the request was not sent: {0}")]
    Unsent(#[source] BoxError),
}

/// The request itself, once, and nothing else.
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
    /// As a client takes it.
    #[must_use]
    pub fn shared() -> Arc<dyn Behaviour> {
        Arc::new(Self)
    }
}
