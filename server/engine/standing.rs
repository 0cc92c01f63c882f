//! What the end of a node run means to its siblings: whether what depends on it may begin, can never begin, or has to wait for
//! the sibling that stands in for it.
//!
//! Derived from the state alone. Who succeeded meets a dependency. Who failed meets it if its failure is passed over
//! (`continue`), and hands it to its stand-in where it has one (`go to`). Who was canceled or skipped never meets it.

use crate::event::{Failure, FinalState};
use crate::finish::{self, failure};
use crate::policy::OnFailure;
use crate::{Node, NodeRunId, State};

/// What a node run is to those who depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It, or who stands in for it, has not ended.
    Open,
    /// They may begin.
    Met,
    /// They never can.
    Hopeless,
}

/// What a node run is to those who depend on it.
pub(crate) fn of(state: &State, node: &Node) -> Standing {
    let last = stand_in(state, node);
    match (last.final_state(), &last.policy.on_failure) {
        (None, _) => Standing::Open,
        (Some(FinalState::Succeeded), _) | (Some(FinalState::Failed), OnFailure::Continue) => Standing::Met,
        (Some(FinalState::Failed), OnFailure::Fail | OnFailure::GoTo(_)) => Standing::Hopeless,
        (Some(FinalState::Canceled | FinalState::Skipped), _) => Standing::Hopeless,
    }
}

/// Who speaks for a node run: itself, or, if it failed and has one, its stand-in, and so on.
pub(crate) fn stand_in<'a>(state: &'a State, node: &'a Node) -> &'a Node {
    let mut at = node;
    // Ends: a stand-in is always younger than whom it stands in for.
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

/// Whether a stand-in is needed: one of those it stands in for has failed. True of everybody else.
pub(crate) fn is_needed(state: &State, node: &Node) -> bool {
    let mut whom = node.fallback_for.iter().filter_map(|id| state.node(*id));
    node.fallback_for.is_empty() || whom.any(|node| node.final_state() == Some(FinalState::Failed))
}

/// How many things must still happen before a node run can begin.
pub(crate) fn unmet(state: &State, node: &Node) -> usize {
    let siblings = node.depends_on.iter().filter_map(|id| state.node(*id));
    let open = siblings.filter(|sibling| of(state, sibling) != Standing::Met).count();
    open + usize::from(!is_needed(state, node))
}

/// Whom the end of this node run, just recorded, brings one nearer to beginning: who depends on it or on those it speaks for, if
/// that is met now, and its stand-in, if this is the first failure that needs it.
pub(crate) fn brought_nearer(state: &State, node: &Node) -> Vec<NodeRunId> {
    let mut nearer = Vec::new();
    if of(state, node) == Standing::Met {
        nearer.extend(spoken_for(state, node).iter().flat_map(|spoken| spoken.dependants.iter().copied()));
    }
    if let Some(stand_in) = fallback_of(state, node).filter(|_| node.final_state() == Some(FinalState::Failed)) {
        let mut others = stand_in.fallback_for.iter().filter(|id| **id != node.id).filter_map(|id| state.node(*id));
        if !others.any(|other| other.final_state() == Some(FinalState::Failed)) {
            nearer.push(stand_in.id);
        }
    }
    nearer
}

/// Who can never begin now that this node run has ended, and why.
pub(crate) fn made_hopeless(state: &State, node: &Node) -> Vec<(NodeRunId, Failure)> {
    let mut hopeless = Vec::new();
    if of(state, node) == Standing::Hopeless {
        for spoken in spoken_for(state, node) {
            let why = finish::dependency_failed(spoken);
            hopeless.extend(spoken.dependants.iter().map(|id| (*id, why.clone())));
        }
    }
    if let Some(stand_in) = fallback_of(state, node) {
        hopeless.extend(not_needed(state, stand_in).map(|why| (stand_in.id, why)));
    }
    hopeless
}

/// Why a node run that has not begun never can, if that is so.
pub(crate) fn hopeless(state: &State, node: &Node) -> Option<Failure> {
    let mut siblings = node.depends_on.iter().filter_map(|id| state.node(*id));
    let lost = siblings.find(|sibling| of(state, sibling) == Standing::Hopeless);
    lost.map(finish::dependency_failed).or_else(|| not_needed(state, node))
}

/// Itself, and everyone who failed and whose stand-in it is, directly or through another.
fn spoken_for<'a>(state: &'a State, node: &'a Node) -> Vec<&'a Node> {
    let mut found = vec![node];
    let mut at = 0;
    while let Some(node) = found.get(at).copied() {
        let whom = node.fallback_for.iter().filter_map(|id| state.node(*id));
        found.extend(whom.filter(|whom| whom.final_state() == Some(FinalState::Failed)));
        at += 1;
    }
    found
}

/// Why a stand-in is not needed: everyone it stands in for has ended, and none of them failed.
fn not_needed(state: &State, node: &Node) -> Option<Failure> {
    let whom = || node.fallback_for.iter().filter_map(|id| state.node(*id));
    if node.fallback_for.is_empty() || whom().any(|node| node.is_live()) || is_needed(state, node) {
        return None;
    }
    let keys: Vec<String> = whom().map(|node| format!("`{}`", node.key)).collect();
    Some(failure("not_needed", format!("it stands in for {}, which did not fail", keys.join(", "))))
}
