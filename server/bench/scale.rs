//! What a server minds of what it keeps: the same requests on an empty store and on one with very many runs that have ended, and how soon
//! a server is ready that has very many to go on with.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::child::{self, Over, Subject};
use super::client::Prepared;
use super::figure::{Fact, Figure};
use super::load::{Asked, Measurable, Measured, nanoseconds};
use super::reads::waiting;
use super::{Bench, BenchError, Report, sample};
use crate::clock::{Clock, Stopwatch};
use crate::fill::{self, Wanted};
use crate::store::folder::Folder;
use crate::store::sqlite::{Options, Sqlite};

const SCENARIO: &str = "scale";
/// Runs that both have, so that a first page is full in both.
const RUNS: usize = 1_000;
/// How often a server is started over runs that have not ended.
const STARTS: usize = 5;

/// One thing that is asked of both.
struct Compared {
    names: [&'static str; 2],
    what: &'static str,
    connections: usize,
    own: bool,
    requests: Arc<[Prepared]>,
}

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    if bench.url.is_some() {
        report.progress("scale: only servers of its own are filled");
        return Ok(());
    }
    let full = filled(Wanted { ended: bench.kept, ..Wanted::default() }, report).await?;
    let (empty, full) = (Subject::start(Over::Disk).await?, Subject::start_in(full, Over::Disk).await?);
    report.progress(&format!("{SCENARIO}: starting {RUNS} runs in both"));
    let (few, many) = (waiting(&empty.gateway, RUNS).await?, waiting(&full.gateway, RUNS).await?);
    compare(bench, [&empty, &full], starts(), report).await?;
    let reads = |started: &[super::client::Started]| -> Arc<[Prepared]> {
        started.iter().map(|run| Prepared::get(&format!("/v1/runs/{}", run.run_id))).collect()
    };
    let asked = Asked { bench, scenario: SCENARIO, connections: MANY };
    let (few, many) = (reads(&few), reads(&many));
    let measured =
        [("reads, empty", Measurable::Gateway(&empty, &few)), ("reads, filled", Measurable::Gateway(&full, &many))];
    let [before, after] = asked.figures(measured, report).await?;
    report.fact(&Fact::ratio(SCENARIO, "reads, empty over filled", MANY, before.per_second, after.per_second));
    for compared in [first_page(), counts()] {
        compare(bench, [&empty, &full], compared, report).await?;
    }
    drop((empty, full));
    ready(bench, report).await
}

/// Connections where it matters how many requests there are in a second.
const MANY: usize = 64;

fn starts() -> Compared {
    let start = Prepared::post("/v1/runs", sample::waiting().to_string());
    let names = ["starts, empty", "starts, filled"];
    Compared { names, what: "starts, empty over filled", connections: MANY, own: false, requests: [start].into() }
}

fn first_page() -> Compared {
    let page = Prepared::get("/v1/runs?limit=50");
    let names = ["first page, empty", "first page, filled"];
    Compared { names, what: "first pages, empty over filled", connections: 1, own: true, requests: [page].into() }
}

fn counts() -> Compared {
    let counts = Prepared::get("/v1/run-counts");
    let names = ["counts, empty", "counts, filled"];
    Compared { names, what: "counts, empty over filled", connections: 1, own: true, requests: [counts].into() }
}

async fn compare(
    bench: &Bench,
    [empty, full]: [&Subject; 2],
    compared: Compared,
    report: &mut dyn Report,
) -> Result<(), BenchError> {
    let Compared { names: [before, after], what, connections, own, requests } = &compared;
    let of = |subject| if *own { Measurable::Own(subject, requests) } else { Measurable::Gateway(subject, requests) };
    let asked = Asked { bench, scenario: SCENARIO, connections: *connections };
    let [before, after] = asked.figures([(*before, of(empty)), (*after, of(full))], report).await?;
    report.fact(&Fact::ratio(SCENARIO, what, *connections, before.per_second, after.per_second));
    Ok(())
}

/// How soon a server is ready whose runs have not ended: half of them sleep, half have a step to do at once.
async fn ready(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    let mut taken = Measured::new();
    let half = bench.unfinished / 2;
    let folder = filled(Wanted { asleep: half, due: bench.unfinished - half, ended: 0 }, report).await?;
    for start in 1..=STARTS {
        // A copy each: the first server would leave less to do for the next.
        let copy = child::folder()?;
        copied(folder.path(), copy.path()).map_err(BenchError::io("copy a folder for measuring"))?;
        report.progress(&format!(
            "{SCENARIO}: starting a server over {} unfinished runs, {start} of {STARTS}",
            bench.unfinished
        ));
        let begun = Stopwatch::start();
        let subject = Subject::start_in(copy, Over::Disk).await?;
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

/// A folder with so many runs.
async fn filled(wanted: Wanted, report: &mut dyn Report) -> Result<TempDir, BenchError> {
    let folder = child::folder()?;
    let failed = |error: &dyn std::fmt::Display| BenchError::Server(format!("cannot be filled: {error}"));
    let owned = Folder::own(child::data(folder.path())).map_err(|error| failed(&error))?;
    let store = Sqlite::open(owned.path(), Options::default()).map_err(|error| failed(&error))?;
    let progress = |runs| report.progress(&format!("{SCENARIO}: {runs} runs are there"));
    let filled = fill::fill(Arc::new(store), "default", wanted, &Clock::system(), progress).await;
    filled.map_err(|error| failed(&error))?;
    Ok(folder)
}
