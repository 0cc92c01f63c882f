//! Gemini's `generateContent`. With tools, an answer as JSON is the call of one.

use serde_json::{Value, json};

use super::chat::{ChatInputs, ChatOutputs, Message, RawMessage, Role, Stop, ToolCall, Usage};
use super::form::{ModelRequest, OWN_ID, Question, count, groups, parsed, raw_of, take_answer, tools_and_answer};
use crate::config::models::WireForm;

/// The request.
pub(super) fn request(question: &Question<'_>) -> ModelRequest {
    let Question { chat, model, max_output_tokens, .. } = question;
    let contents: Vec<Value> = groups(&chat.messages).map(|group| content(chat, group)).collect();
    let mut settings = json!({ "maxOutputTokens": max_output_tokens });
    if let Some(temperature) = chat.temperature {
        settings["temperature"] = json!(temperature);
    }
    let mut body = json!({ "contents": contents });
    if let Some(instructions) = &chat.instructions {
        body["systemInstruction"] = json!({ "parts": [{ "text": instructions }] });
    }
    if chat.tools.is_empty() {
        if let Some(schema) = &chat.output_schema {
            settings["responseMimeType"] = json!("application/json");
            settings["responseJsonSchema"] = Value::Object(schema.clone());
        }
    } else {
        let tools = tools_and_answer(chat).into_iter().map(|(name, description, schema)| {
            json!({ "name": name, "description": description, "parametersJsonSchema": schema })
        });
        body["tools"] = json!([{ "functionDeclarations": tools.collect::<Vec<_>>() }]);
        if chat.output_schema.is_some() {
            // Text alone would be no answer.
            body["toolConfig"] = json!({ "functionCallingConfig": { "mode": "ANY" } });
        }
    }
    body["generationConfig"] = settings;
    ModelRequest { path: format!("v1beta/models/{model}:generateContent"), headers: Vec::new(), body }
}

fn content(chat: &ChatInputs, messages: &[Message]) -> Value {
    let message = &messages[0];
    match (message.role, raw_of(message, WireForm::Gemini)) {
        (Role::User, _) => json!({ "role": "user", "parts": [{ "text": message.text }] }),
        (Role::Assistant, Some(content)) => content.clone(),
        (Role::Assistant, None) => {
            let text = Some(&message.text).filter(|text| !text.is_empty()).map(|text| json!({ "text": text }));
            let calls = message.tool_calls.iter();
            let calls = calls.map(|call| json!({ "functionCall": { "name": call.name, "args": call.arguments } }));
            json!({ "role": "model", "parts": text.into_iter().chain(calls).collect::<Vec<_>>() })
        }
        (Role::Tool, _) => {
            let parts: Vec<Value> = messages.iter().map(|message| response(chat, message)).collect();
            json!({ "role": "user", "parts": parts })
        }
    }
}

/// The result of a call, which names its tool.
fn response(chat: &ChatInputs, message: &Message) -> Value {
    let id = message.tool_call_id.as_deref().unwrap_or_default();
    let calls = chat.messages.iter().flat_map(|message| &message.tool_calls);
    let name = calls.rev().find(|call| call.id == id).map(|call| call.name.as_str()).unwrap_or_default();
    let member = if message.is_error { "error" } else { "result" };
    let result = serde_json::from_str(&message.text).unwrap_or_else(|_| json!(message.text));
    let mut response = json!({ "name": name, "response": { member: result } });
    if !id.starts_with(OWN_ID) {
        response["id"] = json!(id);
    }
    json!({ "functionResponse": response })
}

/// Reads an answer.
///
/// # Errors
/// What is missing in it.
pub(super) fn answer(chat: &ChatInputs, mut body: Value) -> Result<ChatOutputs, String> {
    let usage = Usage {
        input_tokens: count(&body, "/usageMetadata/promptTokenCount"),
        output_tokens: count(&body, "/usageMetadata/candidatesTokenCount")
            + count(&body, "/usageMetadata/thoughtsTokenCount"),
        cost: None,
    };
    if let Some(reason) = body.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
        let text = format!("the prompt was blocked: {reason}");
        return Ok(ChatOutputs { text, stop: Stop::Refused, usage, ..ChatOutputs::default() });
    }
    let Some(candidate) = body.pointer_mut("/candidates/0") else { return Err("has no candidate".to_owned()) };
    let reason = candidate["finishReason"].as_str().unwrap_or_default().to_owned();
    let content = candidate["content"].take();
    let parts = || content["parts"].as_array().into_iter().flatten();
    let shown = parts().filter(|part| part["thought"] != true);
    let text: String = shown.filter_map(|part| part["text"].as_str()).collect();
    let calls = parts().map(|part| &part["functionCall"]).filter(|call| call.is_object());
    let call = |call: &Value| ToolCall {
        id: call["id"].as_str().unwrap_or_default().to_owned(),
        name: call["name"].as_str().unwrap_or_default().to_owned(),
        arguments: call.get("args").cloned().unwrap_or_else(|| json!({})),
        problem: None,
    };
    let mut outputs = ChatOutputs {
        output: parsed(chat, &text),
        tool_calls: calls.map(call).collect(),
        text,
        usage,
        ..ChatOutputs::default()
    };
    take_answer(&mut outputs);
    outputs.stop = match reason.as_str() {
        _ if !outputs.tool_calls.is_empty() => Stop::ToolCalls,
        "MAX_TOKENS" => Stop::MaxTokens,
        "" | "STOP" | "FINISH_REASON_UNSPECIFIED" => Stop::End,
        _ => Stop::Refused,
    };
    if content.is_object() {
        outputs.raw = Some(RawMessage { api: WireForm::Gemini.as_str().to_owned(), message: content });
    }
    Ok(outputs)
}
