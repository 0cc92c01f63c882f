//! Reads of runs, beside the same requests at the API alone.

use std::sync::Arc;

use super::child::Subject;
use super::client::{Client, PreparedRequest, Started, Target};
use super::figure::Fact;
use super::load::{FigureSpec, Measurable};
use super::measured::apart;
use super::over::Backing;
use super::{Bench, BenchError, Report, sample};

const SCENARIO: &str = "reads";
/// How many runs are read, in turn.
const RUNS: usize = 1_000;

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    let (subject, still) = (Subject::of(bench).await?, Subject::start(Backing::Nothing).await?);
    report.progress(&format!("{SCENARIO}: starting {RUNS} runs"));
    let started = waiting(&subject.gateway, RUNS).await?;
    let requests: Arc<[PreparedRequest]> =
        started.iter().map(|run| PreparedRequest::get(&format!("/v1/runs/{}", run.run_id))).collect();
    for connections in bench.connections(&[1, 64]) {
        let spec = FigureSpec { bench, scenario: SCENARIO, connections };
        if bench.url.is_some() {
            spec.figure("one run", Measurable::Gateway(&subject, &requests), report).await?;
            continue;
        }
        let measured = [
            ("one run", Measurable::Gateway(&subject, &requests)),
            ("no-op API", Measurable::Gateway(&still, &requests)),
        ];
        let [read, api] = spec.figures(measured, report).await?;
        let ratio = Fact::ratio(SCENARIO, "reads over the no-op API", connections, read.per_second, api.per_second);
        report.fact(&ratio);
    }
    Ok(())
}

/// Starts this many runs that wait for an external worker.
pub(super) async fn waiting(target: &Target, count: usize) -> Result<Vec<Started>, BenchError> {
    /// How many starts are concurrent.
    const AT_ONCE: usize = 16;
    let target = target.clone();
    apart(move || async move {
        let start = PreparedRequest::post("/v1/runs", sample::waiting().to_string());
        let some = |place: usize| {
            let (target, start) = (target.clone(), start.clone());
            async move {
                let (mut client, mut started) = (Client::open(&target).await?, Vec::new());
                for _ in (place..count).step_by(AT_ONCE) {
                    let (status, answer) = client.send(&start).await?;
                    if !status.is_success() {
                        return Err(BenchError::Server(format!("answered {status} to a start")));
                    }
                    started.push(Started::read(&answer)?);
                }
                Ok(started)
            }
        };
        Ok(futures::future::try_join_all((0..AT_ONCE).map(some)).await?.concat())
    })
    .await
}
