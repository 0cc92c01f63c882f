//! Events as NDJSON: one JSON object a line. Keep-alive is one space without a newline, which is leading white space of the
//! next line and so invisible to every JSON reader.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde_json::Value;

use crate::clock::Clock;

/// How long a stream may be silent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a line holds, or why the stream ends early.
pub type Line = Result<Value, crate::store::StoreError>;

/// Writes each value on a line of its own. An error ends the stream without a broken line; the reader sees that no
/// `run_completed` came and resumes.
pub fn ndjson<S>(events: S, clock: Clock) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static
where
    S: Stream<Item = Line> + Send + 'static,
{
    let state: (Pin<Box<S>>, Clock, bool) = (Box::pin(events), clock, false);
    futures::stream::unfold(state, |(mut events, clock, over)| async move {
        if over {
            return None;
        }
        tokio::select! {
            biased;
            next = events.next() => match next? {
                Ok(value) => Some((Ok(line(&value)), (events, clock, false))),
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends early; its reader can resume");
                    Some((Err(std::io::Error::other("the log could not be read; resume later")), (events, clock, true)))
                }
            },
            () = clock.sleep(KEEP_ALIVE) => Some((Ok(Bytes::from_static(b" ")), (events, clock, false))),
        }
    })
}

fn line(value: &Value) -> Bytes {
    let mut text = value.to_string();
    text.push('\n');
    Bytes::from(text)
}
