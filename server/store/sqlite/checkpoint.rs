//! Moves the WAL into the database on a thread and a connection of its own, so that commits do not wait for it.
//!
//! A passive checkpoint works beside the writer. Under steady writes it never catches up to the last page, and the WAL would
//! grow for ever; when it has become long, the writer is stopped for the moment that the small remainder takes.
//!
//! When nothing is written any more, what is left is moved and the file is cut to nothing: a burst takes no room for longer than it lasts.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use super::ack_log::AckLog;
use crate::StoreError;

/// How many times longer than where checkpoints begin the WAL may get before the writer is stopped for one. While the file grows, each
/// sync has to write its length too, which takes several times as long and now and then a hundred times: it is to grow seldom and soon
/// stop. When somebody who reads for long, such as a backup, keeps that from working, it is tried again only after as much again: each
/// try makes commits wait.
const LONG: i64 = 4;

/// Where a WAL stands, in pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wal {
    /// Whether somebody kept it from being done.
    blocked: bool,
    pages: i64,
    moved: i64,
}

impl Wal {
    pub(super) fn waiting(self) -> i64 {
        self.pages - self.moved
    }
}

/// Starts the thread. It works once per nudge, and a last time when the sender is dropped.
pub(super) fn start(
    connection: Connection,
    gate: Arc<Mutex<()>>,
    ack_log: Arc<Mutex<AckLog>>,
    pages: u32,
    idle_after: Duration,
) -> Result<(SyncSender<()>, JoinHandle<()>), StoreError> {
    // One nudge waiting says as much as many.
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
                    // Written over from its beginning, and not cut: a file that grows again makes each sync write its length, too.
                    patience = if self.move_all("RESTART") { self.long } else { wal.pages + self.long };
                }
                Ok(wal) if wal.pages < self.long => patience = self.long,
                done => report(done),
            }
        }
        self.move_all("TRUNCATE");
    }

    /// Moves what is left and cuts the file, where nothing has been written since the last look. Gives how many pages there are now.
    fn rest(&self, seen: i64) -> i64 {
        match measure(&self.connection) {
            Ok(wal) if wal.pages > 0 && wal.pages == seen => {
                // Most of it beside the writer; it waits for the rest alone.
                let moved = checkpoint(&self.connection, "PASSIVE");
                if moved.as_ref().is_ok_and(|wal| wal.waiting() == 0) {
                    self.move_all("TRUNCATE");
                }
                report(moved);
                measure(&self.connection).map_or(0, |wal| wal.pages)
            }
            Ok(wal) => wal.pages,
            Err(_) => 0, // The next look tells more.
        }
    }

    /// Moves what is left while the writer waits. Says whether everything is in the database now.
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

/// Nothing is lost when a checkpoint fails: the WAL has it all, and the next one goes on.
fn report(done: rusqlite::Result<Wal>) {
    if let Err(error) = done {
        tracing::warn!(%error, "a checkpoint of the store failed; the next one goes on");
    }
}

/// Where the WAL stands; moves nothing.
pub(super) fn measure(connection: &Connection) -> rusqlite::Result<Wal> {
    checkpoint(connection, "NOOP")
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Wal> {
    connection
        .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?
        .query_row([], |row| Ok(Wal { blocked: row.get(0)?, pages: row.get(1)?, moved: row.get(2)? }))
}
