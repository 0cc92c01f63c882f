//! The ARP Runtime: a goal in, an output out. The service of the standard before 0.3, over the same runs as every other door.
//!
//! | operation           | engine command                                                   |
//! |---------------------|------------------------------------------------------------------|
//! | `create_run`        | `Command::Start` of the planner                                  |
//! | `cancel_run`        | `Command::Cancel`                                                |
//! | `get_run_status`    | reads                                                            |
//! | `get_run_result`    | reads; a run that has not ended is a 409 that may be asked again |
//! | `stream_run_events` | reads, and follows                                               |
//!
//! Nothing is decided here. What a goal becomes is in `wire.rs`, what is shown of a log in `project.rs`; schemas, run ids and
//! errors are those of the other ARP rooms ([`arp`](super::arp)).

mod error;
mod handlers;
mod project;
mod wire;

use crate::auth::Gate;
use crate::runs::Runs;

/// The face's name: also the document's.
pub const FACE: &str = "runtime";

/// The room.
pub struct Room {
    runs: Runs,
    gate: Gate,
}

impl Room {
    /// A runtime over these runs.
    pub fn new(runs: Runs, gate: Gate) -> Self {
        Room { runs, gate }
    }
}
