//! The options of a SQLite store.

use std::time::Duration;

/// The options of a SQLite store. The defaults are for a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of reader threads.
    pub readers: usize,
    /// The maximum number of appends and other writes that wait for the writer; more get `Busy`.
    pub queue_entries_max: usize,
    /// The same limit in bytes to write.
    pub queue_bytes_max: usize,
    /// The maximum number of entries in one transaction.
    pub batch_entries_max: usize,
    /// The bytes to write after which a transaction takes no more entries: all of them wait for the last one.
    pub batch_bytes_max: usize,
    /// The length of the WAL at which it is moved into the database, in units of 4096 bytes.
    pub checkpoint_pages: u32,
    /// How long the store is idle before the WAL is moved into the database and truncated.
    pub idle_after: Duration,
    /// The maximum pages of the database; at the limit, commits fail until there is space. Absent: limited by the disk.
    pub pages_max: Option<u32>,
    /// How many calls of one tenant are claimed at a time. Absent: no limit.
    pub calls_of_tenant_max: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            readers: 4,
            queue_entries_max: 4096,
            queue_bytes_max: 64 << 20,
            batch_entries_max: 512,
            batch_bytes_max: 256 << 10,
            checkpoint_pages: 1000,
            idle_after: Duration::from_secs(2),
            pages_max: None,
            calls_of_tenant_max: None,
        }
    }
}
