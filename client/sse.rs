//! Parses server-sent events from a connection: bytes in, the JSON of each event out.
//!
//! The parser is from `sse-stream`. This module ends the stream at data that is not JSON, and limits the size of an
//! event.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use sse_stream::{Error, SseByteStream};

use crate::ndjson::{LINE_BYTES_MAX, LineError};

/// The values of a stream, one per event with data; an event has at most [`LINE_BYTES_MAX`] bytes. Ends after the first
/// error. An incomplete event at the end is dropped.
pub fn events<S, E>(bytes: S) -> impl Stream<Item = Result<Value, LineError<SseError>>> + Send
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::error::Error + Send + Sync + 'static,
{
    events_up_to(bytes, LINE_BYTES_MAX)
}

/// An event that some servers send as a keep-alive. The standard uses comments for that.
const KEEP_ALIVE: &str = "keepalive";

/// Why an event stream could not be parsed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SseError(Error);

/// The number of bytes since the last event, which the parser holds.
#[derive(Clone, Default)]
struct Held(Arc<AtomicUsize>);

#[derive(Debug, thiserror::Error)]
enum Feed<E> {
    #[error("too long")]
    TooLong,
    #[error(transparent)]
    Broken(E),
}

fn events_up_to<S, E>(bytes: S, event_bytes_max: usize) -> impl Stream<Item = Result<Value, LineError<SseError>>> + Send
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::error::Error + Send + Sync + 'static,
{
    let held = Held::default();
    let feeding = held.clone();
    let fed = bytes.map(move |chunk| {
        let chunk = chunk.map_err(Feed::Broken)?;
        let before = feeding.0.fetch_add(chunk.len(), Ordering::Relaxed);
        if before > event_bytes_max { Err(Feed::TooLong) } else { Ok(chunk) }
    });
    let reading = Some((SseByteStream::new(fed), held, 0));
    stream::unfold(reading, move |reading| async move {
        let (mut parser, held, mut number) = reading?;
        loop {
            let event = parser.next().await?;
            number += 1;
            let item = match event {
                Ok(event) => {
                    held.0.store(0, Ordering::Relaxed);
                    let Some(data) = event.data else { continue };
                    // A keep-alive has no data.
                    if event.event.as_deref() == Some(KEEP_ALIVE) {
                        continue;
                    }
                    serde_json::from_str(&data).map_err(|source| LineError::NotJson { line: number, source })
                }
                Err(error) => Err(refused::<E>(error, number, event_bytes_max)),
            };
            let rest = item.is_ok().then_some((parser, held, number));
            return Some((item, rest));
        }
    })
}

fn refused<E: std::error::Error + 'static>(error: Error, line: u64, max: usize) -> LineError<SseError> {
    match &error {
        Error::Body(cause) if matches!(cause.downcast_ref(), Some(Feed::<E>::TooLong)) => {
            LineError::TooLong { line, max }
        }
        Error::Body(_) => LineError::Broken(SseError(error)),
        _ => {
            let source = serde::de::Error::custom(format!("no event stream: {error}"));
            LineError::NotJson { line, source }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = ":\n\nid: 1\ndata: {\"seq\":1}\n\n: alive\n\nevent: step\nid: 2\ndata: {\"seq\":\ndata: 2}\n\nretry: 5\n\nevent: keepalive\ndata: null\n\nid: 3\r\ndata: {\"seq\":3}\r\n\r\nid: 4\ndata: {\"se";

    async fn read(chunks: Vec<Result<Bytes, std::io::Error>>, max: usize) -> Vec<Result<Value, LineError<SseError>>> {
        events_up_to(stream::iter(chunks), max).collect().await
    }

    fn chunks(text: &str, size: usize) -> Vec<Result<Bytes, std::io::Error>> {
        text.as_bytes().chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect()
    }

    fn sequence(items: &[Result<Value, LineError<SseError>>]) -> Vec<u64> {
        items.iter().flatten().map(|value| value["seq"].as_u64().unwrap()).collect()
    }

    #[tokio::test]
    async fn chunks_may_end_anywhere_and_what_was_cut_is_not_given() {
        for size in 1..=TEXT.len() {
            let items = read(chunks(TEXT, size), 64).await;
            assert!(items.iter().all(Result::is_ok), "in chunks of {size}: {items:?}");
            assert_eq!(sequence(&items), [1, 2, 3], "in chunks of {size}");
        }
    }

    #[tokio::test]
    async fn an_event_that_never_ends_ends_the_stream() {
        let text = format!("data: {{\"seq\":1}}\n\ndata: {}", "x".repeat(1000));
        let items = read(chunks(&text, 16), 64).await;
        assert_eq!(sequence(&items), [1]);
        assert!(matches!(items[1..], [Err(LineError::TooLong { line: 2, max: 64 })]), "{items:?}");
    }

    #[tokio::test]
    async fn invalid_json_and_a_broken_connection_are_different_errors() {
        let items = read(chunks("data: {\"seq\":1}\n\ndata: <html>\n\n", 7), 64).await;
        assert!(matches!(items[1..], [Err(LineError::NotJson { line: 2, .. })]), "{items:?}");
        let mut broken = chunks("data: {\"seq\":1}\n\n", 7);
        broken.push(Err(std::io::Error::other("reset")));
        let items = read(broken, 64).await;
        assert!(
            matches!(&items[1..], [Err(LineError::Broken(error))] if error.to_string().contains("reset")),
            "{items:?}"
        );
    }
}
