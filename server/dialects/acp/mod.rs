//! ACP, the Agentic Compute Platform of Computer Agents: a prompt to an agent runtime, answered at once or in the background.
//!
//! | operation                    | engine command                                                          |
//! |------------------------------|-------------------------------------------------------------------------|
//! | `start_..._run`              | `Command::Start` of the planner                                         |
//! | `send_..._run_input`         | `Command::Deliver` where a run waits for input, else `Start` of the thread's next run |
//! | `cancel_..._run`, `cancel_thread`, `delete_thread` | `Command::Cancel`                                 |
//! | `create_thread`, `send_thread_message` | `Command::Start` of the thread's next run, or `Command::Deliver`: `messages.rs` |
//! | `decide_permission_request`  | `Command::Decide`: `permissions.rs`                                     |
//! | all other runs and threads   | reads                                                                   |
//! | servers, agent runtimes      | none: small objects ([`crate::objects`])                                |
//!
//! Three paths lead to the same run (`place.rs`): its server, the agent runtime that is bound to the server, and the
//! agent runtime itself. A run started through another API is on the server `default`. `wire.rs` converts a prompt,
//! `project.rs` a log, and `stream.rs` a log to an event stream.

#[cfg(test)]
mod enum_coverage;
mod environments;
mod error;
mod handlers;
mod messages;
mod permissions;
mod place;
mod project;
mod runs;
mod server_body;
mod servers;
mod stream;
mod thread_body;
mod thread_list;
mod threads;
mod wire;

use std::time::Duration;

use super::common::mapping::{ApiMapping, event_types};
use crate::auth::Gate;
use crate::objects::Objects;
use crate::runs::Runs;

/// How runs appear in this API. Node runs appear only through events: as log entries.
pub const MAPPING: ApiMapping = ApiMapping {
    title: "ACP",
    documents: &[API],
    run: |status| wire::run_status(status).to_string(),
    node_run: None,
    events: |state, log| {
        let mut projection = project::Projection::of(state.run);
        event_types(log, |recorded| projection.project(recorded), |shown| shown.iter().map(project::kind).collect())
    },
};

/// The API's name: also the document's.
pub const API: &str = "acp";

/// The handlers of this API.
pub struct Handlers {
    runs: Runs,
    objects: Objects,
    gate: Gate,
    sync_wait: Duration,
}

impl Handlers {
    /// The handlers over these runs. `sync_wait`: how long an answer waits for the end of a run.
    pub fn new(runs: Runs, objects: Objects, gate: Gate, sync_wait: Duration) -> Self {
        Handlers { runs, objects, gate, sync_wait }
    }
}
