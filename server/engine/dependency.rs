//! What the end of a node run means for its siblings: whether its dependants may begin, can never begin, or wait for
//! its fallback.
//!
//! Derived from the state alone. A success satisfies a dependency. A failure satisfies it if it is ignored
//! (`continue`), and otherwise the fallback decides, if there is one (`go to`). A canceled or skipped node run never
//! satisfies it.

use crate::ending::ended_as;
use crate::event::{Failure, FinalState};
use crate::policy::OnFailure;
use crate::{FailureCode, Node, NodeRunId, State};

/// The status of a node run as a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DependencyStatus {
    /// It, or its fallback, has not ended.
    Open,
    /// The dependants may begin.
    Satisfied,
    /// The dependants can never begin.
    Unsatisfiable,
}

/// The status of a node run as a dependency.
pub(crate) fn status(state: &State, node: &Node) -> DependencyStatus {
    let last = effective(state, node);
    match (last.final_state(), &last.policy.on_failure) {
        (None, _) => DependencyStatus::Open,
        (Some(FinalState::Succeeded), _) | (Some(FinalState::Failed), OnFailure::Continue) => {
            DependencyStatus::Satisfied
        }
        (Some(FinalState::Failed), OnFailure::Fail | OnFailure::GoTo(_)) => DependencyStatus::Unsatisfiable,
        (Some(FinalState::Canceled | FinalState::Skipped), _) => DependencyStatus::Unsatisfiable,
    }
}

/// The node run whose end counts: itself, or its fallback if it failed and has one, and so on.
pub(crate) fn effective<'a>(state: &'a State, node: &'a Node) -> &'a Node {
    let mut at = node;
    // The loop ends, because a fallback is always younger than the node run that it replaces.
    while at.final_state() == Some(FinalState::Failed)
        && let Some(next) = fallback_of(state, at)
    {
        at = next;
    }
    at
}

/// The sibling that runs if this one fails.
pub(crate) fn fallback_of<'a>(state: &'a State, node: &Node) -> Option<&'a Node> {
    match (&node.policy.on_failure, node.parent) {
        (OnFailure::GoTo(key), Some(parent)) => state.node(NodeRunId::child(state.run, parent, key)),
        _ => None,
    }
}

/// Whether a fallback is needed, because a sibling that it replaces has failed. Always true for other node runs.
pub(crate) fn is_needed(state: &State, node: &Node) -> bool {
    let mut replaced = node.fallback_for.iter().filter_map(|id| state.node(*id));
    node.fallback_for.is_empty() || replaced.any(|node| node.final_state() == Some(FinalState::Failed))
}

/// How many conditions are unsatisfied before a node run can begin.
pub(crate) fn unsatisfied(state: &State, node: &Node) -> usize {
    let siblings = node.depends_on.iter().filter_map(|id| state.node(*id));
    let open = siblings.filter(|sibling| status(state, sibling) != DependencyStatus::Satisfied).count();
    open + usize::from(!is_needed(state, node))
}

/// The siblings for which the recorded end of this node run satisfies one condition. These are its dependants and those
/// of the node runs that it replaced, if the dependency is now satisfied. Its fallback is included on the first failure
/// that needs it.
pub(crate) fn advanced_by(state: &State, node: &Node) -> Vec<NodeRunId> {
    let mut advanced = Vec::new();
    if status(state, node) == DependencyStatus::Satisfied {
        advanced
            .extend(represented_by(state, node).iter().flat_map(|represented| represented.dependants.iter().copied()));
    }
    if let Some(fallback) = fallback_of(state, node).filter(|_| node.final_state() == Some(FinalState::Failed)) {
        let mut others = fallback.fallback_for.iter().filter(|id| **id != node.id).filter_map(|id| state.node(*id));
        if !others.any(|other| other.final_state() == Some(FinalState::Failed)) {
            advanced.push(fallback.id);
        }
    }
    advanced
}

/// The siblings that can never begin after the end of this node run, and why.
pub(crate) fn became_unsatisfiable(state: &State, node: &Node) -> Vec<(NodeRunId, Failure)> {
    let mut unsatisfiable = Vec::new();
    if status(state, node) == DependencyStatus::Unsatisfiable {
        for represented in represented_by(state, node) {
            let why = dependency_failed(represented);
            unsatisfiable.extend(represented.dependants.iter().map(|id| (*id, why.clone())));
        }
    }
    if let Some(fallback) = fallback_of(state, node) {
        unsatisfiable.extend(not_needed(state, fallback).map(|why| (fallback.id, why)));
    }
    unsatisfiable
}

/// Why a pending node run can never begin; `None` if it can.
pub(crate) fn unsatisfiable(state: &State, node: &Node) -> Option<Failure> {
    let mut siblings = node.depends_on.iter().filter_map(|id| state.node(*id));
    let lost = siblings.find(|sibling| status(state, sibling) == DependencyStatus::Unsatisfiable);
    lost.map(dependency_failed).or_else(|| not_needed(state, node))
}

/// The node run itself, and all failed siblings that it replaces as a direct or indirect fallback.
fn represented_by<'a>(state: &'a State, node: &'a Node) -> Vec<&'a Node> {
    let mut found = vec![node];
    let mut at = 0;
    while let Some(node) = found.get(at).copied() {
        let replaced = node.fallback_for.iter().filter_map(|id| state.node(*id));
        found.extend(replaced.filter(|replaced| replaced.final_state() == Some(FinalState::Failed)));
        at += 1;
    }
    found
}

/// Why a fallback is not needed: all siblings that it could replace have ended, and none failed.
fn not_needed(state: &State, node: &Node) -> Option<Failure> {
    let replaced = || node.fallback_for.iter().filter_map(|id| state.node(*id));
    if node.fallback_for.is_empty() || replaced().any(|node| node.is_live()) || is_needed(state, node) {
        return None;
    }
    let keys: Vec<String> = replaced().map(|node| format!("`{}`", node.key)).collect();
    Some(Failure::new(FailureCode::NotNeeded, format!("it stands in for {}, which did not fail", keys.join(", "))))
}

/// The failure of the dependants of a node run that ended without success.
fn dependency_failed(node: &Node) -> Failure {
    let how = node.final_state().map_or("has not ended", ended_as);
    Failure::new(FailureCode::DependencyFailed, format!("it depends on `{}`, which {how}", node.key))
}
