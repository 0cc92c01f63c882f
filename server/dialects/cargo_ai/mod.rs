//! Cargo (getcargo.io): tools with workflows, released in versions; runs that walk them node by node.
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
//! Nothing is decided here. Nodes as they are drawn are checked in `check.rs` and become the graph that the engine walks in
//! `lower.rs`; what each native action is, is in `native.rs`. The tools that nodes call are looked up in
//! `called.rs`. What a run shows is in `wire.rs`, its nodes in `executions.rs`; batches are in `batches.rs`.

mod batches;
mod called;
mod check;
mod discovery;
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
#[cfg(test)]
mod said;
mod start;
mod tools;
mod wire;

use super::common::mapping::ApiMapping;
use crate::auth::Gate;
use crate::objects::Objects;
use crate::runs::Runs;

/// How runs show here. There are no events: what happened stands in a run's executions.
pub const MAPPING: ApiMapping = ApiMapping {
    title: "Cargo",
    documents: &[FACE],
    run: |status| wire::run_status(status).to_string(),
    node_run: Some(|state| executions::status(state, None).to_string()),
    events: |_, log| log.iter().map(|_| Vec::new()).collect(),
};

/// The API's name: also the document's.
pub const FACE: &str = "cargo";

/// The room.
pub struct Handlers {
    runs: Runs,
    objects: Objects,
    gate: Gate,
    /// Since when there is what the configuration has, Unix milliseconds.
    since_ms: i64,
}

impl Handlers {
    /// A workspace over these runs.
    pub fn new(runs: Runs, objects: Objects, gate: Gate) -> Self {
        let since_ms = runs.clock().now_ms();
        Handlers { runs, objects, gate, since_ms }
    }
}
