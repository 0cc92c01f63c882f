//! Events as server-sent events (WHATWG HTML, section 9.2): `id` is where a reader resumes (`Last-Event-ID`), `data`
//! one JSON object. A keep-alive is an empty comment, which every reader ignores, unless an API has its own.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::Serialize;

use super::alive::{KEEP_ALIVE, json, kept_alive};
use crate::clock::Clock;
use crate::store::StoreError;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame<T> {
    /// Its `id`.
    pub id: u64,
    /// Its `event`. An event without one is received by `onmessage` of a browser's `EventSource`.
    pub name: Option<&'static str>,
    /// Its `data`.
    pub data: T,
}

/// The keep-alive.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// How long a silence has to be.
    pub every: Duration,
    /// The bytes to send.
    pub text: &'static str,
}

impl Default for Beat {
    /// A comment.
    fn default() -> Self {
        Beat { every: KEEP_ALIVE, text: ":\n\n" }
    }
}

/// The bytes of events, or why the stream ends early.
pub type Written = Result<Bytes, StoreError>;

/// A frame, or why the stream ends early.
pub type Framed<T> = Result<Frame<T>, StoreError>;

/// Writes each frame as one event. An error ends the stream between two events.
pub fn sse<S, T>(
    frames: S,
    beat: Beat,
    clock: Clock,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static
where
    S: Stream<Item = Framed<T>> + Send + 'static,
    T: Serialize,
{
    kept_alive(frames.map(|frame| event(&frame?)), beat.text.as_bytes(), beat.every, clock)
}

/// Events that are bytes already, with an empty comment in every long silence.
pub fn with_comments<S>(chunks: S, clock: Clock) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static
where
    S: Stream<Item = Written> + Send + 'static,
{
    let Beat { every, text } = Beat::default();
    kept_alive(chunks, text.as_bytes(), every, clock)
}

/// JSON has no line break outside its strings, and escapes those inside, so one `data` line is always enough.
fn event<T: Serialize>(frame: &Frame<T>) -> Result<Bytes, StoreError> {
    let name = frame.name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    let mut text = format!("id: {}\n{name}data: ", frame.id).into_bytes();
    json(&mut text, &frame.data)?;
    text.extend_from_slice(b"\n\n");
    Ok(Bytes::from(text))
}
