//! How fast a build of Runyard is on this machine, and how far that is from the limit.
//!
//! | file            | what                                                                              |
//! |-----------------|-----------------------------------------------------------------------------------|
//! | `starts.rs`     | runs started per second, durably, beside what bounds it                           |
//! | `runs.rs`       | from start to the terminal event: one step, a chain, a fan-out                    |
//! | `reads.rs`      | looking at runs, beside the API alone                                            |
//! | `streams.rs`, `watchers.rs` | many who watch many live runs: when they see what has been committed, and what they cost |
//! | `fairness.rs`   | what one tenant's flood costs another                                             |
//! | `mixed.rs`      | all of it at once                                                                 |
//! | `scale.rs`      | an empty store beside one with very many runs                                     |
//! | `memory.rs`     | what is held when the work is done                                                |
//! | `idle.rs`       | a server that has nothing to do, and how soon it is ready                         |
//! | `cli.rs`        | the command line                                                                  |
//! | `fill.rs`       | a store filled with runs as if they had been                                      |
//! | `figure.rs`     | what was measured, as a row of a table and as JSON                                |
//! | `load.rs`       | many connections at once, in a closed or an open loop                             |
//! | `client.rs`     | one connection, as cheap as possible: it shares the machine with the server       |
//! | `sample.rs`     | the requests, and what the store is given for one of them                         |
//! | `child.rs`      | a server in a process and a folder of its own, ended with the measuring           |
//! | [`served`]      | that process from inside                                                          |
//! | `still.rs`      | the yardstick for APIs: the same API, with nothing behind it                    |
//! | `bare.rs`       | the yardstick for streams: dropshot's, with nothing in them                       |
//! | `machine.rs`    | the yardsticks for disks: one flush; and what else is at work here                |
//! | `process.rs`    | what a process costs, as the system counts it                                     |
//! | `yardstick.rs`  | the yardstick for stores, SQLite alone, at work                                   |
//!
//! What that yardstick writes is in `store/sqlite/plain.rs`: nothing else knows SQL. Nothing here is part of a
//! server that serves.

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
mod memory;
mod mixed;
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

pub use child::Over;
pub use figure::{Fact, Figure};
pub use machine::Machine;

/// What is measured where.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The base URL of a run gateway that is there already. Absent: a server is started for each figure.
    pub url: Option<String>,
    /// The value of `Authorization` for that server.
    pub credential: Option<String>,
    /// How many connections at once, one figure each. Empty: what each measurement is made for.
    pub connections: Vec<usize>,
    /// How long each figure is measured.
    pub seconds: Duration,
    /// Requests per second, whatever the answers take. Absent: each connection asks again when it has its answer.
    pub rate: Option<f64>,
    /// How many watch, in `streams`.
    pub watchers: usize,
    /// How many live runs they watch.
    pub runs: usize,
    /// How many runs that have ended are kept, in `scale`.
    pub kept: u64,
    /// How many runs that have not a server has to go on with, in `scale`.
    pub unfinished: u64,
}

/// Where figures go as they are found.
pub trait Report: Send {
    /// What is being measured now.
    fn progress(&mut self, what: &str);
    /// One more figure.
    fn figure(&mut self, figure: &Figure);
    /// One more number beside the figures.
    fn fact(&mut self, fact: &Fact);
}

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The folder, the process or the threads that it takes are not to be had.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// The server under test does not answer as one does.
    #[error("the server {0}")]
    Server(String),
    /// The URL is none that can be measured.
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

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Runs started durably.
    Starts,
    /// Runs from start to their terminal event.
    Runs,
    /// Looking at runs.
    Reads,
    /// Watching live runs.
    Streams,
    /// Starts, reads and whole runs at once.
    Mixed,
    /// One tenant beside another that floods the server.
    Fairness,
    /// What is kept.
    Scale,
    /// What is held when the work is done.
    Memory,
    /// Nothing.
    Idle,
}

impl Scenario {
    /// Every one that takes no more than moments, in the order in which they are best measured.
    pub const ALL: [Scenario; 6] =
        [Scenario::Idle, Scenario::Starts, Scenario::Runs, Scenario::Reads, Scenario::Mixed, Scenario::Streams];
}

impl Bench {
    /// Measures.
    ///
    /// # Errors
    /// [`BenchError`]; what was found until then has been reported.
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
