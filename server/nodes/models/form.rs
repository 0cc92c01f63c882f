//! What the wire forms have in common: a request, an answer, and helpers for both.

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::chat::{ChatInputs, ChatOutputs, Message, Role};
use crate::auth::Secret;
use crate::config::models::WireForm;

/// The name of the tool by which a model gives its answer as JSON, where its service has no other way.
pub(in crate::nodes) const ANSWER_TOOL: &str = "final_answer";

/// How the ids of calls begin to which the service gave none.
pub(super) const OWN_ID: &str = "runyard-";

/// A request: path below the base URL, headers, and body.
#[derive(Debug)]
pub(super) struct ModelRequest {
    pub(super) path: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Value,
}

/// A question in no wire form yet.
pub(super) struct Question<'a> {
    pub(super) chat: &'a ChatInputs,
    /// The vendor's name of the model.
    pub(super) model: &'a str,
    pub(super) max_output_tokens: u32,
    /// Whether the base URL is the vendor's own.
    pub(super) is_vendor: bool,
}

/// The base URL of the vendor.
pub(super) const fn base_url(form: WireForm) -> &'static str {
    match form {
        WireForm::Openai => "https://api.openai.com/v1",
        WireForm::Anthropic => "https://api.anthropic.com",
        WireForm::Gemini => "https://generativelanguage.googleapis.com",
    }
}

/// The header with the key.
pub(super) fn key_header(form: WireForm, key: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let (name, text) = match form {
        WireForm::Openai => ("authorization", format!("Bearer {}", key.expose())),
        WireForm::Anthropic => ("x-api-key", key.expose().to_owned()),
        WireForm::Gemini => ("x-goog-api-key", key.expose().to_owned()),
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_static(name), value))
}

/// The raw message of this wire form.
pub(super) fn raw_of(message: &Message, form: WireForm) -> Option<&Value> {
    let raw = message.raw.as_ref().filter(|raw| raw.api == form.as_str())?;
    Some(&raw.message)
}

/// The messages in groups: successive messages of tools are one group.
pub(super) fn groups(messages: &[Message]) -> impl Iterator<Item = &[Message]> {
    messages.chunk_by(|a, b| a.role == Role::Tool && b.role == Role::Tool)
}

/// The tools, with the one for the answer if the service has no other way.
pub(super) fn tools_and_answer(chat: &ChatInputs) -> Vec<(&str, &str, Value)> {
    let tools = chat.tools.iter().map(|tool| {
        let schema = Value::Object(tool.input_schema.clone());
        (tool.name.as_str(), tool.description.as_str(), schema)
    });
    let answer = chat.output_schema.iter().map(|schema| {
        let schema = json!({ "type": "object", "properties": { "answer": schema }, "required": ["answer"] });
        (ANSWER_TOOL, "Gives the final answer. Call it once, when everything is done.", schema)
    });
    tools.chain(answer).collect()
}

/// Takes the call of the answer's tool, if it is the only one.
pub(super) fn take_answer(outputs: &mut ChatOutputs) {
    let [call] = &outputs.tool_calls[..] else { return };
    if call.name == ANSWER_TOOL {
        outputs.output = call.arguments.get("answer").cloned();
        outputs.tool_calls.clear();
    }
}

/// The text of an answer as JSON, if there is a schema for it. Models put JSON into fences now and then.
pub(super) fn parsed(chat: &ChatInputs, text: &str) -> Option<Value> {
    chat.output_schema.as_ref()?;
    let text = text.trim();
    let inner = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    let text = inner.and_then(|inner| inner.strip_suffix("```")).unwrap_or(text);
    serde_json::from_str(text).ok()
}

/// A number of an answer, 0 if it is missing.
pub(super) fn count(body: &Value, pointer: &str) -> u64 {
    body.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}
