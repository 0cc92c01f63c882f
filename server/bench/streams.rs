//! Many watchers of many live runs: when they receive committed events, and how much memory a watcher takes beyond a
//! silent stream of dropshot. The watchers are in this process, the server is not.
//!
//! The time of a commit cannot be observed from outside. It is after the request was sent and before the answer is
//! there. Both delays are reported; the true one is between them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use runyard::clock::{Clock, Stopwatch};

use super::child::Subject;
use super::client::{Client, PreparedRequest, Started, Target};
use super::figure::{Fact, Figure};
use super::load::paced;
use super::measured::{Measured, apart, nanoseconds};
use super::over::Backing;
use super::reads::waiting;
use super::watchers::Watchers;
use super::{Bench, BenchError, Report, sample};

const SCENARIO: &str = "streams";
/// The default number of verdicts per second over all runs.
const RATE: f64 = 1_000.0;
/// How many connections send them.
const GIVERS: usize = 16;
/// How long missing events are waited for.
const GRACE: Duration = Duration::from_secs(5);
/// How long a server may take for new watchers before its memory is measured.
const SETTLE: Duration = Duration::from_millis(500);

pub(super) async fn measure(bench: &Bench, report: &mut dyn Report) -> Result<(), BenchError> {
    let subject = Subject::of(bench).await?;
    let Some(coordinator) = subject.coordinator.clone() else {
        report.progress(
            "streams: what is watched is given through the coordinator's API, so only a server of its own is measured",
        );
        return Ok(());
    };
    report.progress(&format!("{SCENARIO}: starting {} runs", bench.runs));
    let started = waiting(&subject.gateway, bench.runs).await?;
    let idle = subject.resident();

    report.progress(&format!("{SCENARIO}: {} watchers over {} runs", bench.watchers, bench.runs));
    let paths = started.iter().cycle().take(bench.watchers).map(|run| run.events(0)).collect();
    let round = Round {
        gateway: subject.gateway.clone(),
        coordinator,
        paths,
        nodes: started,
        rate: bench.rate.unwrap_or(RATE),
        during: bench.seconds,
    };
    let (pid, before) = (subject.pid(), subject.usage());
    let delivered = apart(move || round.measured(pid)).await?;
    let after = subject.usage();

    report.figure(&Figure::of(SCENARIO, "seen after the answer", bench.watchers, &delivered.after_answer));
    report.figure(
        &Figure::of(SCENARIO, "seen after the request", bench.watchers, &delivered.after_request)
            .costing(before, after),
    );
    let mut fact = |what: &str, value: f64, unit| {
        report.fact(&Fact { scenario: SCENARIO, what: what.to_owned(), connections: bench.watchers, value, unit });
    };
    fact("verdicts given", delivered.given as f64, "");
    fact("not seen, or seen twice", delivered.wrong as f64, "");
    let ours = each(idle, delivered.resident, bench.watchers);
    let bare = bare(bench).await?;
    if let (Some(ours), Some(bare)) = (ours, bare) {
        fact("memory of a watcher", ours, "kB");
        fact("memory of a bare stream", bare, "kB");
        fact("memory of a watcher beyond a bare stream", ours - bare, "kB");
    }
    Ok(())
}

fn each(before: Option<u64>, after: Option<u64>, count: usize) -> Option<f64> {
    Some((after? as f64 - before? as f64) / 1e3 / count as f64)
}

/// The memory of one stream of dropshot, kB.
async fn bare(bench: &Bench) -> Result<Option<f64>, BenchError> {
    let subject = Subject::start(Backing::Bare).await?;
    let (target, watchers, idle, pid) = (subject.gateway.clone(), bench.watchers, subject.resident(), subject.pid());
    let full = apart(move || async move {
        let open = Watchers::open(&target, vec!["/".to_owned(); watchers], Stopwatch::start()).await?;
        Clock::system().sleep(SETTLE).await;
        let full = pid.and_then(super::process::resident);
        drop(open);
        Ok(full)
    })
    .await?;
    Ok(each(idle, full, watchers))
}

