//! One call of a tool: waits for the server, sends the call, follows a task to its end, and makes outputs of the result.
//! Dropping it cancels the call at the server, or its task.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, ContentBlock, GetTaskParams,
    InputRequest, InputRequests, RequestMetaObject, Task, TaskPayload,
};
use rmcp::service::{Peer, RoleClient, ServiceError};
use runyard_engine::Object;
use runyard_engine::event::Failure;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::failure;
use super::supervisor::{State, Up};
use super::target::Target;
use super::tools::{CalledTool, Structured};
use crate::nodes::provider::NodeContext;

/// The key of a call in `_meta`, by which a server can tell a repeated call.
const IDEMPOTENCY_KEY: &str = "io.runyard/idempotency-key";
/// The longest wait for the next attempt to connect, milliseconds. Calls do not wait for a server that is down longer.
const PATIENCE_MS: i64 = 2_000;
/// The wait between two looks at a task, if its server names none, and its bounds.
const POLL: Duration = Duration::from_millis(1_000);
const POLL_MIN: Duration = Duration::from_millis(50);
const POLL_MAX: Duration = Duration::from_secs(30);
/// How many looks at a task in a row may fail.
const POLL_FAILURES_MAX: u32 = 5;

/// Calls a tool. Returns the outputs.
pub(super) async fn call(
    target: &Target,
    state: watch::Receiver<State>,
    tool: &CalledTool,
    cx: &NodeContext<'_>,
) -> Result<Object, Failure> {
    let called = async {
        let up = connected(target, state, cx).await?;
        let result = answer(target, &up, tool, cx).await?;
        made(target, tool, result)
    };
    tokio::select! {
        biased;
        called = called => called,
        () = cx.clock.sleep(Duration::from_millis(target.timeout_ms)) => Err(failure::timed_out(target)),
    }
}

/// Waits until the server can be called.
async fn connected(target: &Target, mut state: watch::Receiver<State>, cx: &NodeContext<'_>) -> Result<Up, Failure> {
    loop {
        match &*state.borrow_and_update() {
            State::Up(up) if !up.peer.is_transport_closed() => return Ok(up.clone()),
            State::Down { failure, retry_at_ms } if retry_at_ms - cx.clock.now_ms() > PATIENCE_MS => {
                return Err(failure.clone());
            }
            State::Up(_) | State::Down { .. } | State::Starting => {}
        }
        if state.changed().await.is_err() {
            return Err(failure::ended(target, false));
        }
    }
}

/// The result of a call, also of one that is answered by a task.
async fn answer(target: &Target, up: &Up, tool: &CalledTool, cx: &NodeContext<'_>) -> Result<CallToolResult, Failure> {
    let mut meta = RequestMetaObject::new();
    meta.0.0.insert(IDEMPOTENCY_KEY.to_owned(), json!(cx.key.to_string()));
    let mut params = CallToolRequestParams::new(tool.name.clone());
    params.arguments = Some(cx.inputs.clone());
    params.meta = Some(meta);
    let failed = |error| failure::of_call(target, &tool.name, error, up.too_large.load(Ordering::Relaxed));
    // Dropping it sends `notifications/cancelled`, and over HTTP closes the request.
    match up.peer.call_tool_once(params).await.map_err(failed)? {
        CallToolResponse::Complete(result) => Ok(result),
        CallToolResponse::Task(created) => follow(target, &up.peer, tool, created.task, cx).await,
        CallToolResponse::InputRequired(asked) => Err(asks(target, tool, asked.input_requests.as_ref())),
        _ => Err(failure::of_call(target, &tool.name, ServiceError::UnexpectedResponse, false)),
    }
}

/// Cancels a task when it is dropped before the task's end.
struct TaskGuard {
    peer: Option<Peer<RoleClient>>,
    task_id: String,
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if let Some(peer) = self.peer.take() {
            let params = CancelTaskParams::new(std::mem::take(&mut self.task_id));
            // The server may have forgotten the task, which is then canceled as well.
            tokio::spawn(async move { peer.cancel_task(params).await.ok() });
        }
    }
}

