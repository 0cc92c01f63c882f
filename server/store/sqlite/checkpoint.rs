//! Moves the WAL into the database on a thread and a connection of its own, so that commits do not wait for it.
//!
//! A passive checkpoint works beside the writer. Under steady writes it never reaches the last page, and the WAL would
//! grow without limit. When the WAL has become long, the writer stops for the short time that the remainder takes.
//!
//! When writes stop, the remainder is moved and the file is truncated, so that a burst uses disk space only for a short
//! time.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use super::ack_log::AckLog;
use crate::StoreError;

/// The writer is stopped for a checkpoint when the WAL is this many times longer than the threshold of normal
/// checkpoints. While the file grows, each sync also writes its length, which takes several times as long and sometimes
/// a hundred times. So the file should grow rarely and stop early. If a long reader, such as a backup, prevents the
/// checkpoint, the next try comes only after the same growth again: each try makes commits wait.
const LONG: i64 = 4;

/// The state of a WAL, in pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wal {
    /// Whether a reader or writer prevented the checkpoint.
    blocked: bool,
    pages: i64,
    moved: i64,
}

impl Wal {
    pub(super) fn waiting(self) -> i64 {
        self.pages - self.moved
    }
}

/// Starts the thread. It runs a checkpoint per signal, and a last one when the sender is dropped.
pub(super) fn start(
    connection: Connection,
    gate: Arc<Mutex<()>>,
    ack_log: Arc<Mutex<AckLog>>,
    pages: u32,
    idle_after: Duration,
) -> Result<(SyncSender<()>, JoinHandle<()>), StoreError> {
    // One waiting signal is enough.
    let (nudge, nudges) = sync_channel(1);
    let thread = thread::Builder::new()
        .name("store-checkpoints".into())
        .spawn(move || {
            Checkpoints { connection, gate, ack_log, long: i64::from(pages) * LONG, idle_after }.work(&nudges);
        })
        .map_err(|error| StoreError::Failed(Box::new(error)))?;
    Ok((nudge, thread))
}

struct Checkpoints {
    connection: Connection,
    gate: Arc<Mutex<()>>,
    ack_log: Arc<Mutex<AckLog>>,
    long: i64,
    idle_after: Duration,
}

impl Checkpoints {
    fn work(self, nudges: &Receiver<()>) {
        let (mut patience, mut seen) = (self.long, 0);
        loop {
            match nudges.recv_timeout(self.idle_after) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => {
                    seen = self.rest(seen);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            match checkpoint(&self.connection, "PASSIVE") {
                Ok(wal) if wal.pages >= patience || (wal.waiting() == 0 && self.ack_log().is_long()) => {
                    // Restarted from its beginning, and not truncated: if a file grows again, each sync writes its
                    // length too.
                    patience = if self.move_all("RESTART") { self.long } else { wal.pages + self.long };
                }
                Ok(wal) if wal.pages < self.long => patience = self.long,
                done => report(done),
            }
        }
        self.move_all("TRUNCATE");
    }

    /// Moves the remainder and truncates the file, if nothing has been written since the last check. Returns the
    /// current number of pages.
    fn rest(&self, seen: i64) -> i64 {
        match measure(&self.connection) {
            Ok(wal) if wal.pages > 0 && wal.pages == seen => {
                // Most of it is moved beside the writer; the writer waits only for the rest.
                let moved = checkpoint(&self.connection, "PASSIVE");
                if moved.as_ref().is_ok_and(|wal| wal.waiting() == 0) {
                    self.move_all("TRUNCATE");
                }
                report(moved);
                measure(&self.connection).map_or(0, |wal| wal.pages)
            }
            Ok(wal) => wal.pages,
            Err(_) => 0, // The next check decides.
        }
    }

    /// Moves the remainder while the writer waits. Returns whether the whole WAL is in the database now.
    fn move_all(&self, mode: &str) -> bool {
        let _writer_waits = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let done = checkpoint(&self.connection, mode);
        let all = done.as_ref().is_ok_and(|wal| !wal.blocked && wal.waiting() == 0);
        if all {
            self.ack_log().forget();
        }
        report(done);
        all
    }

    fn ack_log(&self) -> MutexGuard<'_, AckLog> {
        self.ack_log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failed checkpoint loses nothing: the WAL still has all data, and the next checkpoint continues.
fn report(done: rusqlite::Result<Wal>) {
    if let Err(error) = done {
        tracing::warn!(%error, "a checkpoint of the store failed; the next one goes on");
    }
}

/// The state of the WAL; this moves nothing.
pub(super) fn measure(connection: &Connection) -> rusqlite::Result<Wal> {
    checkpoint(connection, "NOOP")
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Wal> {
    connection
        .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?
        .query_row([], |row| Ok(Wal { blocked: row.get(0)?, pages: row.get(1)?, moved: row.get(2)? }))
}
