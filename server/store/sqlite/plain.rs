//! SQLite alone: writes the rows of one run repeatedly under new ids, in groups like the store. The baseline for the
//! store's cost in `runyard bench`.
//!
//! The rows are those that the store itself wrote for a sample, with any schema. Nothing is looked up, checked or
//! counted.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use runyard_engine::{NodeRunId, RunId};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use tokio::sync::oneshot;

use super::append;
use super::claims::{EffectCache, EffectChanges};
use super::convert::{self, Id};
use super::counts::Deltas;
use super::prepared::PreparedAppend;
use super::stop::Stop;
use super::{FILE_NAME, Options, schema};
use crate::{Append, StoreError};

/// SQLite's default.
const CHECKPOINT_PAGES: u32 = 1000;

/// A database for writes only.
#[derive(Debug)]
pub struct Plain {
    // Exists until the drop.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Job {
    run: RunId,
    root: NodeRunId,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// A row of the sample.
#[derive(Debug)]
struct Row {
    insert: String,
    cells: Vec<Cell>,
}

#[derive(Debug)]
enum Cell {
    Same(Value),
    Run,
    Root,
}

impl Plain {
    /// Opens a database in this folder, and reads the rows of a sample run.
    ///
    /// # Errors
    /// As opening a store; and if the sample is refused.
    pub fn open(folder: &Path, sample: Append) -> Result<Self, StoreError> {
        let connection = schema::open(&folder.join(FILE_NAME), &Options::default())?;
        let (run, root) = (sample.run, NodeRunId::root(sample.run));
        let prepared = PreparedAppend::new(sample)?;
        let effect_cache = EffectCache::open(&connection, None)?;
        append::append(&connection, &mut Deltas::default(), &mut EffectChanges::new(&effect_cache), &prepared)
            .map_err(|stop| match stop {
                Stop::Refused(error) => error,
                Stop::Broken(error) => convert::failure(error),
            })?;
        let rows = learn(&connection, run, root).map_err(convert::failure)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(convert::failure)?;
        let (jobs, inbox) = channel();
        let thread = thread::Builder::new()
            .name("plain-writer".into())
            .spawn(move || work(&connection, &rows, &inbox))
            .map_err(|error| StoreError::Failed(Box::new(error)))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Writes the rows of one more run, and returns when they are durable.
    ///
    /// # Errors
    /// The error of SQLite.
    pub async fn write(&self, run: RunId, root: NodeRunId) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(convert::stopped)?;
        jobs.send(Job { run, root, answer }).map_err(|_| convert::stopped())?;
        answered.await.unwrap_or_else(|_| Err(convert::stopped()))
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // A panic has already been reported.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Every row that contains the run's id.
fn learn(connection: &Connection, run: RunId, root: NodeRunId) -> rusqlite::Result<Vec<Row>> {
    let [run, root] = [Id::from(run), Id::from(root)].map(|id| Value::Blob(id.0.as_bytes().to_vec()));
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")?;
    let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut found = Vec::new();
    for table in tables {
        let mut select = connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let columns = select.column_count();
        let places: Vec<String> = (1..=columns).map(|place| format!("?{place}")).collect();
        let insert = format!("INSERT INTO \"{table}\" VALUES ({})", places.join(", "));
        let read = |row: &rusqlite::Row<'_>| (0..columns).map(|place| row.get(place)).collect();
        let rows: Vec<Vec<Value>> = select.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
        let cell = |value| match value {
            value if value == run => Cell::Run,
            value if value == root => Cell::Root,
            value => Cell::Same(value),
        };
        let ours = rows.into_iter().filter(|row| row.contains(&run));
        found.extend(ours.map(|row| Row { insert: insert.clone(), cells: row.into_iter().map(cell).collect() }));
    }
    Ok(found)
}

fn work(connection: &Connection, rows: &[Row], inbox: &Receiver<Job>) {
    while let Ok(first) = inbox.recv() {
        let batch: Vec<Job> = std::iter::once(first).chain(inbox.try_iter()).collect();
        let written = together(connection, rows, &batch);
        for job in batch {
            let answer = written.as_ref().map_err(|error| StoreError::Failed(error.to_string().into())).copied();
            // A caller that no longer waits is no error.
            let _ = job.answer.send(answer);
        }
    }
}

fn together(connection: &Connection, rows: &[Row], batch: &[Job]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut inserts =
        rows.iter().map(|row| connection.prepare_cached(&row.insert)).collect::<rusqlite::Result<Vec<_>>>()?;
    for job in batch {
        for (row, insert) in rows.iter().zip(&mut inserts) {
            let (run, root) = (Id::from(job.run), Id::from(job.root));
            let cells = row.cells.iter().map(|cell| match cell {
                Cell::Same(value) => value as &dyn rusqlite::ToSql,
                Cell::Run => &run,
                Cell::Root => &root,
            });
            insert.execute(params_from_iter(cells))?;
        }
    }
    connection.execute_batch("COMMIT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::conformance::fixture::{TENANT, start};
    use crate::sqlite::Sqlite;

    #[tokio::test]
    async fn what_it_writes_is_what_the_store_would_have_written() {
        let folder = tempfile::tempdir().unwrap();
        let sample = start(1).0;
        let others: Vec<RunId> = (2..40).map(|n| RunId::from_uuid(uuid::Uuid::from_u128(n))).collect();
        let plain = Plain::open(folder.path(), sample.clone()).unwrap();
        let written =
            futures::future::join_all(others.iter().map(|run| plain.write(*run, NodeRunId::root(*run)))).await;
        assert!(written.iter().all(Result::is_ok), "{written:?}");
        drop(plain);
        let store = Sqlite::open(folder.path(), Options::default()).unwrap();
        let log = store.log(TENANT, sample.run, 0, 9).await.unwrap();
        assert_eq!(log.len(), 1);
        for run in others {
            let row = store.row(TENANT, run).await.unwrap().unwrap();
            assert_eq!((row.run, row.status, row.version), (run, sample.row.status, sample.row.version));
            assert_eq!(store.log(TENANT, run, 0, 9).await.unwrap(), log);
        }
    }
}
