//! Events as NDJSON: one JSON object a line. A keep-alive is one space without a newline, which is leading white space
//! of the next line and so ignored by every JSON reader.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::Serialize;

use super::alive::{KEEP_ALIVE, json, kept_alive};
use crate::clock::Clock;
use crate::store::StoreError;

/// The content of a line, or why the stream ends early.
pub type Line<T> = Result<T, StoreError>;

/// Writes each value on a line of its own. An error ends the stream without an incomplete line.
pub fn ndjson<S, T>(events: S, clock: Clock) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static
where
    S: Stream<Item = Line<T>> + Send + 'static,
    T: Serialize,
{
    kept_alive(events.map(|event| line(&event?)), b" ", KEEP_ALIVE, clock)
}

fn line(event: &impl Serialize) -> Result<Bytes, StoreError> {
    let mut text = Vec::new();
    json(&mut text, event)?;
    text.push(b'\n');
    Ok(Bytes::from(text))
}
