//! `runyard.composite.planner.general`: a goal. Field names are those of the ARP reference implementation.
//!
//! How its inputs become steps is in `planner/`; its outputs are put together by the engine.

use runyard_engine::{NodeKind, Object};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{Builtin, Perform};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.composite.planner.general";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Engine, needs_data: false };

/// A goal, and how far to go for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannerInputs {
    /// What to do, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// The same as `goal`; used if `goal` is absent, null or blank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Values that the goal may name ("the order number"): a JSON object, written as a string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The most steps that the plan may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_steps: Option<u64>,
    /// The greatest depth of steps, counted as `depth` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_depth: Option<u64>,
    /// The depth of this planner; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub depth: Option<u64>,
}

/// The result of a goal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannerOutputs {
    /// One line: what was done.
    pub planner_summary: String,
    /// Every step, in the order of the plan.
    pub child_node_runs: Vec<ChildNodeRun>,
    /// What the goal asked to return; without such a request, the last step's outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// One step of a plan, as it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildNodeRun {
    /// Its id.
    pub node_run_id: String,
    /// Which node type it was.
    pub node_type_ref: ChildNodeType,
    /// How it ended.
    pub state: String,
    /// Its outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Object>,
    /// Artifacts that it stored elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_artifacts: Vec<Object>,
}

/// A node type, as a child's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildNodeType {
    /// Such as `runyard.core.uuid4`.
    pub node_type_id: String,
    /// Such as `1.0.0`.
    pub version: String,
}

fn entry() -> Entry {
    Entry::of::<PlannerInputs, PlannerOutputs>(Head {
        id: ID,
        aliases: &["jarvis.composite.planner.general"],
        kind: NodeKind::Plan,
        description: "Splits a goal into steps, maps each to a node type, runs them and returns what the goal asked for.",
        hints: Hints::default(),
        rule: None,
    })
}
