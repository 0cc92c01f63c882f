//! `runyard.composite.graph`: a graph of nodes, and its form as it is written. How it is read and checked is in `graph/`.

use std::collections::BTreeSet;

use runyard_engine::{NodeKind, Object, policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{Builtin, Perform};
use super::values::AnyObject;
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.composite.graph";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Engine, needs_data: false };

/// A graph to execute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GraphInputs {
    /// The nodes and their edges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<WrittenGraph>,
    /// The graph's data: what its start node returns.
    #[serde(default)]
    pub data: Value,
}

/// A graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenGraph {
    /// The key of the first node to execute; the first of the list if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Every node.
    #[schemars(length(min = 1))]
    pub nodes: Vec<WrittenNode>,
    /// What double braces in plain texts of inputs are. If absent: as in the graph around it, and `braces` in the outermost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextForm>,
}

/// What double braces in plain text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextForm {
    /// They enclose JavaScript.
    Braces,
    /// They are text.
    Plain,
}

/// A node of a graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenNode {
    /// The name by which other nodes refer to it. Unique in the graph.
    pub key: String,
    /// Its name in expressions: letters, digits and underscores, unique in the graph. The key if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The node type.
    pub node_type_ref: WrittenType,
    /// The inputs.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The outgoing edges, by key; null leads nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Option<String>>,
    /// The retry policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<WrittenRetry>,
    /// How long one attempt may take, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What follows its last failed attempt: `fail` (the default), `continue`, or `{"go_to": KEY}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<WrittenFallback>,
}

/// A reference to a node type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenType {
    /// Such as `runyard.core.echo`.
    pub node_type_id: String,
    /// Such as `1.0.0`, `1` or `latest`, the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A retry policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenRetry {
    /// Attempts, the first included.
    pub max_attempts: u32,
    /// The wait before the second attempt, milliseconds.
    #[serde(default = "a_second")]
    pub initial_interval_ms: u64,
    /// How many times longer each wait is than the one before.
    #[serde(default = "twice")]
    pub backoff_coefficient: f64,
    /// The longest wait, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_interval_ms: Option<u64>,
    /// The part of a wait that may be left out at random, 0 to 1.
    #[serde(default)]
    pub jitter: f64,
    /// Only failures with these codes are retried. If absent: every failure that does not say it is not retryable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable_codes: Option<BTreeSet<String>>,
}

const fn a_second() -> u64 {
    1000
}

const fn twice() -> f64 {
    2.0
}

impl From<WrittenRetry> for policy::Retry {
    fn from(retry: WrittenRetry) -> Self {
        policy::Retry {
            attempts_max: retry.max_attempts,
            initial_ms: retry.initial_interval_ms,
            backoff: retry.backoff_coefficient,
            delay_ms_max: retry.max_interval_ms,
            jitter: retry.jitter,
            codes: retry.retryable_codes,
        }
    }
}

/// What follows a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WrittenFallback {
    /// The graph fails.
    Fail,
    /// The failure is accepted, and execution continues at the first edge.
    Continue,
    /// Execution continues at the node with this key.
    GoTo(String),
}

fn entry() -> Entry {
    Entry::of::<GraphInputs, AnyObject>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Graph,
        description: "Executes a graph, node by node, and returns the outputs of the last node.",
        hints: Hints::default(),
        rule: None,
    })
}
