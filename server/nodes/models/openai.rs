//! OpenAI's Chat Completions, which many other services offer, too.

use serde_json::{Value, json};

use super::chat::{ChatInputs, ChatOutputs, Message, RawMessage, Role, Stop, ToolCall, Usage};
use super::form::{ModelRequest, Question, count, parsed, raw_of};
use crate::config::models::WireForm;

/// The request.
pub(super) fn request(question: &Question<'_>) -> ModelRequest {
    let Question { chat, model, max_output_tokens, is_vendor } = question;
    let instructions = chat.instructions.iter().map(|text| json!({ "role": "system", "content": text }));
    let messages: Vec<Value> = instructions.chain(chat.messages.iter().map(message)).collect();
    let mut body = json!({ "model": model, "messages": messages, "stream": false });
    // Other services know only the older name.
    let tokens = if *is_vendor { "max_completion_tokens" } else { "max_tokens" };
    body[tokens] = json!(max_output_tokens);
    if let Some(temperature) = chat.temperature {
        body["temperature"] = json!(temperature);
    }
    if !chat.tools.is_empty() {
        let tool = |tool: &super::chat::Tool| {
            let (name, description, schema) = (&tool.name, &tool.description, &tool.input_schema);
            json!({ "type": "function", "function": { "name": name, "description": description, "parameters": schema } })
        };
        body["tools"] = chat.tools.iter().map(tool).collect();
    }
    if let Some(schema) = &chat.output_schema {
        let strict = is_strict(&Value::Object(schema.clone()));
        let schema = json!({ "name": "answer", "strict": strict, "schema": schema });
        body["response_format"] = json!({ "type": "json_schema", "json_schema": schema });
    }
    ModelRequest { path: "chat/completions".to_owned(), headers: Vec::new(), body }
}

fn message(message: &Message) -> Value {
    match (message.role, raw_of(message, WireForm::Openai)) {
        (Role::User, _) => json!({ "role": "user", "content": message.text }),
        (Role::Assistant, Some(raw)) => raw.clone(),
        (Role::Assistant, None) => {
            let calls = message.tool_calls.iter().map(|call| {
                let function = json!({ "name": call.name, "arguments": call.arguments.to_string() });
                json!({ "id": call.id, "type": "function", "function": function })
            });
            let calls: Vec<Value> = calls.collect();
            let mut written = json!({ "role": "assistant", "content": message.text });
            if !calls.is_empty() {
                written["tool_calls"] = Value::Array(calls);
            }
            written
        }
        (Role::Tool, _) => json!({ "role": "tool", "tool_call_id": message.tool_call_id, "content": message.text }),
    }
}

/// Whether a schema is one of those that the service can enforce: every object is closed, and all its members are
/// required.
fn is_strict(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else { return true };
    let closed = match members.get("properties").and_then(Value::as_object) {
        Some(properties) => {
            let required: Vec<&str> = members
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            members.get("additionalProperties") == Some(&Value::Bool(false))
                && properties.keys().all(|name| required.contains(&name.as_str()))
                && properties.values().all(is_strict)
        }
        None => members.get("type") != Some(&json!("object")),
    };
    let listed = ["anyOf", "oneOf", "allOf"].iter().filter_map(|name| members.get(*name)?.as_array()).flatten();
    let named = ["$defs", "definitions"].iter().filter_map(|name| members.get(*name)?.as_object());
    closed
        && members.get("items").is_none_or(is_strict)
        && listed.into_iter().all(is_strict)
        && named.flat_map(serde_json::Map::values).all(is_strict)
}

/// Reads an answer.
///
/// # Errors
/// What is missing in it.
pub(super) fn answer(chat: &ChatInputs, mut body: Value) -> Result<ChatOutputs, String> {
    let usage = Usage {
        input_tokens: count(&body, "/usage/prompt_tokens"),
        output_tokens: count(&body, "/usage/completion_tokens"),
        cost: None,
    };
    let Some(choice) = body.pointer_mut("/choices/0") else { return Err("has no choice".to_owned()) };
    let finish = choice["finish_reason"].as_str().unwrap_or_default().to_owned();
    let message = choice["message"].take();
    if !message.is_object() {
        return Err("has no message".to_owned());
    }
    let text = message["content"].as_str().unwrap_or_default().to_owned();
    let refusal = message["refusal"].as_str().filter(|refusal| !refusal.is_empty()).map(str::to_owned);
    let calls: Vec<ToolCall> = message["tool_calls"].as_array().into_iter().flatten().map(call).collect();
    let stop = match finish.as_str() {
        _ if !calls.is_empty() => Stop::ToolCalls,
        "length" => Stop::MaxTokens,
        "content_filter" => Stop::Refused,
        _ if refusal.is_some() => Stop::Refused,
        _ => Stop::End,
    };
    Ok(ChatOutputs {
        output: parsed(chat, &text),
        text: refusal.unwrap_or(text),
        tool_calls: calls,
        stop,
        usage,
        raw: Some(RawMessage { api: WireForm::Openai.as_str().to_owned(), message }),
        ..ChatOutputs::default()
    })
}

fn call(call: &Value) -> ToolCall {
    let id = call["id"].as_str().unwrap_or_default().to_owned();
    let name = call["function"]["name"].as_str().unwrap_or_default().to_owned();
    match &call["function"]["arguments"] {
        Value::String(text) if text.trim().is_empty() => {
            ToolCall { id, name, arguments: json!({}), ..ToolCall::default() }
        }
        Value::String(text) => match serde_json::from_str(text) {
            Ok(arguments) => ToolCall { id, name, arguments, ..ToolCall::default() },
            Err(error) => {
                let problem = Some(format!("the arguments are no JSON: {error}"));
                ToolCall { id, name, arguments: json!(text), problem }
            }
        },
        // Some services write the object itself.
        other => ToolCall { id, name, arguments: other.clone(), ..ToolCall::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_enforced_only_if_the_service_can() {
        let closed = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"], "additionalProperties": false });
        assert!(is_strict(&closed));
        assert!(is_strict(&json!({ "type": "array", "items": closed })));
        for open in [
            json!({ "type": "object" }),
            json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": false }),
            json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] }),
            json!({ "anyOf": [closed, { "type": "object" }] }),
            json!({ "type": "array", "items": { "type": "object" } }),
        ] {
            assert!(!is_strict(&open), "{open}");
        }
    }

    #[test]
    fn arguments_that_are_no_json_are_a_problem_of_their_call_alone() {
        let calls = json!([
            { "id": "a", "function": { "name": "x", "arguments": "{\"n\":1}" } },
            { "id": "b", "function": { "name": "x", "arguments": "{\"n\":" } },
            { "function": { "name": "x", "arguments": "" } },
        ]);
        let body = json!({ "choices": [{ "message": { "role": "assistant", "content": null, "tool_calls": calls } }] });
        let outputs = answer(&ChatInputs::default(), body).unwrap();
        assert_eq!(outputs.stop, Stop::ToolCalls);
        let [a, b, c] = &outputs.tool_calls[..] else { panic!("there are three") };
        assert_eq!((&a.arguments, a.problem.is_none()), (&json!({ "n": 1 }), true));
        assert!(b.problem.as_ref().unwrap().contains("no JSON"));
        assert_eq!((c.id.as_str(), &c.arguments), ("", &json!({})));
    }
}
