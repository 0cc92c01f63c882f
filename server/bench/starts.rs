//! Runs started per second, durably: the answer comes after the flush. Beside it the same requests on the store that forgets, the
//! same door with nothing behind it, and SQLite alone with the same rows.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use runyard_engine::NodeRunId;

use super::child::{Over, Subject};
use super::client::Prepared;
use super::figure::{Fact, Figure};
use super::load::{Asked, Measured, ROUNDS, apart, nanoseconds};
use super::{Bench, BenchError, Report, sample};
use crate::clock::{Clock, Stopwatch};
use crate::store::sqlite::plain::Plain;

const SCENARIO: &str = "starts";

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    let requests: Arc<[Prepared]> = [Prepared::post("/v1/runs", sample::waiting().to_string())].into();
    for connections in bench.connections(&[1, 16, 64, 256]) {
        let asked = Asked { bench, scenario: SCENARIO, requests: &requests, connections };
        let durable = asked.figure(&Subject::of(bench).await?, "durable", report).await?;
        // The yardsticks of this machine say nothing about another one.
        if bench.url.is_some() {
            continue;
        }
        let memory = asked.figure(&Subject::start(Over::Memory).await?, "in memory", report).await?;
        let door = asked.figure(&Subject::start(Over::Nothing).await?, "no-op door", report).await?;
        report.progress(&format!("starts: SQLite alone, {connections} writers"));
        let plain = Figure::of(SCENARIO, "SQLite alone", connections, &plain(bench.seconds, connections).await?);
        report.figure(&plain);
        let mut ratio = |what: &str, one: f64, other: f64| {
            report.fact(&Fact::ratio(SCENARIO, what, connections, one, other));
        };
        ratio("starts over SQLite alone", durable.per_second, plain.per_second);
        ratio("starts over starts in memory", durable.per_second, memory.per_second);
        ratio("p50 over SQLite alone", durable.at(0.5) as f64, plain.at(0.5) as f64);
        let least = (plain.at(0.5) + door.at(0.5)) as f64;
        ratio("p50 over SQLite alone and the no-op door", durable.at(0.5) as f64, least);
    }
    Ok(())
}

/// SQLite alone, with so many writers that each wait for their group.
async fn plain(seconds: Duration, writers: usize) -> Result<Measured, BenchError> {
    let clock = Clock::system();
    let sample = sample::append(&clock).await?;
    let folder = tempfile::tempdir().map_err(BenchError::io("make a folder for measuring"))?;
    let plain = Plain::open(folder.path(), sample).map_err(|error| BenchError::Server(format!("SQLite: {error}")))?;
    let mut all = Measured::new();
    let plain = Arc::new(plain);
    for _ in 0..ROUNDS {
        let (plain, clock) = (plain.clone(), clock.clone());
        all.add(&apart(move || written(plain, clock, seconds / ROUNDS, writers)).await?);
    }
    Ok(all)
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
                plain
                    .write(run, NodeRunId::root(run))
                    .await
                    .map_err(|error| BenchError::Server(format!("SQLite: {error}")))?;
                measured.borrow_mut().latency.saturating_record(nanoseconds(watch.elapsed() - begun));
            }
        }
    };
    futures::future::try_join_all((0..writers).map(|_| write())).await?;
    Ok(Measured { during: watch.elapsed(), ..measured.replace(Measured::new()) })
}
