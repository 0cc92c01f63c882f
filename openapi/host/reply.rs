//! Building responses: what a handler returns beside its value, and the wire formats.
//!
//! The generated code decides which status belongs to which value.

use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde::Serialize;

use super::{Body, ByteStream, Fault};

/// Read by nginx and by proxies that follow it.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A handler's value and its headers.
///
/// ```ignore
/// Ok(StartRunOk::Ok(run).into())
/// ```
#[derive(Debug, Clone)]
pub struct Reply<T> {
    /// Headers beside those that the value implies.
    pub headers: HeaderMap,
    /// The value.
    pub value: T,
}

impl<T> From<T> for Reply<T> {
    fn from(value: T) -> Self {
        Self { headers: HeaderMap::new(), value }
    }
}

impl<T> Reply<T> {
    /// The same reply with one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}

/// A response with a JSON body.
///
/// # Errors
/// [`Fault::Internal`] when the value cannot be written as JSON (a map whose keys are not strings). This is a bug, not
/// a fault of the request.
pub fn json<T: Serialize>(status: StatusCode, headers: HeaderMap, value: &T) -> Result<Response<Body>, Fault> {
    let text = serde_json::to_vec(value)
        .map_err(|error| Fault::Internal { reason: format!("answer is not JSON: {error}") })?;
    Ok(answer(status, headers, Some("application/json"), Body::with_content(text)))
}

/// A response without a body.
pub fn empty(status: StatusCode, headers: HeaderMap) -> Response<Body> {
    answer(status, headers, None, Body::empty())
}

/// A response whose body is text or bytes of a given media type.
pub(super) fn text(media: &'static str, content: impl Into<Bytes>) -> Response<Body> {
    answer(StatusCode::OK, HeaderMap::new(), Some(media), Body::with_content(content.into()))
}

/// A response whose body is streamed, for instance as `application/x-ndjson` or `text/event-stream`.
pub fn stream(status: StatusCode, headers: HeaderMap, media: &'static str, bytes: ByteStream) -> Response<Body> {
    let mut response = answer(status, headers, Some(media), bytes.into_body());
    // Caches, compressing proxies and nginx (which buffers by default) would hold a live stream back.
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

fn answer(status: StatusCode, headers: HeaderMap, media: Option<&'static str>, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Some(media) = media {
        response.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(media));
    }
    response
}

/// A response as bytes of HTTP/1.1 for a connection that is then closed. Works only for bodies that are already in
/// memory.
pub(super) fn written(response: Response<Body>) -> Vec<u8> {
    let (parts, body) = response.into_parts();
    let body = body.collect().now_or_never().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
    let body = body.unwrap_or_default();
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", parts.status.as_u16()).into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}
