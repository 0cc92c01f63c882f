//! The only thread that writes. It takes a batch of the waiting jobs (`inbox.rs`), executes them in one transaction, syncs
//! once, and then answers all callers. The more callers wait, the less each commit costs.
//!
//! If SQLite fails in the middle of a batch, the batch is rolled back and each entry runs again in its own transaction.
//! So an entry's failure does not affect the others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, SyncSender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::ack_log::AckLog;
use super::api_keys;
use super::append;
use super::claims::{self, EffectCache, EffectChanges};
use super::counts::Deltas;
use super::inbox::{BatchMax, Inbox};
use super::job::{Answer, Commits, Job};
use super::objects::{self, Changed};
use super::options::Options;
use super::prepared::PreparedAppend;
use super::removals::{self, Removals};
use super::stop::Stop;
use super::{checkpoint, convert};
use crate::api_key::ApiKey;
use crate::{Append, StoreError};
use runyard_engine::RunId;

/// The bounded queue of the writer.
#[derive(Debug)]
pub(super) struct Queue {
    jobs: Sender<Job>,
    waiting: Arc<Waiting>,
    entries_max: usize,
    bytes_max: usize,
}

/// The jobs that are queued and not yet taken.
#[derive(Debug, Default)]
struct Waiting {
    entries: AtomicUsize,
    bytes: AtomicUsize,
}

impl Queue {
    /// A queue with any reader, to test what callers see when the writer dies.
    #[cfg(test)]
    pub(super) fn to(jobs: Sender<Job>) -> Self {
        Queue { jobs, waiting: Arc::default(), entries_max: usize::MAX, bytes_max: usize::MAX }
    }

    /// Sends a job to the writer and waits for its answer.
    pub(super) async fn ask<T>(&self, job: impl FnOnce(Answer<Result<T, StoreError>>) -> Job) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.push(job(answer))?;
        answered.await.unwrap_or_else(|_| Err(convert::stopped()))
    }

    fn push(&self, job: Job) -> Result<(), StoreError> {
        let (entries, bytes) = (job.entries(), job.bytes());
        // A full queue takes nothing. A queue with space takes the whole job, so that a large job is not refused
        // forever.
        let reserved = |most: usize, more: usize| move |waiting| (waiting < most).then_some(waiting + more);
        let take = |waiting: &AtomicUsize, most, more| {
            waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, reserved(most, more))
        };
        if let Err(waiting) = take(&self.waiting.entries, self.entries_max, entries) {
            return Err(StoreError::Busy(format!("{waiting} writes are waiting").into()));
        }
        if let Err(waiting) = take(&self.waiting.bytes, self.bytes_max, bytes) {
            self.waiting.entries.fetch_sub(entries, Ordering::Relaxed);
            return Err(StoreError::Busy(format!("{waiting} bytes are waiting to be written").into()));
        }
        self.jobs.send(job).map_err(|_| convert::stopped())
    }
}

/// Commits, and returns the results in the order of the entries.
pub(super) async fn commit(queue: Result<&Queue, StoreError>, appends: Vec<Append>) -> Commits {
    let count = appends.len();
    if count == 0 {
        return Vec::new();
    }
    let mut refused = Vec::new();
    let mut entries = Vec::with_capacity(count);
    for (place, append) in appends.into_iter().enumerate() {
        match prepared(append).await {
            Ok(prepared) => entries.push(prepared),
            Err(error) => refused.push((place, error)),
        }
    }
    let sound = entries.len();
    let asked = async {
        let (answer, answered) = oneshot::channel();
        queue?.push(Job::Commit(entries, answer))?;
        answered.await.map_err(|_| convert::stopped())
    };
    let mut answers = asked.await.unwrap_or_else(|error| shared(error, sound));
    for (place, error) in refused {
        answers.insert(place, Err(error));
    }
    answers
}