/// One round, for the thread that measures.
struct Round {
    gateway: Target,
    coordinator: Target,
    paths: Vec<String>,
    nodes: Vec<Started>,
    rate: f64,
    during: Duration,
}

struct Delivered {
    after_request: Measured,
    after_answer: Measured,
    given: usize,
    /// How many events are missing, or too many.
    wrong: u64,
    resident: Option<u64>,
}

/// When a verdict was sent, and when its answer came.
type Given = Rc<RefCell<Vec<(Duration, Option<Duration>)>>>;

impl Round {
    async fn measured(self, pid: Option<u32>) -> Result<Delivered, BenchError> {
        let watch = Stopwatch::start();
        let watching = self.paths.len();
        let mut watchers = Watchers::open(&self.gateway, self.paths.clone(), watch).await?;
        Clock::system().sleep(SETTLE).await;
        let resident = pid.and_then(super::process::resident);
        let given: Given = Rc::default();
        let begun = watch.elapsed();
        self.give(&given, watch).await?;
        let took = watch.elapsed() - begun;
        let count = given.borrow().len();
        self.wait_for_arrivals(&watchers, count, watch).await;
        if watchers.count() < watching {
            return Err(BenchError::Server("ended streams of runs that go on".to_owned()));
        }
        let seen = watchers.seen.borrow();
        let given = given.borrow();
        let (mut after_request, mut after_answer) = (Measured::new(), Measured::new());
        let mut arrived = vec![0_u64; given.len()];
        for (number, at) in &seen.arrivals {
            let Some((sent, answered)) = given.get(*number) else { continue };
            arrived[*number] += 1;
            let since = |then: Duration| nanoseconds(at.saturating_sub(then));
            after_request.latency.saturating_record(since(*sent));
            after_answer.latency.saturating_record(answered.map_or(0, since));
        }
        (after_request.during, after_answer.during) = (took, took);
        let wanted = |number: usize| self.watchers_of(number, watching) as u64;
        let wrong = arrived.iter().enumerate().map(|(number, count)| count.abs_diff(wanted(number))).sum();
        Ok(Delivered { after_request, after_answer, given: given.len(), wrong, resident })
    }

    /// How many watch the run of this verdict.
    fn watchers_of(&self, number: usize, watching: usize) -> usize {
        let (runs, run) = (self.nodes.len(), number % self.nodes.len());
        watching / runs + usize::from(run < watching % runs)
    }

    /// Sends verdicts at the rate, each to the next run.
    async fn give(&self, given: &Given, watch: Stopwatch) -> Result<(), BenchError> {
        let dues = Rc::new(tokio::sync::Mutex::new(paced(Stopwatch::start(), self.rate, self.during)));
        let giver = || {
            let (dues, given) = (dues.clone(), given.clone());
            async move {
                let mut client = Client::open(&self.coordinator).await?;
                loop {
                    if dues.lock().await.recv().await.is_none() {
                        return Ok(());
                    }
                    let number = given.borrow().len();
                    given.borrow_mut().push((watch.elapsed(), None));
                    let node_run = &self.nodes[number % self.nodes.len()].root_node_run_id;
                    let path = format!("/v1/node-runs/{node_run}:evaluation");
                    let (status, answer) =
                        client.send(&PreparedRequest::post(&path, sample::verdict(number).to_string())).await?;
                    if !status.is_success() {
                        let answer = String::from_utf8_lossy(&answer);
                        return Err(BenchError::Server(format!("answered {status} to a verdict: {answer}")));
                    }
                    given.borrow_mut()[number].1 = Some(watch.elapsed());
                }
            }
        };
        futures::future::try_join_all((0..GIVERS).map(|_| giver())).await.map(|_| ())
    }

    async fn wait_for_arrivals(&self, watchers: &Watchers, given: usize, watch: Stopwatch) {
        let watching = self.paths.len();
        let wanted: usize = (0..given).map(|number| self.watchers_of(number, watching)).sum();
        let (clock, until) = (Clock::system(), watch.elapsed() + GRACE);
        while watchers.seen.borrow().arrivals.len() < wanted && watch.elapsed() < until {
            clock.sleep(Duration::from_millis(20)).await;
        }
    }
}
