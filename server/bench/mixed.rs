//! Starts, reads and whole runs at the same time, from the same connections: of ten requests six read a run, three
//! start one, and one starts a run of one step and follows it to its end.

use std::sync::Arc;

use super::child::Subject;
use super::client::PreparedRequest;
use super::load::{FigureSpec, Measurable};
use super::reads::waiting;
use super::{Bench, BenchError, Report, sample};

const SCENARIO: &str = "mixed";
/// How many runs are read, in turn.
const RUNS: usize = 1_000;

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    let subject = Subject::of(bench).await?;
    report.progress(&format!("{SCENARIO}: starting {RUNS} runs"));
    let started = waiting(&subject.gateway, RUNS).await?;
    let start = PreparedRequest::post("/v1/runs", sample::waiting().to_string()).called("start");
    let whole = PreparedRequest::post("/v1/runs", sample::one_step().to_string()).followed().called("one step");
    let looks = started.iter().map(|run| PreparedRequest::get(&format!("/v1/runs/{}", run.run_id)).called("read"));
    let mut requests = Vec::new();
    for (place, look) in looks.enumerate() {
        requests.push(look);
        match place % 6 {
            0 | 2 | 4 => requests.push(start.clone()),
            5 => requests.push(whole.clone()),
            _ => {}
        }
    }
    let requests: Arc<[PreparedRequest]> = requests.into();
    for connections in bench.connections(&[64]) {
        let spec = FigureSpec { bench, scenario: SCENARIO, connections };
        spec.figure("all", Measurable::Gateway(&subject, &requests), report).await?;
    }
    Ok(())
}
