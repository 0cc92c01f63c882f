//! The plan that a planner returns: steps with their candidates, the chosen node type, inputs, and bindings to earlier
//! outputs. Planning happens outside the engine, which only checks and records a plan.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Object;
use super::node_type::{NodeType, NodeTypeRef};
use super::policy::Policy;

/// A goal, split into steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// A one-line summary for people.
    pub summary: String,
    /// The steps, in the order of the goal; at least one. Their ids are unique.
    pub steps: Vec<Step>,
    /// The result of the run. If absent, the last step's outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<PlanResult>,
}

/// The result of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
// Untagged, because earlier formats store a single source as an object. A list has several sources.
#[serde(untagged)]
pub enum PlanResult {
    /// One value, unchanged.
    One(Source),
    /// A list of values, in this order. Not empty.
    List(Vec<Source>),
}

impl PlanResult {
    /// The sources of the values, in order.
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
    /// The candidates.
    pub candidates: CandidateSet,
    /// The chosen node type.
    pub node_type: NodeType,
    /// The planner's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// The inputs that are known now.
    #[serde(default)]
    pub inputs: Object,
    /// The inputs that come from earlier steps. Every step named here is also in `depends_on`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<Binding>,
    /// The ids of earlier steps that must succeed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Its retry, timeout and failure policy. A fallback (`go to`) is a later step.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
}

/// The node types considered for a subtask, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateSet {
    /// The id, unique over all runs. When a plan is recorded, a derived id replaces the planner's own.
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
    /// The reason for the candidate.
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
    /// The form of the inserted value.
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

/// The form of a bound value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Unchanged.
    #[default]
    Value,
    /// As text (a string as it is, anything else as compact JSON) between two pieces of text.
    Text {
        /// The text before the value.
        before: String,
        /// The text after the value.
        after: String,
    },
}

/// Formats a value as in [`Form::Text`].
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
