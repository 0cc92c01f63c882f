//! What a node run is an instance of, pinned at creation: a replay never asks a catalogue.

use serde::{Deserialize, Serialize};

use crate::{Constraints, Retry};

/// A node type as a caller asked for it: an alias, a prefix of a version or `latest` are still in here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeTypeRef {
    /// Such as `runyard.core.echo` or an alias.
    pub id: String,
    /// Such as `1.0.0`, `1` or `latest`.
    pub version: String,
}

/// A resolved node type, with all that the engine needs to know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeType {
    /// What was asked for; APIs echo this.
    pub asked: NodeTypeRef,
    /// The resolved id.
    pub id: String,
    /// The resolved version.
    pub version: String,
    /// How the engine moves it.
    pub kind: NodeKind,
    /// What performing it does to the world.
    pub side_effect: SideEffect,
    /// Whether each attempt calls a service outside this server: `max_external_calls` counts it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// Constraints that come with the type.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// What is tried again where nothing else is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// How long one try may take where nothing else is asked for, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// SHA-256 (hexadecimal) of the input schema that inputs were validated against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema_sha256: Option<String>,
}

/// How the engine moves a node run. What is to be known of each kind is in `kinds/facts.rs`: [`NodeKind::facts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// One effect, performed by the driver.
    Call,
    /// A durable timer: inputs `seconds` or `duration_seconds`, output `slept_seconds`.
    Sleep,
    /// A question to whoever follows the run: input `question`, output `answer`.
    Ask,
    /// A run of its own, started and, if asked for, waited for.
    Run,
    /// A goal, split into children by the planner.
    Plan,
    /// Children and completion come from outside.
    External,
    /// A graph that was drawn beforehand, walked node by node.
    Graph,
    /// A list of items, each of which goes through the same.
    Each,
}

impl NodeKind {
    /// Every kind, for generators and tables.
    pub const ALL: [NodeKind; 8] = [
        NodeKind::Call,
        NodeKind::Sleep,
        NodeKind::Ask,
        NodeKind::Run,
        NodeKind::Plan,
        NodeKind::External,
        NodeKind::Graph,
        NodeKind::Each,
    ];
}

/// What performing a node type does to the world, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideEffect {
    /// Changes nothing.
    Read,
    /// Changes something that can be changed back.
    Write,
    /// Cannot be taken back.
    Irreversible,
}

impl std::fmt::Display for SideEffect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SideEffect::Read => "read",
            SideEffect::Write => "write",
            SideEffect::Irreversible => "irreversible",
        })
    }
}
