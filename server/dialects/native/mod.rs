//! Our own door: every run, whichever face it came through, with its whole tree and its own log.
//!
//! | operation           | engine command |
//! |---------------------|----------------|
//! | keys                | none: [`crate::auth`] makes and ends them |
//! | all others          | reads          |
//!
//! Runs are started and canceled through the faces of their callers. Lists are paged by key: `cursor.rs`.

mod cursor;
mod error;
mod handlers;
mod keys;
mod project;
mod wire;

use std::sync::{Arc, OnceLock};

use crate::auth::{Gate, Keys};
use crate::doors::Door;
use crate::runs::Runs;

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
