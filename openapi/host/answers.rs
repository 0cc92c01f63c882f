//! What unsent answers hold together.
//!
//! An answer takes its share when it is made and gives it back when the socket has taken its last byte, or the connection is gone.
//! A `GET` also takes a share before it is made, sized by what the operation answered lately: rows, values and text of an answer
//! are in memory together while it is made.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use http::{Method, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::budget::{Budget, Share};
use super::{Body, Fault};

/// Answers up to this size are not counted: the request's own slot bounds them, and they are answered while large ones wait.
const SMALL_BYTES: usize = 16 * 1024;

/// How much memory an answer takes while it is made, in multiples of its text.
const MAKING_FACTOR: usize = 4;

/// What an operation is expected to answer before it has answered anything. Half of what a page of a list may have: the first burst of
/// requests after a start is not admitted whole.
const FIRST_BYTES: usize = 512 * 1024;

/// What an operation answered lately: the largest, which fades.
#[derive(Debug)]
pub(super) struct Lately(AtomicUsize);

impl Lately {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(FIRST_BYTES))
    }

    fn note(&self, bytes: usize) {
        let fade = |before: usize| Some(bytes.max(before - before / 8));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fade);
    }

    fn expected_bytes(&self) -> usize {
        match self.0.load(Ordering::Relaxed) {
            small if small <= SMALL_BYTES => 0,
            large => large.saturating_mul(MAKING_FACTOR),
        }
    }
}

/// The share of an answer that is still to be made. Only reading waits: what changes something is not held up before it is done.
///
/// # Errors
/// [`Fault::Unavailable`] when too much is unsent for longer than `within`.
pub(super) async fn reserve(
    budget: &Budget,
    lately: &Lately,
    method: &Method,
    within: Duration,
) -> Result<Share, Fault> {
    let expected = lately.expected_bytes();
    if expected == 0 || !is_read(method) {
        return Ok(budget.nothing());
    }
    budget.wait(expected, within).await.ok_or_else(too_much)
}

/// The answer with its share attached to its bytes. Streams are not counted: they are as large as one chunk.
///
/// # Errors
/// [`Fault::Unavailable`] for a read when too much is unsent for longer than `within`. What changed something is answered all the same.
pub(super) async fn hold(
    response: Response<Body>,
    mut share: Share,
    lately: &Lately,
    method: &Method,
    within: Duration,
) -> Result<Response<Body>, Fault> {
    let Some(bytes) = response.body().size_hint().exact() else { return Ok(response) };
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    lately.note(bytes);
    if bytes <= SMALL_BYTES {
        return Ok(response);
    }
    if !share.grow(bytes, within).await && is_read(method) {
        return Err(too_much());
    }
    share.shrink(bytes);
    let (parts, body) = response.into_parts();
    // It is all there already: its exact size is known.
    let text = match body.collect().now_or_never() {
        Some(Ok(collected)) => collected.to_bytes(),
        _ => return Err(Fault::Internal { reason: "an answer of known size was not all there".to_owned() }),
    };
    Ok(Response::from_parts(parts, Body::wrap(http_body_util::Full::new(share.with(text)))))
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn too_much() -> Fault {
    let reason = "too many large answers are unsent; read what was asked for, and try again".to_owned();
    Fault::Unavailable { reason, retry_after: Some(Duration::from_secs(1)) }
}
