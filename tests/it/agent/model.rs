//! A scripted model on loopback that speaks the three wire forms. It sees each request in one form, and answers as the
//! test says.

use runyard::config::models::{Model, parse};
use serde_json::{Value, json};

use crate::harness::peer::{Answers, Asked, Peer};

/// The key of the model, which its service repeats.
pub const KEY: &str = "hunter2-of-the-model";

/// A request to the model.
#[derive(Debug, Clone)]
pub struct Seen {
    /// How many turns came before.
    pub turn: usize,
    /// The results of the tools of the last turn.
    pub results: Vec<String>,
    /// The last message of a person.
    pub prompt: String,
}

/// What the model answers.
#[derive(Debug, Clone)]
pub enum Says {
    /// A text.
    Text(String),
    /// Calls: the name of the tool and its arguments.
    Calls(Vec<(&'static str, Value)>),
    /// A status, with this `Retry-After`.
    Status(u16, &'static str),
    /// Nothing, until the caller disconnects.
    Nothing,
    /// Half of an answer; then the connection ends.
    Half,
}

/// The wire forms.
pub const FORMS: [&str; 3] = ["openai", "anthropic", "gemini"];

/// Starts the model.
pub async fn model(says: impl Fn(&Seen) -> Says + Send + Sync + 'static) -> Peer {
    Peer::start(move |asked| {
        let form = form_of(&asked.target);
        let seen = seen(form, asked);
        match says(&seen) {
            Says::Text(text) => Answers::Json(200, text_in(form, &text)),
            Says::Calls(calls) => Answers::Json(200, calls_in(form, &calls)),
            Says::Status(status, wait) => Answers::with(status, &[("retry-after", wait)], b"slow down"),
            Says::Nothing => Answers::Nothing,
            Says::Half => Answers::Raw(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"choices\":"
                    .to_vec(),
            ),
        }
    })
    .await
}

/// The configuration of the model.
pub fn configured(peer: &Peer, form: &str) -> Vec<Model> {
    let base = if form == "openai" { format!("{}/v1", peer.url) } else { peer.url.clone() };
    parse(&json!([{
        "name": "scripted", "api": form, "model": "m", "url": base, "allow_private_addresses": true,
        "input_price": 1.0, "output_price": 10.0,
    }]))
    .unwrap()
}

fn form_of(target: &str) -> &'static str {
    match target {
        "/v1/chat/completions" => "openai",
        "/v1/messages" => "anthropic",
        "/v1beta/models/m:generateContent" => "gemini",
        other => panic!("no model is called like that: {other}"),
    }
}

fn seen(form: &str, asked: &Asked) -> Seen {
    let body = asked.json();
    let texts = |list: Vec<&Value>| list.into_iter().map(text_of).collect::<Vec<String>>();
    let (messages, own) = match form {
        "openai" | "anthropic" => (&body["messages"], "assistant"),
        _ => (&body["contents"], "model"),
    };
    let messages = list(messages);
    let turn = messages.iter().filter(|message| message["role"] == own).count();
    let last = messages.iter().rposition(|message| message["role"] == own).map_or(0, |place| place + 1);
    let after = &messages[last..];
    let results = match form {
        "openai" => {
            texts(after.iter().filter(|message| message["role"] == "tool").map(|one| &one["content"]).collect())
        }
        "anthropic" => {
            texts(after.iter().flat_map(|message| list(&message["content"])).map(|one| &one["content"]).collect())
        }
        _ => texts(
            after
                .iter()
                .flat_map(|message| list(&message["parts"]))
                .map(|one| &one["functionResponse"]["response"])
                .filter(|one| !one.is_null())
                .collect(),
        ),
    };
    let person = messages.iter().rev().find_map(|message| match form {
        _ if message["role"] != "user" => None,
        "gemini" => message["parts"][0]["text"].as_str(),
        _ => message["content"].as_str(),
    });
    Seen { turn, results, prompt: person.unwrap_or_default().to_owned() }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text_in(form: &str, text: &str) -> Value {
    match form {
        "openai" => json!({
            "choices": [{ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 100, "completion_tokens": 10 },
        }),
        "anthropic" => json!({
            "content": [{ "type": "text", "text": text }], "stop_reason": "end_turn",
            "usage": { "input_tokens": 100, "output_tokens": 10 },
        }),
        _ => json!({
            "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] }, "finishReason": "STOP" }],
            "usageMetadata": { "promptTokenCount": 100, "candidatesTokenCount": 7, "thoughtsTokenCount": 3 },
        }),
    }
}

fn calls_in(form: &str, calls: &[(&str, Value)]) -> Value {
    let numbered = || calls.iter().enumerate();
    match form {
        "openai" => {
            let call = |(number, (name, arguments)): (usize, &(&str, Value))| {
                let function = json!({ "name": name, "arguments": arguments.to_string() });
                json!({ "id": format!("c{number}"), "type": "function", "function": function })
            };
            let calls: Vec<Value> = numbered().map(call).collect();
            json!({
                "choices": [{
                    "message": { "role": "assistant", "content": null, "tool_calls": calls }, "finish_reason": "tool_calls",
                }],
                "usage": { "prompt_tokens": 100, "completion_tokens": 10 },
            })
        }
        "anthropic" => {
            let call = |(number, (name, arguments)): (usize, &(&str, Value))| json!({ "type": "tool_use", "id": format!("c{number}"), "name": name, "input": arguments });
            let thought = json!({ "type": "thinking", "thinking": "hm", "signature": "s" });
            let blocks: Vec<Value> = std::iter::once(thought).chain(numbered().map(call)).collect();
            json!({ "content": blocks, "stop_reason": "tool_use", "usage": { "input_tokens": 100, "output_tokens": 10 } })
        }
        _ => {
            let call = |(_, (name, arguments)): (usize, &(&str, Value))| json!({ "functionCall": { "name": name, "args": arguments }, "thoughtSignature": "s" });
            let parts: Vec<Value> = numbered().map(call).collect();
            json!({
                "candidates": [{ "content": { "role": "model", "parts": parts }, "finishReason": "STOP" }],
                "usageMetadata": { "promptTokenCount": 100, "candidatesTokenCount": 10 },
            })
        }
    }
}
