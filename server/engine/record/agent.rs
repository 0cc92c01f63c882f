//! Agents, as they are recorded: what an agent is made of, and what follows one of its turns.

use serde::{Deserialize, Serialize};

use super::Object;
use super::node_type::NodeType;
use super::policy::Policy;

/// The member of a turn's outputs that says what follows the turn: a [`NextStep`].
pub const NEXT: &str = "next";

/// What an agent is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// The pinned node type of each turn, which asks the model.
    pub turn: NodeType,
    /// The tools. A call names one by its index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<AgentTool>,
    /// The most tool calls that run at once; 0 counts as 1.
    pub at_once: u32,
    /// The most turns.
    pub turns_max: u32,
}

/// A tool of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentTool {
    /// The name by which the model calls it. Unique in the agent.
    pub name: String,
    /// The pinned node type of each call.
    pub node_type: NodeType,
    /// The description for the model; absent if it is that of the node type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Inputs that every call has. The model neither sees nor sets them.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// Whether each call needs an approval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_approval: bool,
    /// Retries and the timeout of an attempt, for each call.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
}

/// What follows a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextStep {
    /// These calls, and then another turn. Without calls the other turn follows at once.
    Calls(Vec<ToolCall>),
    /// The end: the outputs of the agent.
    Answer(Object),
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The id that the model gave the call.
    pub id: String,
    /// The index of the tool.
    pub tool: u32,
    /// The inputs, already validated, without those that every call has.
    pub inputs: Object,
}
