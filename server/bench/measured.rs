//! The result of a load, and the thread on which one is measured.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::BenchError;

/// The result of a load.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Nanoseconds.
    pub(super) latency: Histogram<u64>,
    /// The same for each kind of request, if there are several.
    pub(super) kinds: BTreeMap<&'static str, Histogram<u64>>,
    pub(super) during: Duration,
    /// Answers without success.
    pub(super) refused: u64,
    /// The 99th percentile over the median, of each round.
    pub(super) tails: Vec<f64>,
}

impl Measured {
    pub(super) fn new() -> Self {
        let latency = histogram();
        Self { latency, kinds: BTreeMap::new(), during: Duration::ZERO, refused: 0, tails: Vec::new() }
    }

    pub(super) fn per_second(&self) -> f64 {
        self.latency.len() as f64 / self.during.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Adds another round.
    pub(super) fn add(&mut self, other: &Self) {
        // All have the same bounds, so this does not fail.
        let _ = self.latency.add(&other.latency);
        for (kind, latency) in &other.kinds {
            let _ = self.kinds.entry(kind).or_insert_with(histogram).add(latency);
        }
        self.during += other.during;
        self.refused += other.refused;
        let (median, tail) = (other.latency.value_at_quantile(0.5), other.latency.value_at_quantile(0.99));
        if median > 0 {
            self.tails.push(tail as f64 / median as f64);
        }
    }

    /// The median of the tails of all rounds.
    pub(super) fn tail(&self) -> Option<f64> {
        let mut tails = self.tails.clone();
        tails.sort_by(f64::total_cmp);
        tails.get(tails.len() / 2).copied()
    }
}

/// Nanoseconds to three digits, up to an hour.
pub(super) fn histogram() -> Histogram<u64> {
    const HOUR: u64 = 3_600_000_000_000;
    Histogram::new_with_bounds(100, HOUR, 3).unwrap_or_else(|_| unreachable!("these bounds are allowed"))
}

/// Nanoseconds, for a histogram.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Runs a measurement on a thread of its own, with everything that it starts.
pub(super) async fn apart<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Result<T, BenchError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, BenchError>>,
{
    let (answer, answered) = oneshot::channel();
    let on_thread = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let done = runtime
            .map_err(BenchError::io("start a thread"))
            .and_then(|runtime| LocalSet::new().block_on(&runtime, work()));
        // The receiver may have left.
        let _ = answer.send(done);
    };
    thread::Builder::new().name("bench-load".into()).spawn(on_thread).map_err(BenchError::io("start a thread"))?;
    answered.await.unwrap_or_else(|_| Err(BenchError::Server("was given a load by a thread that panicked".to_owned())))
}
