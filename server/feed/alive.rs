//! Keep-alives: what every format of live events has in common.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::Serialize;

use crate::clock::Clock;
use crate::store::StoreError;

/// How long a stream may be silent by default.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An event as JSON text.
///
/// # Errors
/// It cannot be written as JSON.
pub fn json_text(event: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(event).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Unusable(format!("an event cannot be written as JSON: {error}"))
}

/// Appends an event as JSON.
pub(super) fn json(text: &mut Vec<u8>, event: &impl Serialize) -> Result<(), StoreError> {
    serde_json::to_writer(text, event).map_err(unwritable)
}

/// Forwards chunks, and writes `beat` into every long silence. An error ends the stream between two chunks; the reader
/// sees that the last event is missing and resumes.
pub(super) fn kept_alive<S>(
    chunks: S,
    beat: &'static [u8],
    every: Duration,
    clock: Clock,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static
where
    S: Stream<Item = Result<Bytes, StoreError>> + Send + 'static,
{
    let state: (Pin<Box<S>>, Clock, bool) = (Box::pin(chunks), clock, false);
    futures::stream::unfold(state, move |(mut chunks, clock, over)| async move {
        if over {
            return None;
        }
        tokio::select! {
            biased;
            next = chunks.next() => match next? {
                Ok(chunk) => Some((Ok(chunk), (chunks, clock, false))),
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends early; its reader can resume");
                    Some((Err(std::io::Error::other("the log could not be read; resume later")), (chunks, clock, true)))
                }
            },
            () = clock.sleep(every) => Some((Ok(Bytes::from_static(beat)), (chunks, clock, false))),
        }
    })
}
