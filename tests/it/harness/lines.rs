//! A strict reader of NDJSON: whole lines, each of them JSON. Keep-alives are white space before a line.

use std::pin::Pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde_json::Value;

use super::PATIENCE;

/// Lines as they arrive.
pub struct Lines {
    bytes: Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>,
    open: Vec<u8>,
    /// The bytes so far of a line without its newline.
    pub keep_alives: usize,
}

impl Lines {
    pub fn of<E: ToString>(bytes: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Self {
        let bytes = Box::pin(bytes.map(|chunk| chunk.map_err(|error| error.to_string())));
        Lines { bytes, open: Vec::new(), keep_alives: 0 }
    }

    /// The next line, or nothing when the stream has ended cleanly.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.open.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.open.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            if !self.more().await {
                let rest = String::from_utf8_lossy(&self.open);
                assert!(rest.trim().is_empty(), "the stream ended within a line: {rest}");
                return None;
            }
        }
    }

    /// Waits for more bytes; false at the end of the stream.
    pub async fn more(&mut self) -> bool {
        let chunk = tokio::time::timeout(PATIENCE, self.bytes.next()).await.expect("a stream fell silent");
        match chunk {
            Some(chunk) => {
                let chunk = chunk.expect("a stream broke");
                self.keep_alives += usize::from(&*chunk == b" ");
                self.open.extend_from_slice(&chunk);
                true
            }
            None => false,
        }
    }

    /// Every line to the end.
    pub async fn rest(mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Some(line) = self.next().await {
            all.push(line);
        }
        all
    }
}
