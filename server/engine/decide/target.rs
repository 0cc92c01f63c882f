//! Finds the node run that a command from outside names, and checks whether it can be changed.

use crate::{Node, NodeKind, NodeRunId, Rejected, RunStatus, State};

/// The external composite with this id.
pub(super) fn external(state: &State, node_run: NodeRunId) -> Result<&Node, Rejected> {
    let node = state.node(node_run).ok_or(Rejected::UnknownNodeRun { node_run })?;
    match node.node_type.kind {
        NodeKind::External => Ok(node),
        NodeKind::Call
        | NodeKind::Sleep
        | NodeKind::Ask
        | NodeKind::Run
        | NodeKind::Plan
        | NodeKind::Graph
        | NodeKind::Each
        | NodeKind::Agent => Err(Rejected::ServerOwned { node_run }),
    }
}

/// Rejects node runs that have ended or have not begun.
pub(super) fn movable(state: &State, node: &Node) -> Result<(), Rejected> {
    if let RunStatus::Final(outcome) = state.status {
        return Err(Rejected::RunFinished { outcome });
    }
    if let Some(state) = node.final_state() {
        return Err(Rejected::NodeRunFinished { node_run: node.id, state });
    }
    if node.attempt == 0 {
        return Err(Rejected::NotBegun { node_run: node.id });
    }
    Ok(())
}
