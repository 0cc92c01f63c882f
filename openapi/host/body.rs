//! The request body: content type, limits, JSON.
//!
//! The host reads even a body that it refuses, up to a bound and while it sends the response. If a server closes the
//! connection while a client is sending, many clients lose the response.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::budget::Share;
use super::validate::shown;
use super::{Body, Fault, InexactNumber, Place, Settings, Violation, heavy, inexact_number, nests_deeper};

const JSON: &str = "application/json";

/// A refused body is read up to this multiple of the limit.
const UNWANTED_FACTOR: usize = 64;

/// This much of each body is not counted, so that small requests are read while large ones wait for each other.
const UNCOUNTED_BYTES: usize = 16 * 1024;

/// A body that may still be arriving.
pub(super) struct RequestBody {
    body: Body,
    declared_bytes: Option<usize>,
    /// The client waits for `100 Continue` before it sends (RFC 9110, section 10.1.1); reading the body sends that.
    waits: bool,
    touched: bool,
}

impl RequestBody {
    pub(super) fn new(body: Body, headers: &HeaderMap) -> Self {
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { body, declared_bytes: declared, waits: headers.contains_key(EXPECT), touched: false }
    }

    /// Reads the body as JSON, with its size in bytes. `None`: there is no body.
    ///
    /// # Errors
    /// In this order: the wrong content type, too large, too slow, broken off, nested too deep, not JSON.
    pub(super) async fn json(
        &mut self,
        headers: &HeaderMap,
        settings: &Settings,
        media: &'static str,
    ) -> Result<Option<(Value, usize)>, Fault> {
        if self.body.is_end_stream() {
            return Ok(None);
        }
        content_type(headers, media)?;
        let (text, share) = self.read(settings).await?;
        let bytes = text.len();
        if bytes == 0 {
            return Ok(None);
        }
        let depth_max = settings.body_depth_max;
        let value = heavy::run(bytes, move || parse(&text, depth_max)).await??;
        drop(share);
        Ok(Some((value, bytes)))
    }

    /// Reads the body unchanged. `None`: there is no body.
    ///
    /// # Errors
    /// In this order: the wrong content type, too large, too slow, broken off.
    pub(super) async fn raw(
        &mut self,
        headers: &HeaderMap,
        settings: &Settings,
        media: &'static str,
    ) -> Result<Option<Bytes>, Fault> {
        if self.body.is_end_stream() {
            return Ok(None);
        }
        content_type(headers, media)?;
        let (text, _share) = self.read(settings).await?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    async fn read(&mut self, settings: &Settings) -> Result<(Bytes, Share), Fault> {
        let limit = settings.body_bytes_max;
        let too_large = Fault::BodyTooLarge { limit_bytes: limit };
        if self.declared_bytes.is_some_and(|declared| declared > limit) {
            return Err(too_large);
        }
        self.touched = true;
        let slow = |_| Fault::BodySlow { limit: settings.body_read_timeout };
        let mut share = settings.bodies.nothing();
        let collected = self.collect(limit, &mut share);
        let whole = tokio::time::timeout(settings.body_read_timeout, collected).await.map_err(slow)??;
        whole.map(|text| (text, share)).ok_or(too_large)
    }

    /// The whole body, or `None` as soon as it exceeds the limit.
    async fn collect(&mut self, limit: usize, share: &mut Share) -> Result<Option<Bytes>, Fault> {
        // The declared length alone allocates no memory.
        let mut text = BytesMut::with_capacity(self.declared_bytes.unwrap_or(0).min(UNCOUNTED_BYTES));
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|_| Fault::BodyBroken)?;
            let Some(data) = frame.data_ref() else { continue };
            if text.len() + data.len() > limit {
                return Ok(None);
            }
            let needed = text.len() + data.len();
            if needed > text.capacity() {
                let capacity = needed.max(text.capacity() * 2).min(limit);
                if capacity > UNCOUNTED_BYTES && !share.try_grow(capacity) {
                    return Err(too_much());
                }
                text.reserve(capacity - text.len());
            }
            text.extend_from_slice(data);
        }
        Ok(Some(text.freeze()))
    }

    /// Reads and discards the rest of the body, within bounds, while the response is sent.
    pub(super) fn discard(mut self, settings: &Settings) {
        // A client that waits for `100 Continue` gets the response instead, and will not send.
        if self.body.is_end_stream() || (self.waits && !self.touched) {
            return;
        }
        let bytes_max = settings.body_bytes_max.saturating_mul(UNWANTED_FACTOR);
        let within = settings.body_read_timeout;
        tokio::spawn(async move {
            // Dropping the body is all that follows, however this ends.
            drop(tokio::time::timeout(within, skip(&mut self.body, bytes_max)).await);
        });
    }
}

async fn skip(body: &mut Body, bytes_max: usize) {
    let mut skipped = 0;
    while skipped <= bytes_max {
        let Some(Ok(frame)) = body.frame().await else { return };
        skipped += frame.data_ref().map_or(0, Bytes::len);
    }
}

fn too_much() -> Fault {
    let reason = "too many large bodies are on their way; try again".to_owned();
    Fault::Unavailable { reason, retry_after: Some(Duration::from_secs(1)) }
}

/// Checks that the content type is the expected one, with any parameters, and not compressed. JSON with another media
/// type may be sent as `application/json`.
fn content_type(headers: &HeaderMap, expected: &'static str) -> Result<(), Fault> {
    let readable = |value: &http::HeaderValue| shown(value.to_str().unwrap_or("something unreadable"));
    let refused = |found: Option<String>| Fault::UnsupportedMediaType { found, expected };
    if let Some(coding) = headers.get(CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(refused(Some(format!("{} content", readable(coding)))));
    }
    let wanted = expected.split(';').next().unwrap_or_default().trim();
    let Some(found) = headers.get(CONTENT_TYPE) else {
        return if wanted == "*/*" { Ok(()) } else { Err(refused(None)) };
    };
    let essence = found.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let kind = wanted.strip_suffix("/*").is_some_and(|kind| kind == "*" || essence.split('/').next() == Some(kind));
    let same_json = wanted.ends_with("+json") && essence.eq_ignore_ascii_case(JSON);
    if kind || same_json || essence.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(refused(Some(readable(found)))) }
}

/// Parses JSON with at most this many levels and nothing after it. Each number must be storable exactly.
fn parse(text: &[u8], depth_max: usize) -> Result<Value, Fault> {
    if nests_deeper(text, depth_max) {
        return Err(Fault::BodyTooDeep { limit: depth_max });
    }
    let value = serde_json::from_slice(text).map_err(|error| Fault::NotJson { reason: shown(&error.to_string()) })?;
    match inexact_number(text) {
        None => Ok(value),
        Some(InexactNumber { pointer }) => {
            let reason = "must be a number that a 64-bit integer or a double holds exactly, or text".to_owned();
            Err(Fault::Invalid {
                violations: vec![Violation { place: Place::Body, field: pointer, reason }],
                more: false,
            })
        }
    }
}
