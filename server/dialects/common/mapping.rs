//! How one API shows runs: a `MAPPING` in each dialect module, built from the functions that answer its requests.
//! [`super::super::mapping`] makes tables of all of them.

use runyard_engine::{NodeState, Recorded, RunStatus, State};

/// An API: one column of the tables.
#[derive(Debug, Clone, Copy)]
pub struct ApiMapping {
    /// The title of its column.
    pub title: &'static str,
    /// The documents that it serves.
    pub documents: &'static [&'static str],
    /// The API's name for a run's state.
    pub run: fn(RunStatus) -> String,
    /// The API's name for a node run's state; absent if the API does not show node runs.
    pub node_run: Option<fn(NodeState) -> String>,
    /// The event types that the API shows for each event of a log: none, one or more.
    pub events: fn(&State, &[Recorded]) -> Vec<Vec<String>>,
}
