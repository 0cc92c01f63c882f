//! Parses newline-delimited JSON from a connection: bytes in, values out.
//!
//! It handles three cases that a naive reader gets wrong. Chunks end anywhere; white space before a line is a
//! keep-alive; a line that never ends must not exhaust the memory.

use std::collections::VecDeque;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde_json::Value;

/// The default limit for the length of a line, in bytes.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a stream of lines ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum LineError<E> {
    /// The connection broke. Resume after the last value.
    #[error("the stream broke")]
    Broken(#[source] E),
    /// The stream ended in the middle of a line. Resume after the last value.
    #[error("the stream was cut in the middle of a line")]
    Cut,
    /// A line is not JSON. A retry will not help.
    #[error("line {line} of the stream is not JSON")]
    NotJson {
        /// From 1, without keep-alives.
        line: u64,
        /// The error of the parser.
        #[source]
        source: serde_json::Error,
    },
    /// A line is longer than the limit. A retry will not help.
    #[error("line {line} of the stream is longer than {max} bytes")]
    TooLong {
        /// From 1, without keep-alives.
        line: u64,
        /// The limit.
        max: usize,
    },
}

/// The values of a stream, one per line, with lines of at most [`LINE_BYTES_MAX`]. Ends after the first error.
pub fn lines<S, E>(bytes: S) -> impl Stream<Item = Result<Value, LineError<E>>> + Send
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Send,
{
    lines_up_to(bytes, LINE_BYTES_MAX)
}

/// [`lines`] with another limit, in bytes.
pub fn lines_up_to<S, E>(bytes: S, line_bytes_max: usize) -> impl Stream<Item = Result<Value, LineError<E>>> + Send
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Send,
{
    let reading = Some(Reading { bytes, decoder: Decoder::new(line_bytes_max), decoded: VecDeque::new() });
    stream::unfold(reading, |reading| async {
        let mut reading = reading?;
        let item = reading.next().await?;
        let rest = item.is_ok().then_some(reading);
        Some((item, rest))
    })
}

struct Reading<S, E> {
    bytes: S,
    decoder: Decoder,
    decoded: VecDeque<Result<Value, LineError<E>>>,
}

impl<S, E> Reading<S, E>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    async fn next(&mut self) -> Option<Result<Value, LineError<E>>> {
        loop {
            if let Some(item) = self.decoded.pop_front() {
                return Some(item);
            }
            match self.bytes.next().await {
                Some(Ok(chunk)) => self.decoder.feed(&chunk, &mut self.decoded),
                Some(Err(error)) => return Some(Err(LineError::Broken(error))),
                None => return self.decoder.finish(),
            }
        }
    }
}

/// The state of the line that is being read.
struct Decoder {
    line: Vec<u8>,
    /// The number of lines begun so far.
    count: u64,
    line_bytes_max: usize,
}

impl Decoder {
    fn new(line_bytes_max: usize) -> Self {
        Self { line: Vec::new(), count: 0, line_bytes_max }
    }

    /// Adds bytes, and appends the values of complete lines to `out`. After an error it appends no more.
    fn feed<E>(&mut self, mut chunk: &[u8], out: &mut VecDeque<Result<Value, LineError<E>>>) {
        loop {
            if self.line.is_empty() {
                chunk = chunk.trim_ascii_start();
                if chunk.is_empty() {
                    return;
                }
                self.count += 1;
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let (part, rest) = end.map_or((chunk, None), |end| (&chunk[..end], Some(&chunk[end + 1..])));
            if self.line.len() + part.len() > self.line_bytes_max {
                out.push_back(Err(LineError::TooLong { line: self.count, max: self.line_bytes_max }));
                return;
            }
            self.line.extend_from_slice(part);
            let Some(rest) = rest else { return };
            match serde_json::from_slice(&self.line) {
                Ok(value) => out.push_back(Ok(value)),
                Err(source) => {
                    out.push_back(Err(LineError::NotJson { line: self.count, source }));
                    return;
                }
            }
            self.line.clear();
            chunk = rest;
        }
    }

    /// Handles a last line without a newline, which some servers leave out. A complete value is accepted, unless it is
    /// a number, which could have had more digits (`12` of `123`).
    fn finish<E>(&mut self) -> Option<Result<Value, LineError<E>>> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return None;
        }
        let whole = serde_json::from_slice(&line).ok().filter(|value: &Value| !value.is_number());
        Some(whole.ok_or(LineError::Cut))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"seq\":1}\n \t {\"seq\":2,\"text\":\"\u{e4}\\n\"}\r\n\n\n  {\"seq\":3}\n   ";

