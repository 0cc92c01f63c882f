//! `runyard.core.run`: a run of its own. What is started is found out in `perform/launch.rs`; starting it is the driver's.

use std::collections::BTreeMap;

use runyard_engine::{NodeKind, Object};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::graph::WrittenType;
use super::provider::{Builtin, Perform};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.core.run";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Engine, needs_data: false };

/// A run to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunInputs {
    /// The node type of the run.
    pub node_type_ref: WrittenType,
    /// The inputs of the run.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The title of the run in lists, of which 200 characters are shown. Default: its goal, its question or its node type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The graph of the run, if its node type is a graph: its input `graph`, whose expressions are evaluated in that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Value>,
    /// Labels by which lists find the run: one value or several for each name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Label>,
    /// Constraints of the run, in addition to those of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<Object>,
    /// Whether to wait for the end of the run.
    #[serde(default = "yes")]
    pub wait: bool,
    /// JSON Schema (draft 7) for the result of the run; the result of a plan is assigned to its properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What expressions of the graph see of the run, instead of its id, state and outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_as: Option<SeenAs>,
}

/// What expressions see of a run that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeenAs {
    /// Its outputs.
    Outputs,
    /// Its result, as `answer`.
    Answer,
    /// Its outputs, and what of the run has another name.
    OutputsAndRun,
    /// Its result, as `answer`, and the run.
    AnswerAndRun,
}

/// The values of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Label {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

const fn yes() -> bool {
    true
}

/// The run that was started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunOutputs {
    /// The id of the run.
    pub run_id: String,
    /// The final state, if the step waited for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The outputs, if the step waited for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Object>,
}

fn entry() -> Entry {
    Entry::of::<RunInputs, RunOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Run,
        description: "Starts a run of its own, and waits for its end unless `wait` is false.",
        // A goal is always one run.
        hints: Hints::default(),
        rule: None,
    })
}
