//! The ARP Runtime: a goal in, an output out. The service of the standard before 0.3, over the same runs as every other
//! API.
//!
//! | operation           | engine command                                                   |
//! |---------------------|------------------------------------------------------------------|
//! | `create_run`        | `Command::Start` of the planner                                  |
//! | `cancel_run`        | `Command::Cancel`                                                |
//! | `get_run_status`    | reads                                                            |
//! | `get_run_result`    | reads; a run that has not ended is a 409, which can be retried   |
//! | `stream_run_events` | reads, and follows                                               |
//!
//! Nothing is decided here. `wire.rs` converts a goal, `project.rs` a log. Schemas, run ids and
//! errors are those of the other ARP dialect modules ([`arp`](super::arp)).

mod error;
mod handlers;
mod project;
mod wire;

use std::time::Duration;

use super::arp::wire::run_state;
use super::common::mapping::{ApiMapping, event_types};
use crate::auth::Gate;
use crate::feed::Projection;
use crate::runs::Runs;

/// How runs appear in this API. Node runs appear only through events: as tool calls and steps.
pub const MAPPING: ApiMapping = ApiMapping {
    title: "ARP Runtime",
    documents: &[API],
    run: |status| run_state(status).to_string(),
    node_run: None,
    events: |state, log| {
        let mut projection = <project::Projection as Projection>::of(state);
        event_types(log, |recorded| projection.project(recorded), |shown| shown.iter().map(project::kind).collect())
    },
};

/// The API's name: also the document's.
pub const API: &str = "runtime";

/// The handlers of this API.
pub struct Handlers {
    runs: Runs,
    gate: Gate,
    sync_wait: Duration,
}

impl Handlers {
    /// The handlers over these runs. A start waits at most `sync_wait` for the end of its run.
    pub fn new(runs: Runs, gate: Gate, sync_wait: Duration) -> Self {
        Handlers { runs, gate, sync_wait }
    }
}
