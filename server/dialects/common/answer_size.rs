//! Limits a page of a list in bytes as well as in entries, because one entry can be a megabyte.

use std::io::{self, Write};

use serde::Serialize;

/// The default size of a page's entries, bytes.
pub const DEFAULT_BYTES: usize = 1024 * 1024;

/// The space left on a page.
#[derive(Debug)]
pub struct AnswerSize {
    left: usize,
    empty: bool,
}

impl AnswerSize {
    /// A page of this many bytes.
    pub fn of(bytes: usize) -> Self {
        Self { left: bytes, empty: true }
    }

    /// Whether this entry still fits. The first one always does, so that every list can be read to its end.
    pub fn admits<T: Serialize>(&mut self, entry: &T) -> bool {
        let bytes = json_bytes(entry);
        let fits = self.empty || bytes <= self.left;
        if fits {
            self.empty = false;
            self.left = self.left.saturating_sub(bytes);
        }
        fits
    }
}

/// The length of a value as JSON, bytes.
pub fn json_bytes<T: Serialize>(value: &T) -> usize {
    let mut count = Count(0);
    // Counting cannot fail. A value that is not JSON is reported when the answer is serialized.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_before_the_entry_that_does_not_fit_and_never_before_the_first() {
        let mut page = AnswerSize::of(10);
        assert!(page.admits(&"x".repeat(100)));
        assert!(!page.admits(&""));
        let mut page = AnswerSize::of(10);
        assert!(page.admits(&"123456") && page.admits(&""));
        assert!(!page.admits(&1));
    }
}
