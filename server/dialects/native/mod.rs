//! Our own door: every run, whichever face it came through, with its whole tree and its own log.
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
//! What starts a run is read in `start.rs`, what is agreed to is in `approvals.rs`. Lists are paged by key: `cursor.rs`.

mod approvals;
mod cursor;
mod error;
mod handlers;
mod keys;
mod project;
mod start;
mod wire;

use std::sync::{Arc, OnceLock};

use super::mapping::Face;
use crate::auth::{Gate, Keys};
use crate::doors::Door;
use crate::runs::Runs;

/// How runs show on our own door: as they are.
pub const MAPPING: Face = Face {
    title: "Runyard",
    documents: &["runyard"],
    run: |status| wire::run_state(status).to_string(),
    node_run: Some(|state| wire::node_state(state).0.to_string()),
    events: |state, log| {
        let shown = |recorded| project::project(&state.run.to_string(), recorded)["type"].as_str().map(str::to_owned);
        log.iter().map(|recorded| shown(recorded).into_iter().collect()).collect()
    },
};

/// What runs that came through this door carry as their face.
const FACE: &str = "runyard";
/// Entries on a page when the caller does not say.
const LIMIT: usize = 50;

/// The room.
pub struct Room {
    runs: Runs,
    doors: Doors,
    gate: Gate,
    keys: Keys,
}

/// The doors of this process, known once all of them listen.
pub type Doors = Arc<OnceLock<Vec<Door>>>;

impl Room {
    /// Our door over the runs in this process.
    pub fn new(runs: Runs, doors: Doors, gate: Gate, keys: Keys) -> Self {
        Room { runs, doors, gate, keys }
    }
}

#[cfg(test)]
mod said;
