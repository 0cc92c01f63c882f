//! The labels that a run has if another run started it.

/// The label with the parent run.
pub const PARENT_RUN: &str = crate::store::retention::STARTED_BY;
/// The label with the parent node run.
pub const PARENT_NODE_RUN: &str = "runyard.parent_node_run";
/// The label that names the topmost run, on runs at least two levels below it.
pub(super) const ROOT_RUN: &str = "runyard.root_run";
