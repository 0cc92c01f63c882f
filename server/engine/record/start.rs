//! What a run starts with.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approval::ApprovalStrategy;
use super::constraints::Constraints;
use super::graph::Graph;
use super::ids::{NodeRunId, RunId};
use super::node_type::NodeType;
use super::policy::Policy;
use super::{Labels, Object};

/// Everything that a run starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The client's own id, if it set one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A one-line title for lists, if the inputs do not give one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The API that the run was started through, such as `run-gateway`; opaque to the engine.
    // Stored logs have the older name.
    #[serde(rename = "face")]
    pub api: String,
    /// The root's node type.
    pub node_type: NodeType,
    /// The root's inputs, already validated.
    pub inputs: Object,
    /// The run's constraints as requested; `decide` merges those of the node type.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// The root's policy. `on_failure` must be `Fail`, because a root has no siblings.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// The default policy for every step of every plan in the run. It cannot name a fallback.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub steps: Policy,
    /// What needs an approval first.
    #[serde(default, skip_serializing_if = "ApprovalStrategy::is_none")]
    pub approval: ApprovalStrategy,
    /// At most this many calls at once; 0 counts as 1.
    pub parallel_max: u32,
    /// The JSON Schema (draft 7) of the run's result, which must compile. A run whose result does not fit fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// The root's graph, if it has one that was already checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Arc<Graph>>,
    /// Data of the API (run context, metadata, extensions); opaque to the engine.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notes: Object,
    /// Labels for searching runs; opaque to the engine.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Its position in a thread. If absent, it is the first run of a new thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// The parent run, if another run started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}

/// The parent of a run that another run started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The parent run.
    pub run: RunId,
    /// The node run in the parent run.
    pub node_run: NodeRunId,
    /// Whether the parent waits for the end of this run.
    pub waits: bool,
    /// The number of ancestor runs, from 1.
    pub depth: u32,
}

/// A position in a thread, which is a sequence of runs that share their messages. Opaque to the engine, which sees one
/// run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The thread's id.
    pub thread: String,
    /// From 1, unique within the thread.
    pub number: u64,
}
