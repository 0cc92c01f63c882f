//! Cargo (getcargo.io): tools with workflows, released in versions; runs that execute them node by node.
//!
//! | operation                                   | engine command                                                 |
//! |---------------------------------------------|----------------------------------------------------------------|
//! | `create_run`, `execute_action`              | `Command::Start` of a graph                                    |
//! | `create_batch`                              | `Command::Start` of a list whose items each start a run        |
//! | `cancel_runs`, `cancel_batch`               | `Command::Cancel`, once for each run                           |
//! | `get_run`, `list_runs`, `count_runs`, `get_run_metrics`, `get_batch`, `list_batches` | reads                 |
//! | tools, workflows, releases                  | none: small objects ([`crate::objects`])                       |
//! | `validate_nodes`                            | none                                                           |
//! | integrations, connectors, agents, the caller | none: the catalogue and the credential (`discovery.rs`)       |
//! | all others                                  | not served: 501                                                |
//!
//! Nothing is decided here. `check.rs` validates nodes as clients draw them, `lower.rs` converts them to the graph that
//! the engine executes, and `native.rs` lists the native actions. `called.rs` looks up the tools that nodes call.
//! `wire.rs` converts runs, `executions.rs` their nodes; `batches.rs` has the batches.

mod batches;
mod called;
mod check;
mod discovery;
#[cfg(test)]
mod enum_coverage;
mod error;
mod executions;
mod filter;
mod handlers;
mod lower;
mod metrics;
mod native;
mod own_nodes;
mod releases;
mod runs;
mod start;
mod tool_body;
mod tools;
mod wire;

use super::common::mapping::ApiMapping;
use crate::auth::Gate;
use crate::objects::Objects;
use crate::runs::Runs;

/// How runs appear in this API. There are no events: a run's executions have the same facts.
pub const MAPPING: ApiMapping = ApiMapping {
    title: "Cargo",
    documents: &[API],
    run: |status| wire::run_status(status).to_string(),
    node_run: Some(|state| executions::status(state, None).to_string()),
    events: |_, log| log.iter().map(|_| Vec::new()).collect(),
};

/// The API's name: also the document's.
pub const API: &str = "cargo";

/// The handlers of this API.
pub struct Handlers {
    runs: Runs,
    objects: Objects,
    gate: Gate,
    /// When the configured objects were created, Unix milliseconds.
    since_ms: i64,
}

impl Handlers {
    /// The handlers over these runs.
    pub fn new(runs: Runs, objects: Objects, gate: Gate) -> Self {
        let since_ms = runs.clock().now_ms();
        Handlers { runs, objects, gate, since_ms }
    }
}
