//! The Runyard API: every run, whichever API started it, with its whole tree and its own log.
//!
//! | operation                | engine command |
//! |--------------------------|----------------|
//! | `start_run`              | `Command::Start` |
//! | `cancel_run`             | `Command::Cancel` |
//! | `deliver_input`          | `Command::Deliver` |
//! | `pause_run`, `resume_run`| `Command::Pause`, `Command::Resume` |
//! | `decide_approval`        | `Command::Decide` |
//! | keys                     | none: [`crate::auth`] makes and ends them |
//! | all others               | reads          |
//!
//! `start.rs` parses requests that start a run, `approvals.rs` handles approval requests. Lists are paged by key:
//! `cursor.rs`.

mod approvals;
mod cursor;
mod error;
mod handlers;
mod keys;
mod project;
mod start;
mod wire;

use std::sync::{Arc, OnceLock};

use super::common::mapping::{ApiMapping, event_types};
use crate::auth::{Gate, Keys};
use crate::listeners::Listener;
use crate::runs::Runs;

/// How runs appear in the Runyard API: unchanged.
pub const MAPPING: ApiMapping = ApiMapping {
    title: "Runyard",
    documents: &["runyard"],
    run: |status| wire::run_state(status).to_string(),
    node_run: Some(|state| wire::node_state(state).0.to_string()),
    events: |state, log| event_types(log, |recorded| project::project(state.run, recorded), |shown| vec![shown.type_]),
};

/// The API name stored with runs that this API starts.
const API: &str = "runyard";
/// Default page size.
const LIMIT: usize = 50;

/// The handlers of this API.
pub struct Handlers {
    runs: Runs,
    listeners: Listeners,
    gate: Gate,
    keys: Keys,
}

/// The listeners of this process. They are set once all of them listen.
pub type Listeners = Arc<OnceLock<Vec<Listener>>>;

impl Handlers {
    /// The Runyard API over the runs in this process.
    pub fn new(runs: Runs, listeners: Listeners, gate: Gate, keys: Keys) -> Self {
        Handlers { runs, listeners, gate, keys }
    }
}

#[cfg(test)]
mod enum_coverage;