/// Serializes an append; a long one off the async runtime.
async fn prepared(append: Append) -> Result<PreparedAppend, StoreError> {
    /// Up to a tenth of a millisecond.
    const EVENTS_MAX: usize = 64;
    if append.events.len() <= EVENTS_MAX {
        return PreparedAppend::new(append);
    }
    let prepared = tokio::task::spawn_blocking(move || PreparedAppend::new(append)).await;
    prepared.unwrap_or_else(|error| Err(StoreError::Failed(Box::new(error))))
}

/// One error for several entries.
fn shared(error: StoreError, count: usize) -> Commits {
    let text = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    let busy = matches!(error, StoreError::Busy(_));
    let each = || match busy {
        true => StoreError::Busy(text.clone().into()),
        false => StoreError::Failed(text.clone().into()),
    };
    (0..count).map(|_| Err(each())).collect()
}

/// Starts the thread. It ends when the queue is dropped and empty.
pub(super) fn start(
    connection: Connection,
    effect_cache: Arc<EffectCache>,
    gate: Arc<Mutex<()>>,
    ack_log: Arc<Mutex<AckLog>>,
    nudge: SyncSender<()>,
    options: &Options,
) -> Result<(Queue, JoinHandle<()>), StoreError> {
    let (jobs, inbox) = channel();
    let waiting = Arc::new(Waiting::default());
    let writer = Writer {
        connection,
        effect_cache,
        inbox: Inbox::new(inbox),
        waiting: Arc::clone(&waiting),
        gate,
        ack_log,
        nudge,
        batch_max: BatchMax { entries: options.batch_entries_max, bytes: options.batch_bytes_max },
        checkpoint_pages: i64::from(options.checkpoint_pages),
    };
    let thread = thread::Builder::new()
        .name("store-writer".into())
        .spawn(move || writer.work())
        .map_err(|error| StoreError::Failed(Box::new(error)))?;
    let (entries_max, bytes_max) = (options.queue_entries_max.max(1), options.queue_bytes_max.max(1));
    Ok((Queue { jobs, waiting, entries_max, bytes_max }, thread))
}

struct Writer {
    connection: Connection,
    effect_cache: Arc<EffectCache>,
    inbox: Inbox,
    waiting: Arc<Waiting>,
    gate: Arc<Mutex<()>>,
    ack_log: Arc<Mutex<AckLog>>,
    nudge: SyncSender<()>,
    batch_max: BatchMax,
    checkpoint_pages: i64,
}

/// The result of a job, held back until it is durable.
enum Done {
    Commit(Commits),
    Load(Result<(), StoreError>),
    AddKey(Result<(), StoreError>),
    RevokeKey(Result<Option<ApiKey>, StoreError>),
    ChangeObjects(Result<Changed, StoreError>),
    Remove(Result<Vec<RunId>, StoreError>),
    Sweep(Result<usize, StoreError>),
    Ping(Result<(), StoreError>),
}

impl Writer {
    fn work(mut self) {
        while let Some(batch) = self.inbox.batch(self.batch_max) {
            self.waiting.entries.fetch_sub(batch.iter().map(Job::entries).sum(), Ordering::Relaxed);
            self.waiting.bytes.fetch_sub(batch.iter().map(Job::bytes).sum(), Ordering::Relaxed);
            self.announce_removals(&batch);
            let done = self.perform(&batch);
            self.ack_log(&batch, &done);
            for (job, done) in batch.into_iter().zip(done) {
                answer(job, done);
            }
            self.after_batch();
        }
    }

    /// Adds durable versions to the acknowledgement log before any caller gets an answer.
    fn ack_log(&self, batch: &[Job], done: &[Done]) {
        let committed = batch.iter().zip(done).filter_map(|(job, done)| match (job, done) {
            (Job::Commit(entries, _), Done::Commit(commits)) => Some(entries.iter().zip(commits)),
            _ => None,
        });
        let versions = committed.flatten().filter(|(_, commit)| commit.is_ok()).map(|(entry, _)| entry.version());
        self.ack_log.lock().unwrap_or_else(PoisonError::into_inner).acknowledged(versions);
    }

