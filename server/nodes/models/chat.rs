//! `runyard.model.chat`: one question to a model. Its inputs and outputs are the same for every wire form.

use runyard_engine::{NodeKind, Object, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.model.chat";

/// A conversation, and what the model may answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatInputs {
    /// The model's name in the configuration. If absent: the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the model gets before the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The conversation, oldest message first.
    #[schemars(length(min = 1))]
    pub messages: Vec<Message>,
    /// Tools that the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// A JSON Schema for the answer. If absent, the answer is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Object>,
    /// The most tokens of the answer, at most those of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_output_tokens: Option<u32>,
    /// The sampling temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: Option<f64>,
}

/// A message of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who wrote it.
    pub role: Role,
    /// Its text; of a tool, the result of the call.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The calls in a message of the assistant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that a message of a tool answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Whether the call failed that a message of a tool answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// A message of the assistant as its service wrote it. It goes back unchanged to a service of the same wire form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawMessage>,
}

/// The author of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person or a program.
    #[default]
    User,
    /// The model.
    Assistant,
    /// A tool.
    Tool,
}

/// A message as its service wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMessage {
    /// The wire form: `openai`, `anthropic` or `gemini`.
    pub api: String,
    /// The message.
    pub message: Value,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name: 1 to 64 letters, digits, `_` and `-`.
    #[schemars(regex(pattern = r"^[a-zA-Z0-9_-]{1,64}$"))]
    pub name: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input_schema: Object,
}

/// A call of a tool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The id that the model gave it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments, as the model wrote them.
    #[serde(default)]
    pub arguments: Value,
    /// Why it cannot be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What the model answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatOutputs {
    /// The text.
    pub text: String,
    /// The answer as JSON, if there is a schema for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The calls that the model asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why the model stopped.
    pub stop: Stop,
    /// The tokens used, and their price.
    pub usage: Usage,
    /// The model's name in the configuration.
    pub model: String,
    /// The message as its service wrote it.
    pub raw: Option<RawMessage>,
    /// In an agent: why its answer is not accepted, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// In an agent: the calls that follow, or its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Object>,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The answer is whole.
    #[default]
    End,
    /// It asks for tools.
    ToolCalls,
    /// It reached the most tokens of an answer.
    MaxTokens,
    /// The service or the model refused to answer.
    Refused,
}

/// Tokens, and their price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Tokens of the conversation.
    pub input_tokens: u64,
    /// Tokens of the answer, with those of its reasoning.
    pub output_tokens: u64,
    /// The price by the configuration; absent if that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

/// The entry in the catalogue.
pub fn entry() -> Entry {
    let head = Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "Asks a model of the configuration: a conversation and tools in, text, JSON or tool calls out.",
        hints: Hints::default(),
        rule: None,
    };
    let mut entry = Entry::of::<ChatInputs, ChatOutputs>(head);
    (entry.external, entry.side_effect) = (true, SideEffect::Read);
    entry
}
