//! Anthropic's Messages. An answer as JSON is the call of a tool.

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::chat::{ChatInputs, ChatOutputs, Message, RawMessage, Role, Stop, ToolCall, Usage};
use super::form::{ModelRequest, Question, count, groups, parsed, raw_of, take_answer, tools_and_answer};
use crate::config::models::WireForm;

/// The version of the API.
const VERSION: &str = "2023-06-01";

/// The request.
pub(super) fn request(question: &Question<'_>) -> ModelRequest {
    let Question { chat, model, max_output_tokens, .. } = question;
    let messages: Vec<Value> = groups(&chat.messages).map(group).collect();
    let mut body = json!({ "model": model, "max_tokens": max_output_tokens, "messages": messages });
    if let Some(instructions) = &chat.instructions {
        body["system"] = json!(instructions);
    }
    if let Some(temperature) = chat.temperature {
        body["temperature"] = json!(temperature);
    }
    let tools = tools_and_answer(chat)
        .into_iter()
        .map(|(name, description, schema)| json!({ "name": name, "description": description, "input_schema": schema }));
    let tools: Vec<Value> = tools.collect();
    if !tools.is_empty() {
        body["tools"] = Value::Array(tools);
    }
    if chat.output_schema.is_some() {
        // Text alone would be no answer.
        body["tool_choice"] = json!({ "type": "any" });
    }
    let headers = vec![(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION))];
    ModelRequest { path: "v1/messages".to_owned(), headers, body }
}

fn group(messages: &[Message]) -> Value {
    let message = &messages[0];
    match (message.role, raw_of(message, WireForm::Anthropic)) {
        (Role::User, _) => json!({ "role": "user", "content": message.text }),
        (Role::Assistant, Some(content)) => json!({ "role": "assistant", "content": content }),
        (Role::Assistant, None) => {
            let text = Some(&message.text).filter(|text| !text.is_empty());
            let text = text.map(|text| json!({ "type": "text", "text": text }));
            let calls = message.tool_calls.iter().map(|call| {
                json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": object(&call.arguments) })
            });
            json!({ "role": "assistant", "content": text.into_iter().chain(calls).collect::<Vec<_>>() })
        }
        (Role::Tool, _) => {
            let result = |message: &Message| {
                let (id, text) = (&message.tool_call_id, &message.text);
                json!({ "type": "tool_result", "tool_use_id": id, "content": text, "is_error": message.is_error })
            };
            json!({ "role": "user", "content": messages.iter().map(result).collect::<Vec<_>>() })
        }
    }
}

/// The service takes only objects.
fn object(arguments: &Value) -> Value {
    if arguments.is_object() { arguments.clone() } else { json!({}) }
}

/// Reads an answer.
///
/// # Errors
/// What is missing in it.
pub(super) fn answer(chat: &ChatInputs, mut body: Value) -> Result<ChatOutputs, String> {
    let cached = count(&body, "/usage/cache_read_input_tokens") + count(&body, "/usage/cache_creation_input_tokens");
    let usage = Usage {
        input_tokens: count(&body, "/usage/input_tokens") + cached,
        output_tokens: count(&body, "/usage/output_tokens"),
        cost: None,
    };
    let reason = body["stop_reason"].as_str().unwrap_or_default().to_owned();
    let content = body["content"].take();
    let Some(blocks) = content.as_array() else { return Err("has no content".to_owned()) };
    let of = |kind: &'static str| blocks.iter().filter(move |block| block["type"] == kind);
    let text: String = of("text").filter_map(|block| block["text"].as_str()).collect();
    let call = |block: &Value| ToolCall {
        id: block["id"].as_str().unwrap_or_default().to_owned(),
        name: block["name"].as_str().unwrap_or_default().to_owned(),
        arguments: block["input"].clone(),
        problem: None,
    };
    let mut outputs = ChatOutputs {
        output: parsed(chat, &text),
        tool_calls: of("tool_use").map(call).collect(),
        text,
        usage,
        ..ChatOutputs::default()
    };
    take_answer(&mut outputs);
    outputs.stop = match reason.as_str() {
        _ if !outputs.tool_calls.is_empty() => Stop::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => Stop::MaxTokens,
        "refusal" => Stop::Refused,
        _ => Stop::End,
    };
    outputs.raw = Some(RawMessage { api: WireForm::Anthropic.as_str().to_owned(), message: content });
    Ok(outputs)
}