    /// Adds runs to the acknowledgement log before they are removed.
    fn announce_removals(&self, batch: &[Job]) {
        for job in batch {
            if let Job::Remove(Removals { tenant, removals, .. }, _) = job {
                let runs = removals.iter().map(|removal| removal.run);
                self.ack_log.lock().unwrap_or_else(PoisonError::into_inner).going(tenant, runs);
            }
        }
    }

    fn perform(&mut self, batch: &[Job]) -> Vec<Done> {
        let mut done = if batch.iter().any(Job::writes) { self.write(batch) } else { Vec::new() };
        done.resize_with(batch.len(), || Done::Load(Ok(())));
        for (job, done) in batch.iter().zip(&mut done) {
            if let Job::Load(load, _) = job {
                // Only after the previous write is durable: claimers get only durable effects.
                *done = Done::Load(claims::load(&self.connection, &self.effect_cache, load));
            }
        }
        done
    }

    fn write(&mut self, batch: &[Job]) -> Vec<Done> {
        let written = self.transaction(|connection, deltas, changes| {
            batch.iter().map(|job| together(connection, deltas, changes, job)).collect()
        });
        match written {
            Ok(done) => done,
            // Another process holds the lock: a retry for each entry would only make all wait longer.
            Err(error) if is_busy(&error) => batch.iter().map(|job| all_busy(job, &error)).collect(),
            Err(error) => {
                tracing::warn!(%error, jobs = batch.len(), "a batch failed; its entries are tried one by one");
                batch.iter().map(|job| self.alone(job)).collect()
            }
        }
    }

    /// Each entry in its own transaction.
    fn alone(&mut self, job: &Job) -> Done {
        match job {
            Job::Commit(entries, _) => {
                let each =
                    |entry| self.one(|connection, deltas, changes| append::append(connection, deltas, changes, entry));
                Done::Commit(entries.iter().map(each).collect())
            }
            Job::Load(..) => Done::Load(Ok(())),
            Job::AddKey(key, _) => Done::AddKey(self.one(|connection, _, _| api_keys::add(connection, key))),
            Job::RevokeKey(end, _) => Done::RevokeKey(self.one(|connection, _, _| api_keys::revoke(connection, end))),
            Job::ChangeObjects(changes, _) => {
                Done::ChangeObjects(self.one(|connection, _, _| Ok(objects::change(connection, changes)?)))
            }
            Job::Remove(removals, _) => Done::Remove(
                self.one(|connection, deltas, changes| removals::remove(connection, deltas, changes, removals)),
            ),
            Job::Sweep(limit, _) => Done::Sweep(self.one(|connection, _, _| removals::sweep(connection, *limit))),
            Job::Ping(_) => Done::Ping(self.one(|connection, _, _| ping(connection))),
        }
    }

    fn one<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Deltas, &mut EffectChanges<'_>) -> Result<T, Stop>,
    ) -> Result<T, StoreError> {
        // A refused entry has written nothing, so a commit equals a rollback.
        self.transaction(|connection, deltas, changes| sorted(work(connection, deltas, changes)))
            .map_err(convert::failure)?
    }

    /// The job and its counts in one durable transaction, or not at all.
    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Deltas, &mut EffectChanges<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let _checkpoints_wait = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = &self.connection;
        control(connection, "BEGIN IMMEDIATE")?;
        let (mut deltas, mut changes) = (Deltas::default(), EffectChanges::new(&self.effect_cache));
        let done = work(connection, &mut deltas, &mut changes).and_then(|done| {
            deltas.write(connection)?;
            control(connection, "COMMIT")?;
            Ok(done)
        });
        if done.is_ok() {
            changes.apply();
        } else if !connection.is_autocommit() {
            // Some errors have already rolled back; this is for the others.
            control(connection, "ROLLBACK")?;
        }
        done
    }

    fn after_batch(&self) {
        match checkpoint::measure(&self.connection) {
            // A waiting signal is enough.
            Ok(wal) if wal.waiting() >= self.checkpoint_pages => drop(self.nudge.try_send(())),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the WAL could not be measured"),
        }
    }
}

