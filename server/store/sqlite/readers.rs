//! A few threads, each with its own read-only connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{convert, schema};
use crate::StoreError;

/// The maximum number of waiting reads; more get `Busy`.
const WAITING_MAX: usize = 4096;

type Read = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Debug)]
pub(super) struct Readers {
    // Exists until the drop.
    reads: Option<SyncSender<Read>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn open(path: &Path, count: usize) -> Result<Self, StoreError> {
        let (reads, waiting) = sync_channel(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads = Vec::with_capacity(count);
        for number in 0..count {
            let connection = schema::open_to_read(path)?;
            let waiting = Arc::clone(&waiting);
            let thread = thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || work(connection, &waiting))
                .map_err(|error| StoreError::Failed(Box::new(error)))?;
            threads.push(thread);
        }
        Ok(Readers { reads: Some(reads), threads })
    }

    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let read: Read = Box::new(move |connection| {
            if !answer.is_closed() {
                // A caller that no longer waits is no error.
                let _ = answer.send(read(connection));
            }
        });
        match self.reads.as_ref().ok_or_else(convert::stopped)?.try_send(read) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(convert::stopped())),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy(format!("{WAITING_MAX} reads are waiting").into())),
            Err(TrySendError::Disconnected(_)) => Err(convert::stopped()),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.reads.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // Panics have been reported where they happened.
        }
    }
}

fn work(mut connection: Connection, waiting: &Mutex<Receiver<Read>>) {
    loop {
        // The lock is released before the read starts, so that the next thread can wait.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(read) = next else { return };
        // If a read panics, its dropped channel gives the caller an error; the thread continues.
        if catch_unwind(AssertUnwindSafe(|| read(&mut connection))).is_err() {
            tracing::error!("a read of the store panicked");
        }
    }
}
