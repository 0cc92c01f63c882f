//! `runyard.agent`: lets a model work with tools. The engine moves it turn by turn: `engine/kinds/agent.rs`.
//!
//! | file              | what |
//! |-------------------|------|
//! | this one          | its inputs and outputs |
//! | `tools.rs`        | its tools: chosen, named, described for the model |
//! | `setup.rs`        | what the engine records about it when it begins |
//! | `conversation.rs` | the inputs of a turn: the conversation so far, under its bound |
//! | `turn.rs`         | what follows an answer of the model: checked calls, the result, or another try |

mod conversation;
mod setup;
mod tools;
mod turn;

use runyard_engine::{NodeKind, Object};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::graph::WrittenRetry;
use super::models::chat::Usage;
use crate::catalog::entry::{Entry, Head, Hints};

pub(super) use conversation::turn_of;
pub(super) use setup::content;
pub(crate) use tools::offered;
pub(super) use turn::Turn;

/// Its id.
pub const ID: &str = "runyard.agent";

/// A task, and what the model may use for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentInputs {
    /// The task.
    pub prompt: String,
    /// What the model gets before the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The model's name in the configuration. If absent: the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// An earlier conversation, oldest message first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub messages: Vec<EarlierMessage>,
    /// The tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub tools: Vec<WrittenTool>,
    /// A JSON Schema for the result. If absent, the result is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Object>,
    /// The sampling temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: Option<f64>,
    /// Its limits.
    #[serde(default)]
    pub limits: AgentLimits,
}

/// A message of an earlier conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlierMessage {
    /// Whether the model wrote it.
    pub role: EarlierRole,
    /// Its text.
    pub text: String,
}

/// The author of an earlier message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EarlierRole {
    /// A person or a program.
    User,
    /// The model.
    Assistant,
}

/// A tool, or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum WrittenTool {
    /// A node type by its id, or all whose ids match: `*` stands for any text. A pattern finds only atomic node types.
    Pattern(String),
    /// The atomic node types that a search finds.
    Search(ToolSearch),
    /// A node type with settings.
    NodeType(Box<ToolSettings>),
}

/// A search for tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSearch {
    /// Words that id or description contain; node types with more of them come first.
    pub search: String,
    /// The most tools that it finds. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 128))]
    pub limit: Option<usize>,
    /// Whether each call needs an approval.
    #[serde(default)]
    pub needs_approval: bool,
}

/// A node type as a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSettings {
    /// The id, such as `runyard.core.ask` for questions to a person, or `runyard.agent` for another agent. Of several node
    /// types by a pattern, the settings are for each.
    pub node_type_id: String,
    /// Such as `1.0.0`, `1` or `latest`, the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its name for the model. If absent: from the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-zA-Z0-9_-]{1,64}$"))]
    pub name: Option<String>,
    /// Its description for the model. If absent: that of the node type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Inputs that every call has. The model neither sees nor sets them. Of another agent, the model sets only `prompt`.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// Whether each call needs an approval.
    #[serde(default)]
    pub needs_approval: bool,
    /// The retry policy of each call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<WrittenRetry>,
    /// How long one attempt of a call may take, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// The limits of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentLimits {
    /// The most turns. An agent that asks for tools in its last turn fails with `budget_exceeded`.
    #[schemars(range(min = 1, max = 500))]
    pub max_turns: u32,
    /// The most calls of one turn that run at once.
    #[schemars(range(min = 1, max = 100))]
    pub max_parallel_calls: u32,
    /// The most tokens of one answer, at most those of the configuration.
    #[schemars(range(min = 1))]
    pub max_output_tokens: Option<u32>,
    /// The most bytes of a conversation that are sent. Above it, results of the oldest calls are left out first, then the
    /// oldest turns; the task always stays.
    #[schemars(range(min = 10_000, max = 4_000_000))]
    pub max_context_bytes: usize,
    /// The most bytes of one result that the model sees; the rest is left out.
    #[schemars(range(min = 1_000, max = 1_000_000))]
    pub max_result_bytes: usize,
}

impl Default for AgentLimits {
    fn default() -> Self {
        AgentLimits {
            max_turns: 20,
            max_parallel_calls: 4,
            max_output_tokens: None,
            max_context_bytes: 400_000,
            max_result_bytes: 32_000,
        }
    }
}

/// The result of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentOutputs {
    /// The result: text, or JSON that fits the schema.
    pub result: Value,
    /// How many turns it took.
    pub turns: u32,
    /// How many calls of tools it made.
    pub tool_calls: u32,
    /// The tokens of all its turns, and their price.
    pub usage: Usage,
    /// The model's name in the configuration.
    pub model: String,
}

/// The entry in the catalogue.
pub fn entry() -> Entry {
    Entry::of::<AgentInputs, AgentOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Agent,
        description: "Lets a model work on a task with tools: each turn and each tool call is a step of its own.",
        hints: Hints::default(),
        rule: None,
    })
}
