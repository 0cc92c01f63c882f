//! Bodies of streams.
//!
//! The feed decides what the bytes mean, and handles keep-alives and resuming. The host only transports them, and ends
//! the stream between two chunks when the server stops.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt};
use http_body::Frame;
use http_body_util::StreamBody;

use super::Body;

/// A stream of chunks. Each chunk should be whole lines (NDJSON) or whole events (SSE): when the server stops, the host
/// ends the stream between two chunks.
///
/// An error ends the response without its proper end, so that the client detects that it is incomplete.
pub struct ByteStream {
    chunks: BoxStream<'static, io::Result<Bytes>>,
}

impl ByteStream {
    /// A byte stream of these chunks.
    pub fn new(chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self { chunks: chunks.boxed() }
    }

    pub(super) fn into_body(self) -> Body {
        Body::wrap(StreamBody::new(Shared(Mutex::new(self.chunks))))
    }
}

impl Stream for ByteStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.poll_next_unpin(cx)
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStream")
    }
}

/// Dropshot requires `Sync` bodies, and streams rarely are. The mutex is never locked: polling has the only reference.
struct Shared(Mutex<BoxStream<'static, io::Result<Bytes>>>);

impl Stream for Shared {
    type Item = io::Result<Frame<Bytes>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunks = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        chunks.poll_next_unpin(cx).map_ok(Frame::data)
    }
}
