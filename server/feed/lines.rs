//! Events as NDJSON: one JSON object a line. A keep-alive is one space without a newline, which is leading white space
//! of the next line and so ignored by every JSON reader.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde_json::Value;

use super::alive::{KEEP_ALIVE, kept_alive};
use crate::clock::Clock;

/// The content of a line, or why the stream ends early.
pub type Line = Result<Value, crate::store::StoreError>;

/// Writes each value on a line of its own. An error ends the stream without an incomplete line.
pub fn ndjson<S>(events: S, clock: Clock) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static
where
    S: Stream<Item = Line> + Send + 'static,
{
    kept_alive(events.map(|event| event.map(|value| line(&value))), b" ", KEEP_ALIVE, clock)
}

fn line(value: &Value) -> Bytes {
    let mut text = value.to_string();
    text.push('\n');
    Bytes::from(text)
}
