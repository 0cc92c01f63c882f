//! Our own door: every run, whichever face it came through, with its whole tree and its own log.
//!
//! | operation           | engine command |
//! |---------------------|----------------|
//! | all of them         | reads          |
//!
//! Runs are started and canceled through the faces of their callers. Lists are paged by key: `cursor.rs`.

mod cursor;
mod error;
mod handlers;
mod project;
mod wire;

use std::sync::{Arc, OnceLock};

use crate::doors::Door;
use crate::runs::Runs;

/// The room.
pub struct Room {
    runs: Runs,
    doors: Doors,
}

/// The doors of this process, known once all of them listen.
pub type Doors = Arc<OnceLock<Vec<Door>>>;

impl Room {
    /// Our door over the runs in this process.
    pub fn new(runs: Runs, doors: Doors) -> Self {
        Room { runs, doors }
    }
}

#[cfg(test)]
mod said;
