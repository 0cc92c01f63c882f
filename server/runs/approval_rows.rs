//! The rows of approval requests, derived from the state of their run.

use runyard_engine::{Event, Node, NodeRunId, State};

use super::row;
use crate::store::approval::{ApprovalRow, ApprovalStatus, Subject};

/// The rows of the approvals that these events changed, in their new state.
pub(super) fn changed(after: &State, events: &[Event]) -> Vec<ApprovalRow> {
    if after.approvals.is_empty() {
        return Vec::new();
    }
    let mut touched: Vec<NodeRunId> = events.iter().filter_map(touches).collect();
    touched.sort_unstable();
    touched.dedup();
    touched.into_iter().filter_map(|id| derive(after, after.node(id)?)).collect()
}

/// The node run whose approval an event may change. (An approval that was decided before its node run ended is written
/// once more, unchanged.)
fn touches(event: &Event) -> Option<NodeRunId> {
    match event {
        Event::ApprovalAsked { node_run, .. }
        | Event::ApprovalDecided { node_run, .. }
        | Event::NodeFinished { node_run, .. }
        // Its title may come from its inputs.
        | Event::Loaded { node_run, inputs: Some(_), .. }
        | Event::Launched { node_run, inputs: Some(_), .. }
        | Event::NodeDelayed { node_run, inputs: Some(_), .. } => Some(*node_run),
        _ => None,
    }
}

/// The row of this node run's approval request.
pub fn derive(state: &State, node: &Node) -> Option<ApprovalRow> {
    let asked = node.approval.as_ref()?;
    let (status, ended_at_ms) = match &asked.decided {
        Some(decided) => (decided.verdict.into(), Some(decided.at_ms)),
        None if node.is_live() => (ApprovalStatus::Pending, None),
        None => (ApprovalStatus::Lapsed, node.ended_at_ms),
    };
    let decided = asked.decided.as_ref();
    Some(ApprovalRow {
        approval: asked.id,
        run: state.run,
        node_run: node.id,
        subject: if node.is_planned() { Subject::Plan } else { Subject::NodeRun },
        key: node.key.clone(),
        node_type: node.node_type.id.clone(),
        title: node.goal.as_deref().map(row::in_one_line).or_else(|| row::goal(&node.inputs)),
        status,
        asked_at_ms: asked.asked_at_ms,
        ended_at_ms,
        by: decided.and_then(|decided| decided.by.clone()),
        comment: decided.and_then(|decided| decided.comment.clone()),
    })
}
