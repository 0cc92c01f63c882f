//! A strict reader of server-sent events: `id`, an optional `event`, `data` with one JSON object, then an empty line;
//! keep-alives in between.

use std::pin::Pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde_json::Value;

use super::PATIENCE;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub id: u64,
    pub event: Option<String>,
    pub data: Value,
}

/// Events as they arrive.
pub struct Frames {
    bytes: Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>,
    open: String,
}

impl Frames {
    pub fn of<E: ToString>(bytes: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Self {
        let bytes = Box::pin(bytes.map(|chunk| chunk.map_err(|error| error.to_string())));
        Frames { bytes, open: String::new() }
    }

    /// The next event, or nothing when the stream has ended cleanly.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((event, rest)) = self.open.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.open = rest;
                if event != ":" && event != "event: keepalive\ndata: null" {
                    return Some(read(&event));
                }
                continue;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.bytes.next()).await.expect("a stream fell silent");
            let Some(chunk) = chunk else {
                assert_eq!(self.open, "", "the stream ended within an event");
                return None;
            };
            self.open.push_str(std::str::from_utf8(&chunk.expect("a stream broke")).unwrap());
        }
    }

    /// Every event to the end.
    pub async fn rest(mut self) -> Vec<Frame> {
        let mut all = Vec::new();
        while let Some(frame) = self.next().await {
            all.push(frame);
        }
        all
    }
}

fn read(text: &str) -> Frame {
    let (id, rest) = text.split_once('\n').unwrap();
    let (event, data) = match rest.split_once('\n') {
        Some((event, data)) => (Some(event.strip_prefix("event: ").unwrap().to_owned()), data),
        None => (None, rest),
    };
    let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    let id = id.strip_prefix("id: ").unwrap().parse().unwrap();
    let place = if event.is_some() { "id" } else { "seq" };
    assert_eq!(data[place].as_u64(), Some(id), "the id is the {place}");
    Frame { id, event, data }
}
