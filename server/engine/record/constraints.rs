//! The constraint envelope (ARP Standard v1): limits that are enforced before anything is recorded.
//!
//! This file merges two envelopes; `limits` enforces them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::side_effect::SideEffect;

/// Limits on a run or on a part of it. Absent means no limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Constraints {
    /// How large the tree may grow.
    #[serde(skip_serializing_if = "is_default")]
    pub structural: Structural,
    /// Which node types may be chosen.
    #[serde(skip_serializing_if = "is_default")]
    pub candidates: Candidates,
    /// How much may be spent.
    #[serde(skip_serializing_if = "is_default")]
    pub budgets: Budgets,
    /// Side effects and approvals.
    #[serde(skip_serializing_if = "is_default")]
    pub gates: Gates,
}

/// How large the tree may grow. The root has depth 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Structural {
    /// The greatest depth of a node run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_depth: Option<u64>,
    /// The most children one composite may ever have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_children_per_composite: Option<u64>,
    /// The most node runs in a run, the root included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_nodes_per_run: Option<u64>,
    /// The most times one composite may be decomposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_decomposition_rounds_per_node: Option<u64>,
}

/// Which node types may be chosen. An entry matches the resolved id or the requested one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidates {
    /// The most candidates in a candidate set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_candidates_per_subtask: Option<u64>,
    /// Only these, when present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_node_type_ids: Option<BTreeSet<String>>,
    /// Never these.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub denied_node_type_ids: BTreeSet<String>,
}

/// How much may be spent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budgets {
    /// Milliseconds from start to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_wall_time_ms: Option<u64>,
    /// Atomic node runs started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// External calls; each attempt counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_external_calls: Option<u64>,
    /// The most that calls may cost. No node type has a price yet, so external calls are rejected while this is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
}

/// Side effects and approvals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gates {
    /// The highest class of side effects that a node run may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side_effect_class: Option<SideEffect>,
    /// Whether each call needs an approval before it begins. Node runs without a call need none, because they have no
    /// side effects.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_approval: bool,
}

impl Constraints {
    /// Whether nothing is constrained.
    pub fn is_empty(&self) -> bool {
        *self == Constraints::default()
    }

    /// Merges two envelopes: the smaller number, the node types that both allow, the node types that either denies, the
    /// lesser side effect, and an approval if either requires one. Commutative and associative; the default is the
    /// identity.
    pub fn merge(&self, other: &Constraints) -> Constraints {
        Constraints {
            structural: self.structural.merge(&other.structural),
            candidates: self.candidates.merge(&other.candidates),
            budgets: self.budgets.merge(&other.budgets),
            gates: self.gates.merge(&other.gates),
        }
    }
}

impl Structural {
    fn merge(&self, other: &Structural) -> Structural {
        Structural {
            max_depth: least(self.max_depth, other.max_depth),
            max_children_per_composite: least(self.max_children_per_composite, other.max_children_per_composite),
            max_total_nodes_per_run: least(self.max_total_nodes_per_run, other.max_total_nodes_per_run),
            max_decomposition_rounds_per_node: least(
                self.max_decomposition_rounds_per_node,
                other.max_decomposition_rounds_per_node,
            ),
        }
    }
}

impl Candidates {
    fn merge(&self, other: &Candidates) -> Candidates {
        let allowed = match (&self.allowed_node_type_ids, &other.allowed_node_type_ids) {
            (Some(mine), Some(theirs)) => Some(mine & theirs),
            (mine, theirs) => mine.clone().or_else(|| theirs.clone()),
        };
        Candidates {
            max_candidates_per_subtask: least(self.max_candidates_per_subtask, other.max_candidates_per_subtask),
            allowed_node_type_ids: allowed,
            denied_node_type_ids: &self.denied_node_type_ids | &other.denied_node_type_ids,
        }
    }
}

impl Budgets {
    fn merge(&self, other: &Budgets) -> Budgets {
        let cost = match (self.max_cost, other.max_cost) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        Budgets {
            max_wall_time_ms: least(self.max_wall_time_ms, other.max_wall_time_ms),
            max_steps: least(self.max_steps, other.max_steps),
            max_external_calls: least(self.max_external_calls, other.max_external_calls),
            max_cost: cost,
        }
    }
}

impl Gates {
    fn merge(&self, other: &Gates) -> Gates {
        Gates {
            side_effect_class: least(self.side_effect_class, other.side_effect_class),
            require_approval: self.require_approval || other.require_approval,
        }
    }
}

fn is_default<T: Default + PartialEq>(part: &T) -> bool {
    *part == T::default()
}

/// The smaller of two limits; `None` is no limit.
pub(crate) fn least<T: Ord + Copy>(mine: Option<T>, theirs: Option<T>) -> Option<T> {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
        (mine, theirs) => mine.or(theirs),
    }
}
