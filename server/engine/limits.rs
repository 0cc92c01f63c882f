//! Enforces the constraint envelope, before anything is recorded.
//!
//! A node type must satisfy its parent's constraints and its own requested ones. The constraints of the type itself
//! apply to its descendants. Numeric limits of a composite come from its merged constraints. `max_wall_time_ms` is a
//! timer (`outstanding`), and `require_approval` a wait (`approval`). `constraints` merges two envelopes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::constraints::least;
use crate::ending::Checked;
use crate::event::Failure;
use crate::{Constraints, FailureCode, Node, NodeRunId, NodeType, Object, Rejected, State};

/// A violated constraint, with its limit and the value found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Breach {
    constraint: &'static str,
    limit: String,
    found: String,
}

impl From<Breach> for Rejected {
    fn from(Breach { constraint, limit, found }: Breach) -> Self {
        Rejected::ConstraintViolated { constraint, limit, found }
    }
}

impl From<Breach> for Failure {
    fn from(breach: Breach) -> Self {
        let said = [("constraint", breach.constraint), ("limit", &breach.limit), ("found", &breach.found)];
        let details: Object =
            said.into_iter().map(|(field, value)| (field.to_owned(), Value::String(value.to_owned()))).collect();
        let message = Rejected::from(breach).to_string();
        Failure { details: Some(details), ..Failure::new(FailureCode::ConstraintViolation, message) }
    }
}

/// Checks a node type against the allowed and denied lists, and the class of side effects.
pub(crate) fn node_type_fits(constraints: &Constraints, node_type: &NodeType) -> Result<(), Breach> {
    let candidates = &constraints.candidates;
    let listed = |list: &BTreeSet<String>| list.contains(&node_type.id) || list.contains(&node_type.asked.id);
    if let Some(allowed) = candidates.allowed_node_type_ids.as_ref().filter(|list| !listed(list)) {
        return Err(exceeded("allowed_node_type_ids", in_words(allowed), &node_type.asked.id));
    }
    if listed(&candidates.denied_node_type_ids) {
        return Err(exceeded("denied_node_type_ids", in_words(&candidates.denied_node_type_ids), &node_type.asked.id));
    }
    match constraints.gates.side_effect_class {
        Some(class) if node_type.side_effect > class => {
            Err(exceeded("side_effect_class", class.to_string(), &node_type.side_effect.to_string()))
        }
        _ => Ok(()),
    }
}

impl Constraints {
    /// Whether node runs of a node type may exist under these constraints.
    pub fn allows(&self, node_type: &NodeType) -> bool {
        node_type_fits(self, node_type).is_ok()
    }
}

/// Checks the length of a candidate list.
pub(crate) fn candidates_fit(constraints: &Constraints, listed: usize) -> Result<(), Breach> {
    at_most("max_candidates_per_subtask", constraints.candidates.max_candidates_per_subtask, listed as u64)
}

/// Checks whether the root may exist, because it is the first node run of the run.
pub(crate) fn root_fits(constraints: &Constraints) -> Result<(), Breach> {
    at_most("max_total_nodes_per_run", constraints.structural.max_total_nodes_per_run, 1)
}

/// Checks whether a composite may have this many more children, in one more round of decomposition.
pub(crate) fn children_fit(state: &State, parent: &Node, more: usize) -> Result<(), Breach> {
    more_children_fit(state, parent, more)?;
    let limits = &parent.constraints.structural;
    let rounds = u64::from(parent.rounds) + 1;
    at_most("max_decomposition_rounds_per_node", limits.max_decomposition_rounds_per_node, rounds)
}

/// Checks whether a composite may have this many more children, in the current round.
pub(crate) fn more_children_fit(state: &State, parent: &Node, more: usize) -> Result<(), Breach> {
    let limits = &parent.constraints.structural;
    at_most("max_depth", limits.max_depth, parent.depth + 1)?;
    at_most("max_children_per_composite", limits.max_children_per_composite, (parent.children.len() + more) as u64)?;
    at_most("max_total_nodes_per_run", limits.max_total_nodes_per_run, (state.nodes.len() + more) as u64)
}

/// Checks the budgets before a node run begins: `max_steps` and `max_external_calls` of all its ancestors, and
/// `max_cost`. Each ancestor counts its descendants. Composites do not count as steps.
pub(crate) fn one_more_step(state: &State, node: &Node) -> Checked<()> {
    if node.node_type.kind.is_composite() {
        return Ok(());
    }
    within_budgets(state, node)
        .map_err(|breach| Box::new(Failure { code: FailureCode::BudgetExceeded.into(), ..breach.into() }))
}

fn within_budgets(state: &State, node: &Node) -> Result<(), Breach> {
    let external = node.node_type.external;
    for above in lineage(state, node) {
        let (asked, own) = (&above.asked.budgets, &above.node_type.constraints.budgets);
        at_most("max_steps", least(asked.max_steps, own.max_steps), above.steps + 1)?;
        if external {
            let limit = least(asked.max_external_calls, own.max_external_calls);
            at_most("max_external_calls", limit, above.external_calls + 1)?;
        }
    }
    match node.constraints.budgets.max_cost {
        // The price of a service is unknown. Calls inside this server cost nothing and are within every limit.
        Some(limit) if external => Err(exceeded(
            "max_cost",
            limit.to_string(),
            &format!("a call of `{}`, which has no price", node.node_type.asked.id),
        )),
        _ => Ok(()),
    }
}

/// Counts the start of an atomic node run in the run, in itself and in all ancestors. An external one also counts as an
/// external call.
pub(crate) fn count_step(state: &mut State, id: NodeRunId, external: bool) {
    state.steps += 1;
    state.external_calls += u64::from(external);
    let mut next = Some(id);
    while let Some(node) = next.and_then(|id| state.nodes.get_mut(&id)) {
        let node = Arc::make_mut(node);
        node.steps += 1;
        node.external_calls += u64::from(external);
        next = node.parent;
    }
}

/// The number of external calls that this node run may still make; `None` without a limit.
pub(crate) fn external_calls_left(state: &State, node: &Node) -> Option<u64> {
    let left = |above: &Node| {
        let limit =
            least(above.asked.budgets.max_external_calls, above.node_type.constraints.budgets.max_external_calls)?;
        Some(limit.saturating_sub(above.external_calls))
    };
    lineage(state, node).filter_map(left).min()
}

impl State {
    /// The number of external calls that a node run may still make; `None` without a limit.
    pub fn external_calls_left(&self, node_run: NodeRunId) -> Option<u64> {
        external_calls_left(self, self.node(node_run)?)
    }
}

/// A node run and all its ancestors.
fn lineage<'a>(state: &'a State, node: &'a Node) -> impl Iterator<Item = &'a Node> {
    std::iter::successors(Some(node), |node| node.parent.and_then(|id| state.node(id)))
}

fn at_most(constraint: &'static str, limit: Option<u64>, found: u64) -> Result<(), Breach> {
    match limit {
        Some(limit) if found > limit => Err(exceeded(constraint, limit.to_string(), &found.to_string())),
        _ => Ok(()),
    }
}

fn exceeded(constraint: &'static str, limit: String, found: &str) -> Breach {
    Breach { constraint, limit, found: found.to_owned() }
}

/// Formats a list for people; a long one is truncated.
fn in_words(list: &BTreeSet<String>) -> String {
    const SHOWN_MAX: usize = 8;
    if list.is_empty() {
        return "empty".to_owned();
    }
    let shown: Vec<&str> = list.iter().take(SHOWN_MAX).map(String::as_str).collect();
    match list.len().saturating_sub(SHOWN_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
