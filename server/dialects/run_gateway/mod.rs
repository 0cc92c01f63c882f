//! The ARP Run Gateway: callers use it to start, watch and cancel a run.
//!
//! | operation           | engine command    |
//! |---------------------|-------------------|
//! | `start_run`         | `Command::Start`  |
//! | `cancel_run`        | `Command::Cancel` |
//! | `get_run`           | reads             |
//! | `stream_run_events` | reads, and follows|
//!
//! Nothing is decided here. Runs are in this process, or with a remote coordinator, or no coordinator is configured
//! yet: [`Coordinator`].

mod forward;
mod handlers;

use crate::auth::Gate;
use crate::clock::Clock;
use crate::runs::Runs;
use crate::runs::remote::RemoteCoordinator;

/// The API's name: also the document's.
pub const API: &str = "run-gateway";

/// The handlers of this API.
pub struct Handlers {
    coordinator: Coordinator,
    gate: Gate,
}

/// Where the runs are.
#[expect(clippy::large_enum_variant, reason = "one exists for each server")]
pub enum Coordinator {
    /// In this process.
    Local(Runs),
    /// At a remote coordinator.
    Remote(RemoteCoordinator),
    /// The gateway is configured to forward, but without the coordinator's address.
    Missing(Clock),
}

impl Handlers {
    /// A gateway over this coordinator.
    pub fn new(coordinator: Coordinator, gate: Gate) -> Self {
        Handlers { coordinator, gate }
    }
}
