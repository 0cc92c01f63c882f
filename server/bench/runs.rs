//! Runs from their start to the terminal event, as their caller sees it: it sends the start, follows the events, and
//! receives the last one. One at a time for the latency; then many at once for the throughput.

use std::sync::Arc;

use runyard::store::sqlite::wal;

use super::child::Subject;
use super::client::{Client, PreparedRequest};
use super::figure::Fact;
use super::load::{FigureSpec, Measurable};
use super::measured::apart;
use super::{Bench, BenchError, Report, sample};

const SCENARIO: &str = "runs";
/// The number of items of the list whose items run in parallel.
const ITEMS: usize = 100;
/// Over how many runs flushes are counted.
const COUNTED: u64 = 8;

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    let whole = |body: serde_json::Value| PreparedRequest::post("/v1/runs", body.to_string()).followed();
    let one_step = whole(sample::one_step());
    let kinds = [
        ("one step", one_step.clone()),
        ("five in a chain", whole(sample::chain(5))),
        ("a hundred side by side", whole(sample::fan_out(ITEMS))),
    ];
    for connections in bench.connections(&[1]) {
        for (name, request) in &kinds {
            let subject = Subject::of(bench).await?;
            let flushes = flushes(&subject, request).await?;
            let requests: Arc<[PreparedRequest]> = [request.clone()].into();
            let spec = FigureSpec { bench, scenario: SCENARIO, connections };
            spec.figure(name, Measurable::Gateway(&subject, &requests), report).await?;
            if let Some(flushes) = flushes {
                let what = format!("flushes for each run, {name}");
                report.fact(&Fact { scenario: SCENARIO, what, connections: 1, value: flushes, unit: "" });
            }
        }
    }
    many(bench, &one_step, report).await
}

/// How many runs of one step end in a second, beside how many are started in one.
async fn many(bench: &Bench, one_step: &PreparedRequest, report: &mut dyn Report) -> Result<(), BenchError> {
    const AT_ONCE: usize = 64;
    let whole: Arc<[PreparedRequest]> = [one_step.clone()].into();
    let start: Arc<[PreparedRequest]> = [PreparedRequest::post("/v1/runs", sample::waiting().to_string())].into();
    let (one, other) = (Subject::of(bench).await?, Subject::of(bench).await?);
    let measured =
        [("one step", Measurable::Gateway(&one, &whole)), ("only started", Measurable::Gateway(&other, &start))];
    let spec = FigureSpec { bench, scenario: SCENARIO, connections: AT_ONCE };
    let [ended, started] = spec.figures(measured, report).await?;
    report.fact(&Fact::ratio(SCENARIO, "runs ended over runs started", AT_ONCE, ended.per_second, started.per_second));
    Ok(())
}

/// How many durable transactions a run needs that is alone on its server.
async fn flushes(subject: &Subject, request: &PreparedRequest) -> Result<Option<f64>, BenchError> {
    let Some(data) = subject.data() else { return Ok(None) };
    let (target, request) = (subject.gateway.clone(), request.clone());
    let counted = |data: &std::path::Path| wal::commits(data).map_err(BenchError::io("read the server's WAL"));
    let before = counted(&data)?;
    apart(move || async move {
        let mut client = Client::open(&target).await?;
        for _ in 0..COUNTED {
            client.ask(&request).await?;
        }
        Ok(())
    })
    .await?;
    // After a checkpoint the WAL begins again, and there is nothing to count.
    Ok(counted(&data)?.checked_sub(before).map(|commits| commits as f64 / COUNTED as f64))
}
