//! toolregistry.ai: runs that pursue an intent with the tools of integrations.
//!
//! | operation                                      | engine command                                        |
//! |------------------------------------------------|-------------------------------------------------------|
//! | `RunController_createRun`                      | `Command::Start` of the planner, then waits for a plan |
//! | `RunController_abortRun`                       | `Command::Cancel`                                     |
//! | `RunController_runApproval`                    | `Command::Decide`, or a page that asks                |
//! | `RunController_decideApproval`                 | `Command::Decide`                                     |
//! | `RunController_listRuns`                       | reads, in pages that are counted                      |
//! | `RunController_getRun`                         | reads                                                 |
//! | `RunController_sse`                            | reads, and follows                                    |
//! | `ExecutionPlanController_getExecutionPlan`     | reads                                                 |
//! | `IntegrationController_listIntegrations`       | reads the catalogue                                   |
//!
//! Nothing is decided here. What a request becomes is in `create.rs`, with `integrations.rs` (what it selects), `pass_through.rs` (what goes
//! to them), `repeat.rs` (what it repeats) and `output_schema.rs` (what its result has to fit); what a run becomes in `wire.rs`, what is shown of a log in
//! `project.rs`, whose questions get their links in `links.rs`, which lead people to `page.rs`; `slots.rs` bounds how many requests of a tenant are open at once.

mod create;
mod error;
mod handlers;
mod integrations;
mod links;
mod output_schema;
mod page;
mod pass_through;
mod project;
mod repeat;
#[cfg(test)]
mod said;
mod slots;
mod wire;

use std::time::Duration;

use self::slots::Slots;
use super::common::mapping::ApiMapping;
use crate::auth::Gate;
use crate::runs::Runs;

/// How runs show here. Node runs show only through events: as steps.
pub const MAPPING: ApiMapping = ApiMapping {
    title: "toolregistry.ai",
    documents: &[FACE],
    run: wire::status_word,
    node_run: None,
    events: |state, log| {
        let mut projection = project::Projection::of(state.run);
        log.iter().map(|recorded| projection.project(recorded).map(project::kind).into_iter().collect()).collect()
    },
};

/// The API's name: also the document's.
pub const FACE: &str = "toolregistry";

/// The room.
pub struct Handlers {
    runs: Runs,
    gate: Gate,
    plan_wait: Duration,
    slots: Slots,
    public_url: Option<String>,
    integrations_since_ms: i64,
}

/// What of it can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a start waits for its plan.
    pub plan_wait: Duration,
    /// Starts and streams that one tenant may have open at once.
    pub open_max: usize,
    /// What links begin with, where this API is not reached like the others.
    pub public_url: Option<String>,
    /// When the configuration's integrations were written down, Unix milliseconds.
    pub integrations_since_ms: i64,
}

impl Handlers {
    /// A room over these runs.
    pub fn new(runs: Runs, gate: Gate, settings: &Settings) -> Self {
        let Settings { plan_wait, open_max, public_url, integrations_since_ms } = settings.clone();
        Handlers { runs, gate, plan_wait, slots: Slots::new(open_max), public_url, integrations_since_ms }
    }
}
