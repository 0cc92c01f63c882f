//! The yardstick for stores: SQLite alone, with writers that each wait for their group commit.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use runyard::clock::{Clock, Stopwatch};
use runyard::store::StoreError;
use runyard::store::sqlite::plain::Plain;
use runyard_engine::NodeRunId;
use tempfile::TempDir;

use super::measured::{Measured, apart, nanoseconds};
use super::{BenchError, sample};

/// A database in a folder of its own, which is removed with it.
pub(super) struct Yardstick {
    plain: Arc<Plain>,
    clock: Clock,
    _folder: TempDir,
}

impl Yardstick {
    pub(super) async fn new() -> Result<Self, BenchError> {
        let clock = Clock::system();
        let sample = sample::append(&clock).await?;
        let folder = tempfile::tempdir().map_err(BenchError::io("make a folder for measuring"))?;
        let plain = Plain::open(folder.path(), sample).map_err(failed)?;
        Ok(Self { plain: Arc::new(plain), clock, _folder: folder })
    }

    /// This many writers, each with the next run when its last one is durable.
    pub(super) async fn round(&self, during: Duration, writers: usize) -> Result<Measured, BenchError> {
        let (plain, clock) = (self.plain.clone(), self.clock.clone());
        apart(move || written(plain, clock, during, writers)).await
    }
}

async fn written(plain: Arc<Plain>, clock: Clock, during: Duration, writers: usize) -> Result<Measured, BenchError> {
    let (measured, watch) = (Rc::new(RefCell::new(Measured::new())), Stopwatch::start());
    let write = || {
        let (plain, clock, measured) = (plain.clone(), clock.clone(), measured.clone());
        async move {
            loop {
                let begun = watch.elapsed();
                if begun >= during {
                    return Ok(());
                }
                let run = clock.new_run_id();
                plain.write(run, NodeRunId::root(run)).await.map_err(failed)?;
                measured.borrow_mut().latency.saturating_record(nanoseconds(watch.elapsed() - begun));
            }
        }
    };
    futures::future::try_join_all((0..writers).map(|_| write())).await?;
    Ok(Measured { during: watch.elapsed(), ..measured.replace(Measured::new()) })
}

fn failed(error: StoreError) -> BenchError {
    BenchError::Server(format!("SQLite: {error}"))
}