    async fn read(chunks: Vec<Result<Bytes, &'static str>>, max: usize) -> Vec<Result<Value, LineError<&'static str>>> {
        lines_up_to(stream::iter(chunks), max).collect().await
    }

    fn chunks(text: &str, size: usize) -> Vec<Result<Bytes, &'static str>> {
        text.as_bytes().chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect()
    }

    fn sequence(items: &[Result<Value, LineError<&'static str>>]) -> Vec<u64> {
        items.iter().flatten().map(|value| value["seq"].as_u64().unwrap()).collect()
    }

    #[tokio::test]
    async fn chunks_may_end_anywhere_and_white_space_before_a_line_is_no_line() {
        for size in 1..=TEXT.len() {
            let items = read(chunks(TEXT, size), 64).await;
            assert!(items.iter().all(Result::is_ok), "in chunks of {size}");
            assert_eq!(sequence(&items), [1, 2, 3], "in chunks of {size}");
        }
    }

    #[tokio::test]
    async fn idle_for_ever_takes_no_memory_and_breaks_no_bound() {
        let mut stream = vec![Ok(Bytes::from_static(b" ")); 1000];
        stream.push(Ok(Bytes::from_static(b"{\"seq\":1}\n")));
        assert_eq!(sequence(&read(stream, 16).await), [1]);
    }

    #[tokio::test]
    async fn a_last_line_without_its_end_counts_when_it_cannot_have_been_longer() {
        let whole = read(chunks("{\"seq\":1}\n{\"seq\":2}", 4), 64).await;
        assert_eq!(sequence(&whole), [1, 2]);
        assert_eq!(read(chunks("\"{}\"", 2), 64).await.len(), 1);
        for cut in ["12", "{\"seq\":", "[1", "tru"] {
            let items = read(chunks(&format!("{{\"seq\":1}}\n{cut}"), 4), 64).await;
            assert_eq!(sequence(&items[..1]), [1]);
            assert!(matches!(items[1..], [Err(LineError::Cut)]), "{cut}");
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_ends_the_stream_and_names_itself() {
        let text = format!("{{\"seq\":1}}\n{}", "x".repeat(100));
        let items = read(chunks(&text, 7), 64).await;
        assert!(matches!(items[1..], [Err(LineError::TooLong { line: 2, max: 64 })]));
        let whole_line = read(chunks("{\"seq\":1000000}\n", 100), 8).await;
        assert!(matches!(whole_line[..], [Err(LineError::TooLong { line: 1, max: 8 })]));
    }

    #[tokio::test]
    async fn what_is_not_json_ends_the_stream_and_what_came_before_is_kept() {
        let items = read(chunks("{\"seq\":1}\n<html>\n{\"seq\":2}\n", 100), 64).await;
        assert_eq!(sequence(&items), [1]);
        assert!(matches!(items[1..], [Err(LineError::NotJson { line: 2, .. })]));
    }

    #[tokio::test]
    async fn a_broken_connection_is_not_an_end() {
        let items = read(vec![Ok(Bytes::from_static(b"{\"seq\":1}\n")), Err("reset")], 64).await;
        assert_eq!(sequence(&items), [1]);
        assert!(matches!(items[1..], [Err(LineError::Broken("reset"))]));
        assert!(read(chunks("", 1), 64).await.is_empty());
    }
}
