//! Events as server-sent events (WHATWG HTML, section 9.2): `id` is where a reader resumes (`Last-Event-ID`), `data` one JSON
//! object. Keep-alive is an empty comment, which every reader drops.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde_json::Value;

use super::alive::kept_alive;
use crate::clock::Clock;

/// One event: its place and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its `id`.
    pub id: u64,
    /// Its `data`.
    pub data: Value,
}

/// A frame, or why the stream ends early.
pub type Framed = Result<Frame, crate::store::StoreError>;

/// Writes each frame as one event without a name, so that `onmessage` of a browser's `EventSource` sees it. An error ends the
/// stream between two events.
pub fn sse<S>(frames: S, clock: Clock) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static
where
    S: Stream<Item = Framed> + Send + 'static,
{
    kept_alive(frames.map(|frame| frame.map(|frame| event(&frame))), b":\n\n", clock)
}

/// JSON has no line break outside its strings, and escapes those within: one `data` line always holds it all.
fn event(frame: &Frame) -> Bytes {
    Bytes::from(format!("id: {}\ndata: {}\n\n", frame.id, frame.data))
}
