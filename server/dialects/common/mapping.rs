//! How one API shows runs: a `MAPPING` in each dialect module, from the functions that answer its requests. [`super::super::mapping`] makes
//! tables of all of them.

use runyard_engine::{NodeState, Recorded, RunStatus, State};

/// An API: one column of the tables.
#[derive(Debug, Clone, Copy)]
pub struct ApiMapping {
    /// For the head of its column.
    pub title: &'static str,
    /// The documents that it speaks.
    pub documents: &'static [&'static str],
    /// A run's state in its words.
    pub run: fn(RunStatus) -> String,
    /// A node run's state in its words; nothing where it does not show node runs.
    pub node_run: Option<fn(NodeState) -> String>,
    /// What it shows of each event of a log: none, one or more types.
    pub events: fn(&State, &[Recorded]) -> Vec<Vec<String>>,
}
