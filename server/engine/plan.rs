//! What a planner hands back: steps with their candidates, the chosen node type, inputs, and where inputs come from earlier
//! outputs. Planning happens outside; the engine only checks a plan and records it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{NodeType, NodeTypeRef, Object, Policy};

/// A goal, split into steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// One line for people: what will be done.
    pub summary: String,
    /// At least one, in the order of the goal. Ids are unique.
    pub steps: Vec<Step>,
    /// What the run answers with. Absent: the last step's outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<PlanResult>,
}

/// The values that a plan answers with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
// An object is one place, as every format before had it; a list is several.
#[serde(untagged)]
pub enum PlanResult {
    /// One value, as it is.
    One(Source),
    /// A list of values, in this order. Not empty.
    List(Vec<Source>),
}

impl PlanResult {
    /// The places that the values are read from, in order.
    pub fn sources(&self) -> &[Source] {
        match self {
            PlanResult::One(source) => std::slice::from_ref(source),
            PlanResult::List(sources) => sources,
        }
    }
}

impl From<Source> for PlanResult {
    fn from(source: Source) -> Self {
        PlanResult::One(source)
    }
}

/// One step: a subtask mapped to a node type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Such as `S1`; the child's key within its parent.
    pub id: String,
    /// The clause of the goal that this step serves.
    pub goal: String,
    /// Who was considered.
    pub candidates: CandidateSet,
    /// Who was chosen.
    pub node_type: NodeType,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// Inputs known now.
    #[serde(default)]
    pub inputs: Object,
    /// Inputs that come from earlier steps. Every step named here is also in `depends_on`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<Binding>,
    /// Ids of earlier steps that must have succeeded first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// How its failure and time are handled. A stand-in (`go to`) is a later step.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
}

/// The node types considered for a subtask, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateSet {
    /// Derived, and unique over all runs: what a planner calls it is replaced when its plan is recorded.
    pub id: String,
    /// Best first.
    pub candidates: Vec<Candidate>,
}

/// One node type considered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Resolved id and version.
    pub node_type: NodeTypeRef,
    /// Higher is better; comparable within one set.
    pub score: f64,
    /// Why it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
}

/// One input that comes from an earlier step's outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// Top-level input field to set.
    pub field: String,
    /// Where the value comes from.
    pub source: Source,
    /// In which form it is put.
    #[serde(default)]
    pub form: Form,
}

/// A place in an earlier step's outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The step's id.
    pub step: String,
    /// JSON pointer (RFC 6901) into its outputs; empty is the whole object.
    pub pointer: String,
}

/// In which form a bound value is put.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// As it is.
    #[default]
    Value,
    /// As text (a string as it is, anything else as compact JSON) between two pieces of text.
    Text {
        /// Put before.
        before: String,
        /// Put after.
        after: String,
    },
}

/// Renders a value as the text form does.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