/// Looks at a task until its end.
async fn follow(
    target: &Target,
    peer: &Peer<RoleClient>,
    tool: &CalledTool,
    mut task: Task,
    cx: &NodeContext<'_>,
) -> Result<CallToolResult, Failure> {
    let mut guard = TaskGuard { peer: Some(peer.clone()), task_id: task.task_id.clone() };
    let mut failures = 0;
    loop {
        let poll = task.poll_interval_ms.map_or(POLL, Duration::from_millis).clamp(POLL_MIN, POLL_MAX);
        cx.clock.sleep(poll).await;
        let found = match peer.get_task(GetTaskParams::new(guard.task_id.clone())).await {
            Ok(found) => found.task,
            Err(ServiceError::McpError(error)) => {
                guard.peer = None;
                return Err(failure::of_call(target, &tool.name, ServiceError::McpError(error), false));
            }
            Err(_) if failures < POLL_FAILURES_MAX => {
                failures += 1;
                continue;
            }
            Err(error) => return Err(failure::of_call(target, &tool.name, error, false)),
        };
        failures = 0;
        task = found.task;
        match found.payload {
            TaskPayload::Working => {}
            TaskPayload::InputRequired { input_requests } => return Err(asks(target, tool, Some(&input_requests))),
            TaskPayload::Completed { result } => {
                guard.peer = None;
                return serde_json::from_value(Value::Object(result))
                    .map_err(|_| failure::of_call(target, &tool.name, ServiceError::UnexpectedResponse, false));
            }
            TaskPayload::Failed { error } => {
                guard.peer = None;
                let said = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
                return Err(failure::tool_failed(target, &tool.name, &said, Some(Value::Object(error))));
            }
            _ => {
                guard.peer = None;
                let said = task.status_message.as_deref().unwrap_or("its task was canceled");
                return Err(failure::tool_failed(target, &tool.name, said, None));
            }
        }
    }
}

/// The failure of a tool that asks a person.
fn asks(target: &Target, tool: &CalledTool, requests: Option<&InputRequests>) -> Failure {
    let message = |request: &InputRequest| {
        let shown = serde_json::to_value(request).unwrap_or_default();
        shown["params"]["message"].as_str().map(str::to_owned)
    };
    let said = requests.and_then(|requests| requests.values().find_map(message)).unwrap_or_default();
    failure::input_required(target, &tool.name, &said, requests.map(|requests| json!({ "requests": requests })))
}

/// The outputs of a result. Secrets of the server are masked.
fn made(target: &Target, tool: &CalledTool, result: CallToolResult) -> Result<Object, Failure> {
    let text = text(&result.content);
    if result.is_error == Some(true) {
        let details = result.structured_content.map(|content| json!({ "structured": content }));
        return Err(failure::tool_failed(target, &tool.name, &text, details));
    }
    let mut outputs = outputs(tool.structured, text, result);
    target.masks.object(&mut outputs);
    Ok(outputs)
}

/// The text blocks, one below the other.
fn text(content: &[ContentBlock]) -> String {
    let texts = content.iter().filter_map(|block| match block {
        ContentBlock::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn outputs(structured: Structured, text: String, result: CallToolResult) -> Object {
    match (structured, result.structured_content) {
        (Structured::Whole, Some(Value::Object(members))) => members,
        (Structured::Whole | Structured::Result, Some(content)) => Object::from_iter([("result".to_owned(), content)]),
        (_, content) => {
            let mut outputs = Object::from_iter([("text".to_owned(), Value::String(text))]);
            let has_others = result.content.iter().any(|block| !matches!(block, ContentBlock::Text(_)));
            if has_others {
                outputs.insert("content".to_owned(), json!(result.content));
            }
            outputs.extend(content.map(|content| ("structured".to_owned(), content)));
            outputs
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_of(structured: Structured, result: Value) -> Value {
        let result: CallToolResult = serde_json::from_value(result).unwrap();
        Value::Object(outputs(structured, text(&result.content), result))
    }

    #[test]
    fn outputs_are_the_structured_content_or_the_blocks() {
        let block = json!({ "type": "text", "text": "a" });
        let image = json!({ "type": "image", "data": "AA==", "mimeType": "image/png" });
        let both = json!({ "content": [block], "structuredContent": { "x": 1 } });
        assert_eq!(made_of(Structured::Whole, both.clone()), json!({ "x": 1 }));
        assert_eq!(made_of(Structured::Beside, both), json!({ "text": "a", "structured": { "x": 1 } }));
        assert_eq!(made_of(Structured::Result, json!({ "structuredContent": [1] })), json!({ "result": [1] }));
        assert_eq!(made_of(Structured::Whole, json!({ "content": [block] })), json!({ "text": "a" }));
        let blocks = json!({ "content": [block, image, block] });
        let expected = json!({ "text": "a\na", "content": [block, image, block] });
        assert_eq!(made_of(Structured::Beside, blocks), expected);
    }
}
