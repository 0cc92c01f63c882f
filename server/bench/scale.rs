//! How much a server slows down with its data: the same requests on an empty store and on one with very many ended
//! runs, and how soon a server with very many live runs is ready.

use std::path::Path;
use std::sync::Arc;

use runyard::clock::{Clock, Stopwatch};
use runyard::store::folder::Folder;
use runyard::store::location::StoreUrl;
use tempfile::TempDir;

use super::child::{self, Subject};
use super::client::{PreparedRequest, Started};
use super::figure::{Fact, Figure};
use super::load::{FigureSpec, Measurable};
use super::measured::{Measured, nanoseconds};
use super::over::Backing;
use super::reads::waiting;
use super::{Bench, BenchError, Report, sample};
use crate::fill::{self, FillCounts};

const SCENARIO: &str = "scale";
/// Runs that both stores have, so that a first page is full in both.
const RUNS: usize = 1_000;
/// How many times a server with live runs is started.
const STARTS: usize = 5;

/// One request to both, over the gateway or the Runyard API.
struct Compared {
    names: [&'static str; 2],
    what: &'static str,
    connections: usize,
    own: bool,
    requests: [Arc<[PreparedRequest]>; 2],
}

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    if bench.url.is_some() {
        report.progress("scale: only servers of its own are filled");
        return Ok(());
    }
    let full = filled(FillCounts { ended: bench.kept, ..FillCounts::default() }, report).await?;
    let (empty, full) = (Subject::start(Backing::Disk).await?, Subject::start_in(full, Backing::Disk).await?);
    report.progress(&format!("{SCENARIO}: starting {RUNS} runs in both"));
    let started = [waiting(&empty.gateway, RUNS).await?, waiting(&full.gateway, RUNS).await?];
    for connections in bench.connections(&[64]) {
        compare(bench, [&empty, &full], starts(connections), report).await?;
        compare(bench, [&empty, &full], reads(connections, &started), report).await?;
    }
    for compared in [first_page(), counts()] {
        compare(bench, [&empty, &full], compared, report).await?;
    }
    drop((empty, full));
    ready(bench, report).await
}

fn starts(connections: usize) -> Compared {
    let names = ["starts, empty", "starts, filled"];
    let requests = same(PreparedRequest::post("/v1/runs", sample::waiting().to_string()));
    Compared { names, what: "starts, empty over filled", connections, own: false, requests }
}

fn reads(connections: usize, started: &[Vec<Started>; 2]) -> Compared {
    let names = ["reads, empty", "reads, filled"];
    let read = |run: &Started| PreparedRequest::get(&format!("/v1/runs/{}", run.run_id));
    let requests = started.each_ref().map(|runs| runs.iter().map(read).collect());
    Compared { names, what: "reads, empty over filled", connections, own: false, requests }
}

fn first_page() -> Compared {
    let names = ["first page, empty", "first page, filled"];
    let requests = same(PreparedRequest::get("/v1/runs?limit=50"));
    Compared { names, what: "first pages, empty over filled", connections: 1, own: true, requests }
}

fn counts() -> Compared {
    let names = ["counts, empty", "counts, filled"];
    let requests = same(PreparedRequest::get("/v1/run-counts"));
    Compared { names, what: "counts, empty over filled", connections: 1, own: true, requests }
}

/// The same request to both.
fn same(request: PreparedRequest) -> [Arc<[PreparedRequest]>; 2] {
    let one: Arc<[PreparedRequest]> = [request].into();
    [one.clone(), one]
}

async fn compare(
    bench: &Bench,
    [empty, full]: [&Subject; 2],
    compared: Compared,
    report: &mut dyn Report,
) -> Result<(), BenchError> {
    let Compared { names: [few, many], what, connections, own, requests: [to_empty, to_full] } = &compared;
    let of = if *own { Measurable::Own } else { Measurable::Gateway };
    let spec = FigureSpec { bench, scenario: SCENARIO, connections: *connections };
    let [few, many] = spec.figures([(*few, of(empty, to_empty)), (*many, of(full, to_full))], report).await?;
    report.fact(&Fact::ratio(SCENARIO, what, *connections, few.per_second, many.per_second));
    Ok(())
}

/// How soon a server with live runs is ready: half of them sleep, half have a step that is due at once.
async fn ready(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    let mut taken = Measured::new();
    let half = bench.unfinished / 2;
    let folder = filled(FillCounts { asleep: half, due: bench.unfinished - half, ended: 0 }, report).await?;
    for start in 1..=STARTS {
        // A copy each: the first server would leave less to do for the next.
        let copy = child::folder()?;
        copied(folder.path(), copy.path()).map_err(BenchError::io("copy a folder for measuring"))?;
        report.progress(&format!(
            "{SCENARIO}: starting a server over {} unfinished runs, {start} of {STARTS}",
            bench.unfinished
        ));
        let begun = Stopwatch::start();
        let subject = Subject::start_in(copy, Backing::Disk).await?;
        taken.latency.saturating_record(nanoseconds(begun.elapsed()));
        taken.during += begun.elapsed();
        drop(subject);
    }
    report.figure(&Figure::of(SCENARIO, "ready, all unfinished", 1, &taken));
    Ok(())
}

fn copied(from: &Path, to: &Path) -> std::io::Result<()> {
    let (from, to) = (child::data(from), child::data(to));
    std::fs::create_dir_all(&to)?;
    for file in std::fs::read_dir(from)? {
        let file = file?;
        std::fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// A folder with this many runs.
async fn filled(wanted: FillCounts, report: &mut dyn Report) -> Result<TempDir, BenchError> {
    let folder = child::folder()?;
    let failed = |error: &dyn std::fmt::Display| BenchError::Server(format!("cannot be filled: {error}"));
    let owned = Folder::own(child::data(folder.path())).map_err(|error| failed(&error))?;
    let store = StoreUrl::default().open(owned.path(), usize::MAX).map_err(|error| failed(&error))?;
    let progress = |runs| report.progress(&format!("{SCENARIO}: {runs} runs are there"));
    let filled = fill::fill(store, "default", wanted, &Clock::system(), progress).await;
    filled.map_err(|error| failed(&error))?;
    Ok(folder)
}
