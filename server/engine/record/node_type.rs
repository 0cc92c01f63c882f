//! The node type of a node run, pinned when the node run is created, so that a replay needs no catalogue.

use serde::{Deserialize, Serialize};

use super::constraints::Constraints;
use super::policy::Retry;
pub use super::side_effect::SideEffect;

/// A node type as requested. It may be an alias, a version prefix or `latest`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeTypeRef {
    /// Such as `runyard.core.echo` or an alias.
    pub id: String,
    /// Such as `1.0.0`, `1` or `latest`.
    pub version: String,
}

/// A resolved node type, with everything that the engine needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeType {
    /// The reference as requested; APIs return this one.
    pub asked: NodeTypeRef,
    /// The resolved id.
    pub id: String,
    /// The resolved version.
    pub version: String,
    /// How the engine runs it.
    pub kind: NodeKind,
    /// Its class of side effects.
    pub side_effect: SideEffect,
    /// Whether each attempt calls a service outside this server. If so, it counts for `max_external_calls`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// Constraints that come with the type.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// The default retry policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// The default timeout of one attempt, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// SHA-256 (hexadecimal) of the input schema that inputs were validated against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema_sha256: Option<String>,
}

/// How the engine runs a node run. The properties of each kind are in `kinds/facts.rs`: [`NodeKind::facts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// One effect, which the driver executes.
    Call,
    /// A durable timer: inputs `seconds` or `duration_seconds`, output `slept_seconds`.
    Sleep,
    /// A question to the client of the run: input `question`, output `answer`.
    Ask,
    /// Starts another run and, if requested, waits for its end.
    Run,
    /// A goal, split into children by the planner.
    Plan,
    /// Children and completion come from outside.
    External,
    /// A static graph, executed node by node.
    Graph,
    /// Runs the same node type for each item of a list.
    Each,
    /// Asks a model what to do, and calls tools for it, turn by turn.
    Agent,
}

impl NodeKind {
    /// Every kind, for generators and tables.
    pub const ALL: [NodeKind; 9] = [
        NodeKind::Call,
        NodeKind::Sleep,
        NodeKind::Ask,
        NodeKind::Run,
        NodeKind::Plan,
        NodeKind::External,
        NodeKind::Graph,
        NodeKind::Each,
        NodeKind::Agent,
    ];
}
