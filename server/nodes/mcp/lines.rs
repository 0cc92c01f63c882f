//! The lines of a program: a limit on their length for its output, and a bounded part of its errors for the log.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, ReadBuf};

use super::target::Target;
use crate::clock::Clock;

/// The longest line of errors that is logged, bytes.
const LOGGED_BYTES_MAX: usize = 1_000;
/// How many lines of errors are logged in a minute.
const LOGGED_PER_MINUTE: u32 = 100;
const MINUTE_MS: i64 = 60_000;

/// Ends its input at a line that is too long, and remembers that. A message of the protocol is one line.
pub(super) struct BoundedLines<R> {
    inner: R,
    bytes_max: usize,
    /// The bytes of the current line so far.
    line_bytes: usize,
    too_large: Arc<AtomicBool>,
}

impl<R> BoundedLines<R> {
    pub(super) fn new(inner: R, bytes_max: usize, too_large: Arc<AtomicBool>) -> Self {
        Self { inner, bytes_max, line_bytes: 0, too_large }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for BoundedLines<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let new = &buf.filled()[before..];
        let first = new.iter().position(|byte| *byte == b'\n').unwrap_or(new.len());
        let longest = self.line_bytes + first;
        self.line_bytes = match new.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => new.len() - last - 1,
            None => longest,
        };
        if longest > self.bytes_max {
            self.too_large.store(true, Ordering::Relaxed);
            buf.set_filled(before);
            return Poll::Ready(Err(std::io::Error::other("a message is larger than allowed")));
        }
        Poll::Ready(Ok(()))
    }
}

/// Logs what a program writes to its standard error, until it ends. Everything is read, so that the program never
/// waits, and a part is logged.
pub(super) async fn log_errors(stderr: impl AsyncRead + Unpin, target: Arc<Target>, clock: Clock) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    let (mut minute, mut logged) = (0, 0);
    loop {
        let Ok(chunk) = reader.fill_buf().await else { return };
        if chunk.is_empty() {
            return;
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let space = LOGGED_BYTES_MAX.saturating_sub(line.len());
        let part = &chunk[..end.unwrap_or(chunk.len())];
        line.extend_from_slice(&part[..part.len().min(space)]);
        let consumed = end.map_or(chunk.len(), |end| end + 1);
        reader.consume(consumed);
        if end.is_none() {
            continue;
        }
        let now = clock.now_ms() / MINUTE_MS;
        if now != minute {
            (minute, logged) = (now, 0);
        }
        logged += 1;
        let server = &target.configured.name;
        if logged <= LOGGED_PER_MINUTE {
            let mut text = String::from_utf8_lossy(&line).trim_end().to_owned();
            target.masks.text(&mut text);
            tracing::info!(server, "{}", text.escape_debug());
        } else if logged == LOGGED_PER_MINUTE + 1 {
            tracing::info!(server, "it writes more lines than {LOGGED_PER_MINUTE} a minute; others are not logged");
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn read(text: &'static str, bytes_max: usize) -> (std::io::Result<usize>, bool) {
        let too_large = Arc::new(AtomicBool::new(false));
        let mut lines = BoundedLines::new(text.as_bytes(), bytes_max, too_large.clone());
        let read = lines.read_to_end(&mut Vec::new()).await;
        (read, too_large.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_ends_the_input() {
        let (fits, flag) = read("12345\n12345\n123", 5).await;
        assert!(fits.is_ok_and(|bytes| bytes == 15) && !flag);
        let (long, flag) = read("123456\n1\n", 5).await;
        assert!(long.is_err() && flag);
    }
}
