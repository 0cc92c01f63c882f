//! Static pages beside a document, such as a reference, which the program that mounts the document provides.
//!
//! The host makes no pages. It serves the given ones at paths that the document does not have.

use std::fmt;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::{Body, reply};

/// A page that is served for `GET` and `HEAD` at its path.
#[derive(Debug, Clone)]
pub struct Page {
    /// The whole path, without parameters: `/docs`.
    pub path: String,
    /// The media type.
    pub media: &'static str,
    /// `Content-Security-Policy` of the page.
    pub policy: String,
    /// The content of the page.
    pub content: Content,
}

/// The content of a page. It is written on the first request, so that an unused page takes no memory. Cheap to clone;
/// copies share the written content.
#[derive(Clone)]
pub struct Content(Arc<LazyLock<Written, Box<dyn FnOnce() -> Written + Send>>>);

/// A page's text and its entity tag.
#[derive(Debug, Clone)]
pub struct Written {
    /// Changes when the text does (RFC 9110, section 8.8.3), without quotes.
    pub tag: String,
    /// The body.
    pub bytes: Bytes,
}

impl Content {
    /// Content that this function writes once.
    pub fn new(write: impl FnOnce() -> Written + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(write))))
    }

    fn written(&self) -> &Written {
        &self.0
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Content").finish_non_exhaustive()
    }
}

/// The page, or 304 if the caller's copy is current.
pub(super) fn serve(page: &Page, headers: &HeaderMap) -> Response<Body> {
    let written = page.content.written();
    let tag = format!("\"{}\"", written.tag);
    let mut response = if holds(headers, &tag) {
        reply::empty(StatusCode::NOT_MODIFIED, HeaderMap::new())
    } else {
        reply::text(page.media, written.bytes.clone())
    };
    let mut put = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    put(ETAG, &tag);
    // Browsers revalidate each time and get no body while the page is the same. So a new server's pages show at once.
    put(CACHE_CONTROL, "no-cache");
    put(CONTENT_SECURITY_POLICY, &page.policy);
    put(X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

/// Whether the caller already has this content.
fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
