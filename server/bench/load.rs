//! Many connections at once, all in one thread, so that the machine is free for the server under test.
//!
//! In a closed loop each connection sends the next request after its answer. In an open loop requests are due at a
//! fixed rate, whatever the latency, and a request that waits for a connection waits since it was due: a server that
//! stops for a second does not get fewer requests.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use runyard::clock::Stopwatch;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::child::Subject;
use super::client::{Client, PreparedRequest, Target};
use super::figure::Figure;
use super::measured::{Measured, apart, histogram, nanoseconds};
use super::process::Usage;
use super::yardstick::Yardstick;
use super::{Bench, BenchError, Report};

/// How many rounds a figure has; the reported tail is the median of theirs.
pub(super) const ROUNDS: u32 = 5;
/// How long a server is warmed up.
const WARM: Duration = Duration::from_millis(500);
/// How long answers are waited for after the last request was due.
const GRACE: Duration = Duration::from_secs(2);

/// One load on one target.
#[derive(Debug, Clone)]
struct Load {
    target: Target,
    connections: usize,
    /// Each connection cycles through these, from a different start.
    requests: Arc<[PreparedRequest]>,
    rate: Option<f64>,
    during: Duration,
}

/// The parameters of one figure: requests at one number of connections.
pub(super) struct FigureSpec<'a> {
    pub(super) bench: &'a Bench,
    pub(super) scenario: &'static str,
    pub(super) connections: usize,
}

/// What is measured: a server, or a yardstick.
pub(super) enum Measurable<'a> {
    /// A server, with these requests to its gateway.
    Gateway(&'a Subject, &'a Arc<[PreparedRequest]>),
    /// The same on the Runyard API.
    Own(&'a Subject, &'a Arc<[PreparedRequest]>),
    /// SQLite alone, with one writer for each connection.
    Plain(&'a Yardstick),
}

impl FigureSpec<'_> {
    /// Warms up, measures in rounds, and reports.
    pub(super) async fn figure(
        &self,
        name: &'static str,
        measured: Measurable<'_>,
        report: &mut dyn Report,
    ) -> Result<Figure, BenchError> {
        let [figure] = self.figures([(name, measured)], report).await?;
        Ok(figure)
    }

    /// The same for several that are compared: a round of each in turn, so that other work of this machine affects all
    /// of them.
    pub(super) async fn figures<const N: usize>(
        &self,
        measured: [(&'static str, Measurable<'_>); N],
        report: &mut dyn Report,
    ) -> Result<[Figure; N], BenchError> {
        let names: Vec<&str> = measured.iter().map(|(name, _)| *name).collect();
        report.progress(&format!("{}: {}, {} at once", self.scenario, names.join(", "), self.connections));
        for (_, one) in &measured {
            self.round(one, WARM.min(self.bench.seconds)).await?;
        }
        let before = measured.each_ref().map(|(_, one)| one.usage());
        let mut all: [Measured; N] = std::array::from_fn(|_| Measured::new());
        for _ in 0..ROUNDS {
            for ((_, one), sum) in measured.iter().zip(&mut all) {
                sum.add(&self.round(one, self.bench.seconds / ROUNDS).await?);
            }
        }
        let figures: [Figure; N] = std::array::from_fn(|place| {
            let ((name, one), sum) = (&measured[place], &all[place]);
            Figure::of(self.scenario, name, self.connections, sum).costing(before[place], one.usage())
        });
        for (figure, sum) in figures.iter().zip(&all) {
            report.figure(figure);
            Figure::of_kinds(self.scenario, self.connections, sum).iter().for_each(|figure| report.figure(figure));
        }
        Ok(figures)
    }

    async fn round(&self, one: &Measurable<'_>, during: Duration) -> Result<Measured, BenchError> {
        let (target, requests) = match one {
            Measurable::Gateway(subject, requests) => (subject.gateway.clone(), Arc::clone(requests)),
            Measurable::Own(subject, requests) => (subject.own()?.clone(), Arc::clone(requests)),
            Measurable::Plain(yardstick) => return yardstick.round(during, self.connections).await,
        };
        put(Load { target, connections: self.connections, requests, rate: self.bench.rate, during }).await
    }
}

impl Measurable<'_> {
    fn usage(&self) -> Option<Usage> {
        match self {
            Measurable::Gateway(subject, _) | Measurable::Own(subject, _) => subject.usage(),
            // In this process together with its callers, so it has no separate usage.
            Measurable::Plain(_) => None,
        }
    }
}

