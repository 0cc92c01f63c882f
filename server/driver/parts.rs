//! The dependencies and settings of a driver.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::nodes::perform::Performer;
use crate::planner::Planner;
use crate::runs::Runs;
use crate::store::Claims;

/// The dependencies of a driver.
#[derive(Clone)]
pub struct Parts {
    /// The store, for claims alone: results go through `runs`.
    pub store: Arc<dyn Claims>,
    /// The receiver of results.
    pub runs: Runs,
    /// The executor of calls.
    pub performer: Arc<dyn Performer>,
    /// The planner.
    pub planner: Arc<dyn Planner>,
    /// The clock.
    pub clock: Clock,
    /// Notified when there may be something to claim.
    pub work: Arc<Notify>,
    /// The driver's settings.
    pub settings: Settings,
}

/// The settings of a driver.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The claimer's id: unique to this process.
    pub claimer: String,
    /// The number of effects executed at once.
    pub workers: usize,
    /// The lease of a claim without renewal, milliseconds.
    pub lease_ms: i64,
}
