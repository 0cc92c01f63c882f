//! Keep-alives: what every format of live events has in common.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::clock::Clock;
use crate::store::StoreError;

/// How long a stream may be silent by default.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

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