/// Runs a load on a thread of its own.
async fn put(load: Load) -> Result<Measured, BenchError> {
    apart(move || async move { round(&load).await }).await
}

async fn round(load: &Load) -> Result<Measured, BenchError> {
    let mut clients = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        clients.push(Client::open(&load.target).await?);
    }
    let (measured, watch) = (Rc::new(RefCell::new(Measured::new())), Stopwatch::start());
    let due = load.rate.map(|rate| Rc::new(Mutex::new(paced(watch, rate, load.during))));
    let mut asking = Vec::with_capacity(load.connections);
    for (number, client) in clients.into_iter().enumerate() {
        let asker = Asker { client, watch, measured: measured.clone(), requests: load.requests.clone(), next: number };
        let (during, step, due) = (load.during, load.connections, due.clone());
        asking.push(tokio::task::spawn_local(async move {
            match due {
                None => asker.in_a_closed_loop(during, step).await,
                Some(due) => asker.in_an_open_loop(&due, during + GRACE, step).await,
            }
        }));
    }
    for task in asking {
        task.await.unwrap_or_else(|_| Err(BenchError::Server("was asked by a task that panicked".to_owned())))?;
    }
    let mut measured = Measured { during: watch.elapsed(), ..measured.replace(Measured::new()) };
    if load.rate.is_some() {
        measured.during = measured.during.min(load.during.max(Duration::from_millis(1)));
    }
    Ok(measured)
}

/// When requests are due, sent by a thread that does nothing else.
pub(super) fn paced(watch: Stopwatch, rate: f64, during: Duration) -> UnboundedReceiver<Duration> {
    let (due, dues) = unbounded_channel();
    let tell = move || {
        for number in 0_u32.. {
            let at = Duration::from_secs_f64(f64::from(number) / rate);
            if at >= during {
                return;
            }
            watch.wait_until(at);
            if due.send(at).is_err() {
                return;
            }
        }
    };
    // Without the thread nothing is ever due, and the round is empty, which shows.
    drop(thread::Builder::new().name("bench-pace".into()).spawn(tell));
    dues
}

struct Asker {
    client: Client,
    watch: Stopwatch,
    measured: Rc<RefCell<Measured>>,
    requests: Arc<[PreparedRequest]>,
    next: usize,
}

impl Asker {
    async fn in_a_closed_loop(mut self, during: Duration, step: usize) -> Result<(), BenchError> {
        loop {
            let begun = self.watch.elapsed();
            if begun >= during {
                return Ok(());
            }
            self.ask(begun, step).await?;
        }
    }

    async fn in_an_open_loop(
        mut self,
        due: &Mutex<UnboundedReceiver<Duration>>,
        until: Duration,
        step: usize,
    ) -> Result<(), BenchError> {
        loop {
            let next = due.lock().await.recv().await;
            let Some(at) = next else { return Ok(()) };
            if self.watch.elapsed() >= until {
                // Too far behind: requests that are still due cannot be answered in time.
                self.measured.borrow_mut().refused += 1;
                continue;
            }
            self.ask(at, step).await?;
        }
    }

    async fn ask(&mut self, since: Duration, step: usize) -> Result<(), BenchError> {
        let prepared = &self.requests[self.next % self.requests.len()];
        self.next += step;
        let (status, body) = self.client.ask(prepared).await?;
        let took = nanoseconds(self.watch.elapsed().saturating_sub(since));
        self.note(prepared.kind, status, &body, took)
    }

    fn note(&self, kind: &'static str, status: StatusCode, body: &Bytes, took: u64) -> Result<(), BenchError> {
        let mut measured = self.measured.borrow_mut();
        if status.is_success() {
            measured.latency.saturating_record(took);
            if !kind.is_empty() {
                measured.kinds.entry(kind).or_insert_with(histogram).saturating_record(took);
            }
            return Ok(());
        }
        // A server may be too busy. Any other error is a mistake in the request.
        if status != StatusCode::SERVICE_UNAVAILABLE && status != StatusCode::TOO_MANY_REQUESTS {
            return Err(BenchError::Server(format!("answered {status}: {}", String::from_utf8_lossy(body))));
        }
        measured.refused += 1;
        Ok(())
    }
}
