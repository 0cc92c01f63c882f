//! The memory of a server after its work: resident memory above that of before, and the size of the WAL.

use std::sync::Arc;
use std::time::Duration;

use runyard::clock::Clock;
use runyard::store::sqlite::FILE_NAME;

use super::child::Subject;
use super::client::PreparedRequest;
use super::figure::Fact;
use super::load::{FigureSpec, Measurable};
use super::over::Backing;
use super::{Bench, BenchError, Report, sample};

const SCENARIO: &str = "memory";
/// The default number of connections.
const CONNECTIONS: [usize; 1] = [16];
/// How long a server may take to settle after its start.
const SETTLE: Duration = Duration::from_secs(1);
/// How long a server rests after the load.
const REST: Duration = Duration::from_secs(6);

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    if bench.url.is_some() {
        report.progress("memory: only a server of its own is looked at from outside");
        return Ok(());
    }
    let post = |body: serde_json::Value| PreparedRequest::post("/v1/runs", body.to_string());
    let loads = [
        ("only started", post(sample::waiting())),
        ("one step", post(sample::one_step()).followed()),
        ("five in a chain", post(sample::chain(5)).followed()),
        ("twenty in a chain", post(sample::chain(20)).followed()),
        ("a hundred side by side", post(sample::fan_out(100)).followed()),
    ];
    for connections in bench.connections(&CONNECTIONS) {
        for (name, request) in &loads {
            let (subject, clock) = (Subject::start(Backing::Disk).await?, Clock::system());
            clock.sleep(SETTLE).await;
            let before = subject.resident();
            let requests: Arc<[PreparedRequest]> = [request.clone()].into();
            let spec = FigureSpec { bench, scenario: SCENARIO, connections };
            spec.figure(name, Measurable::Gateway(&subject, &requests), report).await?;
            clock.sleep(REST).await;
            let mut fact = |what: &str, bytes: f64| {
                let what = format!("{what}, {name}");
                report.fact(&Fact { scenario: SCENARIO, what, connections, value: bytes / 1e6, unit: "MB" });
            };
            if let (Some(before), Some(after)) = (before, subject.resident()) {
                fact("resident memory above idle at rest", after as f64 - before as f64);
            }
            if let Some(data) = subject.data() {
                let wal = std::fs::metadata(data.join(format!("{FILE_NAME}-wal")));
                fact("WAL at rest", wal.map_or(0, |file| file.len()) as f64);
            }
        }
    }
    Ok(())
}
