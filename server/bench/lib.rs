//! Measures how fast a build of Runyard is on this machine, and how far that is from the limit.
//!
//! | file            | what                                                                              |
//! |-----------------|-----------------------------------------------------------------------------------|
//! | `starts.rs`     | runs started per second, durably, beside their limits                             |
//! | `runs.rs`       | from start to the terminal event: one step, a chain, a fan-out                    |
//! | `reads.rs`      | reads of runs, beside the API alone                                               |
//! | `streams.rs`, `watchers.rs` | many watchers of live runs: when they receive events, and what they cost |
//! | `fairness.rs`   | the effect of one tenant's flood on another                                       |
//! | `mixed.rs`      | all of it at once                                                                 |
//! | `scale.rs`      | an empty store beside one with very many runs                                     |
//! | `memory.rs`     | memory after the work                                                             |
//! | `idle.rs`       | a server without requests, and how soon it is ready                               |
//! | `cli.rs`        | the command line                                                                  |
//! | `fill.rs`       | fills a store with runs                                                           |
//! | `figure.rs`     | figures, as rows of a table and as JSON                                           |
//! | `load.rs`       | many connections at once, in a closed or an open loop                             |
//! | `client.rs`     | one connection, as cheap as possible: it shares the machine with the server       |
//! | `sample.rs`     | the requests, and what the store gets for one of them                             |
//! | `child.rs`      | a server in a process and a folder of its own, ended with the measurement         |
//! | [`served`]      | that process from inside                                                          |
//! | `still.rs`      | the yardstick for APIs: the same API without a store                              |
//! | `bare.rs`       | the yardstick for streams: silent streams of dropshot                             |
//! | `machine.rs`    | the yardsticks for disks: one flush; and the load of this machine                 |
//! | `process.rs`    | the cost of a process, as the system reports it                                   |
//! | `yardstick.rs`  | the yardstick for stores: SQLite alone                                            |
//!
//! `store/sqlite/plain.rs` does the writes of that yardstick, because only the store knows SQL. Nothing here is part
//! of a production server.

mod bare;
mod child;
pub mod cli;
mod client;
mod fairness;
pub mod figure;
pub mod fill;
mod idle;
mod load;
mod machine;
mod measured;
mod memory;
mod mixed;
mod over;
mod process;
mod reads;
mod runs;
mod sample;
mod scale;
pub mod served;
mod starts;
mod still;
mod streams;
mod watchers;
mod yardstick;

use std::time::Duration;

pub use figure::{Fact, Figure};
pub use machine::Machine;
pub use over::Backing;

/// The parameters of a measurement.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The base URL of a running run gateway. Absent: a server is started for each figure.
    pub url: Option<String>,
    /// The value of `Authorization` for that server.
    pub credential: Option<String>,
    /// Concurrent connections, one figure each. Empty: the defaults of each measurement.
    pub connections: Vec<usize>,
    /// How long each figure is measured.
    pub seconds: Duration,
    /// Requests per second, whatever the latency. Absent: each connection sends the next request after its answer.
    pub rate: Option<f64>,
    /// The number of watchers, in `streams`.
    pub watchers: usize,
    /// The number of live runs that they watch.
    pub runs: usize,
    /// The number of ended runs in the store, in `scale`.
    pub kept: u64,
    /// The number of live runs that a server finds at its start, in `scale`.
    pub unfinished: u64,
}

/// Receives figures.
pub trait Report: Send {
    /// The current measurement.
    fn progress(&mut self, what: &str);
    /// One more figure.
    fn figure(&mut self, figure: &Figure);
    /// One more number besides the figures.
    fn fact(&mut self, fact: &Fact);
}

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// No folder, process or thread could be made.
    #[error("cannot {what}")]
    Io {
        /// The attempted action.
        what: &'static str,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// The server under test gave a wrong answer.
    #[error("the server {0}")]
    Server(String),
    /// The URL cannot be measured.
    #[error("`{url}` is not an http:// URL of a run gateway: {reason}")]
    Url {
        /// As given.
        url: String,
        /// Why not.
        reason: String,
    },
}

impl BenchError {
    fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::Io { what, cause }
    }
}

/// The measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Runs started durably.
    Starts,
    /// Runs from start to their terminal event.
    Runs,
    /// Reads of runs.
    Reads,
    /// Watching live runs.
    Streams,
    /// Starts, reads and whole runs at once.
    Mixed,
    /// One tenant beside another that floods the server.
    Fairness,
    /// Many runs in the store.
    Scale,
    /// Memory after the work.
    Memory,
    /// An idle server.
    Idle,
}

impl Scenario {
    /// Every measurement that takes only a short time, in the best order.
    pub const ALL: [Scenario; 6] =
        [Scenario::Idle, Scenario::Starts, Scenario::Runs, Scenario::Reads, Scenario::Mixed, Scenario::Streams];
}

impl Bench {
    /// Measures.
    ///
    /// # Errors
    /// [`BenchError`]; figures until then have been reported.
    pub async fn measure(&self, scenario: Scenario, report: &mut dyn Report) -> Result<(), BenchError> {
        match scenario {
            Scenario::Starts => starts::measure(self, report).await,
            Scenario::Runs => runs::measure(self, report).await,
            Scenario::Reads => reads::measure(self, report).await,
            Scenario::Streams => streams::measure(self, report).await,
            Scenario::Mixed => mixed::measure(self, report).await,
            Scenario::Fairness => fairness::measure(self, report).await,
            Scenario::Scale => scale::measure(self, report).await,
            Scenario::Memory => memory::measure(self, report).await,
            Scenario::Idle => idle::measure(self, report).await,
        }
    }

    fn connections(&self, usual: &[usize]) -> Vec<usize> {
        if self.connections.is_empty() { usual.to_vec() } else { self.connections.clone() }
    }
}
