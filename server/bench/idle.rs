//! A server without requests: how soon it is ready, and what it uses and writes then.

use std::time::Duration;

use runyard::clock::{Clock, Stopwatch};

use super::child::Subject;
use super::figure::{Fact, Figure};
use super::measured::{Measured, nanoseconds};
use super::over::Backing;
use super::{Bench, BenchError, Report};

const SCENARIO: &str = "idle";
/// How many times a server is started.
const STARTS: u32 = 5;
/// How long a server may take to settle after its start.
const SETTLE: Duration = Duration::from_millis(500);

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    if bench.url.is_some() {
        report.progress("idle: only a server of its own is watched doing nothing");
        return Ok(());
    }
    report.progress("idle: starting servers");
    let mut ready = Measured::new();
    for _ in 0..STARTS {
        let begun = Stopwatch::start();
        let subject = Subject::start(Backing::Disk).await?;
        ready.latency.saturating_record(nanoseconds(begun.elapsed()));
        ready.during += begun.elapsed();
        drop(subject);
    }
    report.figure(&Figure::of(SCENARIO, "cold start to ready", 1, &ready));
    report.progress("idle: watching one do nothing");
    let (subject, clock) = (Subject::start(Backing::Disk).await?, Clock::system());
    clock.sleep(SETTLE).await;
    let (before, begun) = (subject.usage(), Stopwatch::start());
    clock.sleep(bench.seconds).await;
    let (after, took) = (subject.usage(), begun.elapsed());
    let mut fact = |what: &str, value: f64, unit| {
        report.fact(&Fact { scenario: SCENARIO, what: what.to_owned(), connections: 0, value, unit });
    };
    if let Some(bytes) = subject.resident() {
        fact("resident memory", bytes as f64 / 1e6, "MB");
    }
    if let (Some(before), Some(after)) = (before, after) {
        let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64() / took.as_secs_f64();
        fact("of one processor", cpu * 100.0, "%");
        fact("written", after.written.saturating_sub(before.written) as f64, "bytes");
    }
    Ok(())
}
