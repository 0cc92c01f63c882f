//! Pages beside a document: what whoever mounts it wants to be read at the same door, such as a reference.
//!
//! The host makes none. It serves what it is given, where the document itself has nothing.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::{Body, reply};

/// A page: served to `GET` and `HEAD` at its path.
#[derive(Debug, Clone)]
pub struct Page {
    /// The whole path, without parameters: `/docs`.
    pub path: String,
    /// The media type.
    pub media: &'static str,
    /// Changes when the content does (RFC 9110, section 8.8.3), without quotes.
    pub tag: String,
    /// `Content-Security-Policy` of the page.
    pub policy: String,
    /// What is in it.
    pub content: Bytes,
}

/// The page, or that the caller's copy still holds.
pub(super) fn serve(page: &Page, headers: &HeaderMap) -> Response<Body> {
    let tag = format!("\"{}\"", page.tag);
    let mut response = if holds(headers, &tag) {
        reply::empty(StatusCode::NOT_MODIFIED, HeaderMap::new())
    } else {
        reply::text(page.media, page.content.clone())
    };
    let mut put = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    put(ETAG, &tag);
    // Asked for again each time, answered without a body as long as it is the same: a new server shows its new pages at once.
    put(CACHE_CONTROL, "no-cache");
    put(CONTENT_SECURITY_POLICY, &page.policy);
    put(X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

/// Whether the caller has this very content already.
fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