/// Begins or ends a transaction, with a statement that is compiled once.
fn control(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(|_| ())
}

/// A refusal is an answer; only an SQLite error stops the transaction.
fn sorted<T>(done: Result<T, Stop>) -> rusqlite::Result<Result<T, StoreError>> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(Stop::Refused(error)) => Ok(Err(error)),
        Err(Stop::Broken(error)) => Err(error),
    }
}

fn together(
    connection: &Connection,
    deltas: &mut Deltas,
    changes: &mut EffectChanges<'_>,
    job: &Job,
) -> rusqlite::Result<Done> {
    Ok(match job {
        Job::Commit(entries, _) => {
            let each = |entry| sorted(append::append(connection, deltas, changes, entry));
            Done::Commit(entries.iter().map(each).collect::<rusqlite::Result<_>>()?)
        }
        Job::Load(..) => Done::Load(Ok(())),
        Job::AddKey(key, _) => Done::AddKey(sorted(api_keys::add(connection, key))?),
        Job::RevokeKey(end, _) => Done::RevokeKey(sorted(api_keys::revoke(connection, end))?),
        Job::ChangeObjects(changes, _) => Done::ChangeObjects(Ok(objects::change(connection, changes)?)),
        Job::Remove(removals, _) => Done::Remove(sorted(removals::remove(connection, deltas, changes, removals))?),
        Job::Sweep(limit, _) => Done::Sweep(sorted(removals::sweep(connection, *limit))?),
        Job::Ping(_) => Done::Ping(sorted(ping(connection))?),
    })
}

fn ping(connection: &Connection) -> Result<(), Stop> {
    connection.prepare_cached("SELECT 1 FROM meta")?.exists([])?;
    Ok(())
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn all_busy(job: &Job, error: &rusqlite::Error) -> Done {
    let busy = || StoreError::Busy(error.to_string().into());
    match job {
        Job::Commit(entries, _) => Done::Commit(entries.iter().map(|_| Err(busy())).collect()),
        Job::Load(..) => Done::Load(Ok(())),
        Job::AddKey(..) => Done::AddKey(Err(busy())),
        Job::RevokeKey(..) => Done::RevokeKey(Err(busy())),
        Job::ChangeObjects(..) => Done::ChangeObjects(Err(busy())),
        Job::Remove(..) => Done::Remove(Err(busy())),
        Job::Sweep(..) => Done::Sweep(Err(busy())),
        Job::Ping(_) => Done::Ping(Err(busy())),
    }
}

/// Sends the answer. A caller that no longer waits is no error.
fn answer(job: Job, done: Done) {
    match (job, done) {
        (Job::Commit(_, answer), Done::Commit(done)) => drop(answer.send(done)),
        (Job::Load(_, answer), Done::Load(done)) => drop(answer.send(done)),
        (Job::AddKey(_, answer), Done::AddKey(done)) => drop(answer.send(done)),
        (Job::RevokeKey(_, answer), Done::RevokeKey(done)) => drop(answer.send(done)),
        (Job::ChangeObjects(_, answer), Done::ChangeObjects(done)) => drop(answer.send(done)),
        (Job::Remove(_, answer), Done::Remove(done)) => drop(answer.send(done)),
        (Job::Sweep(_, answer), Done::Sweep(done)) => drop(answer.send(done)),
        (Job::Ping(answer), Done::Ping(done)) => drop(answer.send(done)),
        // Each job has its own type of answer; a mismatch gives the caller an error, so that it does not wait.
        _ => tracing::error!("a job of the store was answered as another"),
    }
}
