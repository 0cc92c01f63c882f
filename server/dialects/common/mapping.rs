//! How one API shows runs: a `MAPPING` in each dialect module, built from the functions that answer its requests.
//! [`super::super::mapping`] makes tables of all of them.

use runyard_engine::{NodeState, Recorded, RunStatus, State};

use crate::feed::ProjectionError;

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

/// The event types for each event of a log. An event that cannot be shown has the error in its place.
pub fn event_types<T>(
    log: &[Recorded],
    mut project: impl FnMut(&Recorded) -> Result<T, ProjectionError>,
    types: impl Fn(T) -> Vec<String>,
) -> Vec<Vec<String>> {
    let shown = |recorded| project(recorded).map_or_else(|error| vec![error.to_string()], &types);
    log.iter().map(shown).collect()
}
