//! Runs started per second, durably: the answer comes after the flush. Beside it the same requests on the memory
//! store, the same API without a store, and SQLite alone with the same rows.

use std::sync::Arc;

use super::child::Subject;
use super::client::PreparedRequest;
use super::figure::Fact;
use super::load::{FigureSpec, Measurable};
use super::over::Backing;
use super::yardstick::Yardstick;
use super::{Bench, BenchError, Report, sample};

const SCENARIO: &str = "starts";
/// The default numbers of connections.
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    let requests: Arc<[PreparedRequest]> = [PreparedRequest::post("/v1/runs", sample::waiting().to_string())].into();
    if bench.url.is_some() {
        // The yardsticks of this machine mean nothing for another one.
        let subject = Subject::of(bench).await?;
        for connections in bench.connections(&CONNECTIONS) {
            let spec = FigureSpec { bench, scenario: SCENARIO, connections };
            spec.figure("durable", Measurable::Gateway(&subject, &requests), report).await?;
        }
        return Ok(());
    }
    for connections in bench.connections(&CONNECTIONS) {
        let spec = FigureSpec { bench, scenario: SCENARIO, connections };
        let (disk, memory) = (Subject::start(Backing::Disk).await?, Subject::start(Backing::Memory).await?);
        let (still, yardstick) = (Subject::start(Backing::Nothing).await?, Yardstick::new().await?);
        let measured = [
            ("durable", Measurable::Gateway(&disk, &requests)),
            ("in memory", Measurable::Gateway(&memory, &requests)),
            ("no-op API", Measurable::Gateway(&still, &requests)),
            ("SQLite alone", Measurable::Plain(&yardstick)),
        ];
        let [durable, memory, api, plain] = spec.figures(measured, report).await?;
        let mut ratio = |what: &str, one: f64, other: f64| {
            report.fact(&Fact::ratio(SCENARIO, what, connections, one, other));
        };
        ratio("starts over SQLite alone", durable.per_second, plain.per_second);
        ratio("starts over starts in memory", durable.per_second, memory.per_second);
        ratio("p50 over SQLite alone", durable.at(0.5) as f64, plain.at(0.5) as f64);
        let least = (plain.at(0.5) + api.at(0.5)) as f64;
        ratio("p50 over SQLite alone and the no-op API", durable.at(0.5) as f64, least);
    }
    Ok(())
}
