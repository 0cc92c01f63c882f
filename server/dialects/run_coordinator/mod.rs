//! The ARP Run Coordinator: it owns runs, and executors report to it.
//!
//! | operation                    | engine command             |
//! |------------------------------|----------------------------|
//! | `start_run`                  | `Command::Start`           |
//! | `cancel_run`                 | `Command::Cancel`          |
//! | `create_node_runs`           | `Command::CreateChildren`  |
//! | `report_node_run_evaluation` | `Command::Evaluate`        |
//! | `complete_node_run`          | `Command::Complete`        |
//! | the rest                     | reads                      |
//!
//! Nothing is decided here. Handlers convert the request, call `Runs` and convert the result.

mod handlers;
mod wire;

use crate::auth::Gate;
use crate::runs::Runs;

/// The API's name: also the document's.
pub const API: &str = "run-coordinator";

/// The handlers of this API.
pub struct Handlers {
    runs: Runs,
    gate: Gate,
}

impl Handlers {
    /// A coordinator over the runs in this process.
    pub fn new(runs: Runs, gate: Gate) -> Self {
        Handlers { runs, gate }
    }
}
