//! Reads one connection: bytes in either format in, events out.

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::header::CONTENT_TYPE;
use runyard_api::client::{ByteStream, ResponseValue};
use serde_json::Value;

use super::event::Event;
use crate::ndjson::{self, LineError};
use crate::sse;

/// Why a connection returns no more events.
pub(super) enum Gone {
    /// Resume after the last event.
    Broken(String),
    /// A retry will not help.
    NotEvents(String),
}

/// The events of a response.
pub(super) fn events<E: Event>(answer: ResponseValue<ByteStream>) -> BoxStream<'static, Result<E, Gone>> {
    let media = answer.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let is_sse = media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("text/event-stream"));
    let bytes = answer.into_inner_stream();
    if is_sse { typed(sse::events(bytes)).boxed() } else { typed(ndjson::lines(bytes)).boxed() }
}

fn typed<E: Event, C: std::error::Error>(
    values: impl Stream<Item = Result<Value, LineError<C>>> + Send,
) -> impl Stream<Item = Result<E, Gone>> + Send {
    values.map(|value| match value {
        Ok(value) => serde_path_to_error::deserialize(value).map_err(|error| {
            let (place, reason) = (error.path().to_string(), error.into_inner());
            Gone::NotEvents(if place == "." { reason.to_string() } else { format!("{place}: {reason}") })
        }),
        Err(LineError::Broken(error)) => Err(Gone::Broken(root_cause(&error))),
        Err(error @ LineError::Cut) => Err(Gone::Broken(error.to_string())),
        Err(error) => Err(Gone::NotEvents(error.to_string())),
    })
}

/// The last error of the chain, which names the cause; the others only say that something went wrong.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
