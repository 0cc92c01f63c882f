//! A strict reader of server-sent events: `id`, then `data` with one JSON object, then an empty line; comments in between.

use std::pin::Pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde_json::Value;

use super::PATIENCE;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub id: u64,
    pub data: Value,
}

/// Events as they come.
pub struct Frames {
    bytes: Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>,
    open: String,
}

impl Frames {
    pub fn of<E: ToString>(bytes: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Self {
        let bytes = Box::pin(bytes.map(|chunk| chunk.map_err(|error| error.to_string())));
        Frames { bytes, open: String::new() }
    }

    /// The next event, or nothing when the stream has ended well.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((event, rest)) = self.open.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.open = rest;
                if event != ":" {
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

fn read(event: &str) -> Frame {
    let (id, data) = event.split_once('\n').unwrap();
    let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    let frame = Frame { id: id.strip_prefix("id: ").unwrap().parse().unwrap(), data };
    assert_eq!(frame.data["seq"].as_u64(), Some(frame.id), "the id is the seq");
    frame
}
