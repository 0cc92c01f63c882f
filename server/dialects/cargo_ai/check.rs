//! Validation of nodes, with the vendor's reasons and Runyard's messages.

use runyard_api::cargo::types::{
    InvalidNode, InvalidNodeReason as Reason, Node, NodeReference, Validation, ValidationOutcome,
};
use runyard_engine::graph::{self, Outline, Reason as Why};

use super::error;
use crate::catalog::Violation;
use crate::dialects::common::refusal::Refusal;

/// How many faults one message lists. It counts the rest.
const LISTED_MAX: usize = 20;
/// The most characters of one message.
const LISTED_CHARACTERS_MAX: usize = 4_000;

/// A fault of one node, or of all of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    /// The node; absent if the fault is about all nodes.
    node: Option<(String, String)>,
    reason: Reason,
    message: String,
}

impl Fault {
    /// A fault of all nodes.
    pub(super) fn of_all(reason: Reason, message: impl Into<String>) -> Self {
        Fault { node: None, reason, message: message.into() }
    }

    /// A violation of the engine's graph reader, with the node to which its path belongs.
    pub(super) fn of_violation(nodes: &[Node], violation: &Violation) -> Self {
        let below = violation.field.strip_prefix("/graph/nodes/").unwrap_or_default();
        let (place, field) = below.split_once('/').unwrap_or((below, ""));
        let node = place.parse::<usize>().ok().and_then(|place| nodes.get(place));
        let reason = if field.starts_with("inputs/graph") { Reason::SubNodesInvalid } else { Reason::NativeInvalid };
        let at = if field.is_empty() { String::new() } else { format!("{field} ") };
        let node = node.map(|node| (node.uuid.clone(), node.slug.clone()));
        Fault { node, reason, message: format!("{at}{}", violation.reason) }
    }

    /// The fault in one line, with its node.
    fn line(&self) -> String {
        match &self.node {
            Some((uuid, slug)) => format!("node `{slug}` ({uuid}): {}: {}", self.reason, self.message),
            None => self.message.clone(),
        }
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault.
    pub(super) fn of(&mut self, node: &Node, reason: Reason, message: impl Into<String>) {
        let node = Some((node.uuid.clone(), node.slug.clone()));
        self.0.push(Fault { node, reason, message: message.into() });
    }

    /// Adds faults of the edges between nodes, and of their names.
    pub(super) fn of_outlines(&mut self, nodes: &[Node], entry: &str, outlines: &[Outline<'_>]) {
        for fault in graph::check(Some(entry), outlines) {
            let message = match &fault.reason {
                Why::NoKey => "it has no uuid".to_owned(),
                Why::DuplicateKey => "an earlier node has the same uuid".to_owned(),
                other => other.to_string(),
            };
            match fault.place.and_then(|place| nodes.get(place)) {
                Some(node) => self.of(node, reason(&fault.reason), message),
                None => self.0.push(Fault::of_all(Reason::StartNodeNotFound, message)),
            }
        }
    }

    /// Succeeds if there are no faults.
    ///
    /// # Errors
    /// All faults, in the order in which they were found.
    pub(super) fn none(self) -> Result<(), Vec<Fault>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// The vendor's reason for a fault in the structure of the graph.
fn reason(why: &Why) -> Reason {
    match why {
        Why::NoEntry => Reason::StartNodeNotFound,
        Why::InvalidSlug | Why::DuplicateSlug => Reason::SlugInvalid,
        Why::NoKey
        | Why::DuplicateKey
        | Why::UnknownChild { .. }
        | Why::UnknownFallback { .. }
        | Why::WrongChildCount { .. }
        | Why::Circle { .. }
        | Why::Unreachable => Reason::ChildrenUuidsInvalid,
    }
}

/// Lists the faults in one text.
pub(super) fn described(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().take(LISTED_MAX).map(Fault::line).collect();
    let more = faults.len().saturating_sub(LISTED_MAX);
    let all = lines.join("; ");
    // Faults of nested graphs are listed within the message, so it can be long.
    let short: String = all.chars().take(LISTED_CHARACTERS_MAX).collect();
    let cut = if short.len() < all.len() { " ..." } else { "" };
    if more == 0 { format!("{short}{cut}") } else { format!("{short}{cut}; and {more} more") }
}

/// The refusal of a run with such nodes.
pub(super) fn refused(faults: &[Fault]) -> Refusal {
    match faults.iter().find(|fault| fault.node.is_none()).map(|fault| fault.reason) {
        Some(Reason::StartNodeNotFound) => error::no_root(),
        Some(Reason::NodesNotFound) => error::no_nodes(),
        _ => error::invalid_nodes(described(faults)),
    }
}

/// The answer of `validate_nodes`.
pub(super) fn validation<T>(lowered: Result<T, Vec<Fault>>) -> Validation {
    let Err(faults) = lowered else { return Validation { outcome: ValidationOutcome::Valid, invalid_nodes: None } };
    let shown = |fault: Fault| {
        let (uuid, slug) = fault.node.unwrap_or_default();
        InvalidNode { node: NodeReference { uuid, slug }, reason: fault.reason, error_message: Some(fault.message) }
    };
    Validation { outcome: ValidationOutcome::NotValid, invalid_nodes: Some(faults.into_iter().map(shown).collect()) }
}
