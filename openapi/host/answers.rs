//! The memory of unsent responses.
//!
//! A response takes its share of the budget when it is made. It gives the share back when the socket has accepted its
//! last byte, or when the connection is closed. A `GET` also reserves a share before the call, sized by recent
//! responses of the operation: rows, values and text of a response are in memory together while it is made.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use http::{Method, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::budget::{Budget, Share};
use super::{Body, Fault};

/// Responses up to this size are not counted. The request's own slot bounds them, and they need not wait for large
/// ones.
const SMALL_BYTES: usize = 16 * 1024;

/// The memory that making a response takes, as a multiple of its text.
const MAKING_FACTOR: usize = 4;

/// The expected size of an operation's first response: half the maximum size of a list page. So the first burst of
/// requests after a start is not admitted as a whole.
const FIRST_BYTES: usize = 512 * 1024;

/// The largest recent response size of an operation. It decays with every smaller response.
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

/// Reserves the share of a response before the call. Only reads wait: a change is not delayed before it is made.
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

/// Attaches its share to the bytes of a response. Streams are not counted: they hold one chunk at a time.
///
/// # Errors
/// [`Fault::Unavailable`] for a read when too much is unsent for longer than `within`. The response to a change is
/// always sent.
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
    // A body with an exact size is already in memory.
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
