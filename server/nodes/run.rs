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
    /// What it does.
    pub node_type_ref: WrittenType,
    /// What it does it with.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// What it walks, where it walks a graph: its input `graph`, of which nothing is worked out before it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Value>,
    /// What lists find it by: a value, or several, to a name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Label>,
    /// Limits, besides those that hold here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<Object>,
    /// Whether to wait for its end.
    #[serde(default = "yes")]
    pub wait: bool,
    /// JSON Schema (draft 7) that its result has to fit; the result of a plan is brought into that form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What expressions of a graph around it see in the place of its id, its state and its outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_as: Option<SeenAs>,
}

/// What is seen of a run that has ended.
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
    /// Its id.
    pub run_id: String,
    /// How it ended, where its end was waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Its outputs, where its end was waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Object>,
}

fn entry() -> Entry {
    Entry::of::<RunInputs, RunOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Run,
        description: "Starts a run of its own, and waits for its end unless told otherwise.",
        // A goal is one run; nobody says it so.
        hints: Hints::default(),
        rule: None,
    })
}
