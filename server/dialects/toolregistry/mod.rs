//! toolregistry.ai: runs that pursue an intent with the tools of integrations.
//!
//! | operation                                      | engine command                                        |
//! |------------------------------------------------|-------------------------------------------------------|
//! | `RunController_createRun`                      | `Command::Start` of the planner, then waits for a plan |
//! | `RunController_abortRun`                       | `Command::Cancel`                                     |
//! | `RunController_runApproval`                    | `Command::Decide`, or a page with buttons             |
//! | `RunController_decideApproval`                 | `Command::Decide`                                     |
//! | `RunController_listRuns`                       | reads, in pages that are counted                      |
//! | `RunController_getRun`                         | reads                                                 |
//! | `RunController_sse`                            | reads, and follows                                    |
//! | `ExecutionPlanController_getExecutionPlan`     | reads                                                 |
//! | `IntegrationController_listIntegrations`       | reads the catalogue                                   |
//!
//! Nothing is decided here. `create.rs` converts a request, with `integrations.rs` (what it selects), `pass_through.rs`
//! (the values for integrations), `repeat.rs` (the run that it repeats) and `output_schema.rs` (the schema of its
//! result). `wire.rs` converts a run, `project.rs` a log. `links.rs` adds links to approval requests, and `page.rs` is
//! the page behind them. `slots.rs` limits how many requests of a tenant are open at once.

mod create;
#[cfg(test)]
mod enum_coverage;
mod error;
mod handlers;
mod integrations;
mod links;
mod output_schema;
mod page;
mod pass_through;
mod project;
mod repeat;
mod slots;
mod wire;

use std::time::Duration;

use self::slots::Slots;
use super::common::mapping::{ApiMapping, event_types};
use crate::auth::Gate;
use crate::runs::Runs;

/// How runs appear in this API. Node runs appear only through events: as steps.
pub const MAPPING: ApiMapping = ApiMapping {
    title: "toolregistry.ai",
    documents: &[API],
    run: wire::status_word,
    node_run: None,
    events: |state, log| {
        let mut projection = project::Projection::of(state.run);
        let types = |shown: Option<_>| shown.map(project::kind).into_iter().collect();
        event_types(log, |recorded| projection.project(recorded), types)
    },
};

/// The API's name: also the document's.
pub const API: &str = "toolregistry";

/// The handlers of this API.
pub struct Handlers {
    runs: Runs,
    gate: Gate,
    plan_wait: Duration,
    slots: Slots,
    public_url: Option<String>,
    integrations_since_ms: i64,
}

/// The settings of this API.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a start waits for its plan.
    pub plan_wait: Duration,
    /// The most starts and streams that one tenant may have open at once.
    pub open_max: usize,
    /// The start of links, if the public address of this API differs from that of the others.
    pub public_url: Option<String>,
    /// The creation time of the configuration's integrations, Unix milliseconds.
    pub integrations_since_ms: i64,
}

impl Handlers {
    /// The handlers over these runs.
    pub fn new(runs: Runs, gate: Gate, settings: &Settings) -> Self {
        let Settings { plan_wait, open_max, public_url, integrations_since_ms } = settings.clone();
        Handlers { runs, gate, plan_wait, slots: Slots::new(open_max), public_url, integrations_since_ms }
    }
}
