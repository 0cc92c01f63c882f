//! Messages of a thread. A message starts the next run, or answers the run that waits for input.

use std::sync::Arc;

use runyard_api::acp::types::{NewThread, NewThreadMessage};
use runyard_api::host::Caller;
use runyard_engine::{Command, RunStatus, State};
use serde_json::Value;

use super::error::invalid;
use super::place::{DEFAULT, Place, server_of};
use super::wire::{self, StartContent};
use super::{Handlers, runs};
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::dialects::common::start::idempotency_key;
use crate::runs::Error;

/// A message that was accepted.
pub(super) struct Taken {
    /// The run that handles it.
    pub(super) state: Arc<State>,
    /// The position in the run's log before this message.
    pub(super) after: u64,
    /// Whether an earlier request sent it.
    pub(super) replayed: bool,
}

/// Sends a message to a thread.
pub(super) async fn send(
    handlers: &Handlers,
    cx: &Caller,
    thread: &str,
    body: NewThreadMessage,
    key: Option<&str>,
) -> Result<Taken, Refusal> {
    handlers.known_thread(cx, thread).await?;
    refuse_unserved(&of_message(&body))?;
    let content = wire::text(body.content.as_ref(), body.task.as_ref()).ok_or_else(nothing_said)?;
    let last = handlers.runs.thread(&cx.tenant, thread, None, 1).await?.pop();
    let server = match &last {
        Some(row) => {
            let state = handlers.runs.get(&cx.tenant, &row.run.to_string()).await?;
            server_of(&state).to_owned()
        }
        None => DEFAULT.to_owned(),
    };
    let place = Place { server, agent_runtime: None };
    let said = StartContent { content: content.clone(), thread: Some(thread.to_owned()), ..StartContent::default() };
    let mut new = wire::new_run(&place, said, "acp.send_message", &(thread, &body));
    new.key = key.map(idempotency_key).transpose()?;
    // Start the run first: the idempotency key finds a repeated request, which must not count as an answer to the run
    // that waits.
    match handlers.runs.start(&cx.tenant, new).await {
        Ok(started) => Ok(Taken { state: started.state, after: 0, replayed: started.replayed }),
        Err(Error::ThreadBusy { thread, run }) => {
            let state = handlers.runs.get(&cx.tenant, &run.to_string()).await?;
            let Some(node_run) = runs::asking(&state).filter(|_| !matches!(state.status, RunStatus::Final(_))) else {
                return Err(of_runs(Error::ThreadBusy { thread, run }));
            };
            let after = state.version;
            let command = Command::Deliver { node_run, input: content };
            let state = handlers.runs.submit(&cx.tenant, run, command).await?;
            Ok(Taken { state, after, replayed: false })
        }
        Err(error) => Err(of_runs(error)),
    }
}

/// Starts the first run of a thread that was just created.
pub(super) async fn begin(
    handlers: &Handlers,
    cx: &Caller,
    thread: &str,
    title: Option<String>,
    content: String,
    key: Option<&str>,
) -> Result<Arc<State>, Refusal> {
    let place = Place { server: DEFAULT.to_owned(), agent_runtime: None };
    let request = content.clone();
    let said = StartContent { content, title, thread: Some(thread.to_owned()), ..StartContent::default() };
    let mut new = wire::new_run(&place, said, "acp.create_thread", &request);
    new.key = key.map(idempotency_key).transpose()?;
    Ok(handlers.runs.start(&cx.tenant, new).await?.state)
}

/// Refuses fields that change what a run does and are not supported. To ignore them would run something else than the
/// caller requested.
pub(super) fn refuse_unserved(fields: &[(&str, Option<&Value>)]) -> Result<(), Refusal> {
    let given = fields.iter().find(|(_, value)| value.is_some_and(|value| !is_empty(value)));
    match given {
        Some((field, _)) => Err(invalid(field, "is not served by this server: leave it out")),
        None => Ok(()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// The fields of a new thread that are not supported.
pub(super) fn of_thread(body: &NewThread) -> [(&'static str, Option<&Value>); 6] {
    [
        ("attachments", body.attachments.as_ref()),
        ("githubRepo", body.github_repo.as_ref()),
        ("enabledSkills", body.enabled_skills.as_ref()),
        ("envVars", body.env_vars.as_ref()),
        ("knowledgeContext", body.knowledge_context.as_ref()),
        ("schedule", body.schedule.as_ref()),
    ]
}

fn of_message(body: &NewThreadMessage) -> [(&'static str, Option<&Value>); 12] {
    [
        ("attachments", body.attachments.as_ref()),
        ("githubRepo", body.github_repo.as_ref()),
        ("enabledSkills", body.enabled_skills.as_ref()),
        ("envVars", body.env_vars.as_ref()),
        ("knowledgeContext", body.knowledge_context.as_ref()),
        ("executionContent", body.execution_content.as_ref()),
        ("mcpServers", body.mcp_servers.as_ref()),
        ("quotedSelection", body.quoted_selection.as_ref()),
        ("truncateAtMessageIndex", body.truncate_at_message_index.as_ref()),
        ("editMessageId", body.edit_message_id.as_ref()),
        ("secrets", body.secrets.as_ref()),
        ("setupScripts", body.setup_scripts.as_ref()),
    ]
}

fn nothing_said() -> Refusal {
    invalid("content", "is blank, and so is `task`: one of them must have text")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_is_not_served_is_refused_by_name_unless_it_is_empty() {
        for empty in [json!(null), json!([]), json!({}), json!(""), json!(false)] {
            assert!(refuse_unserved(&[("attachments", Some(&empty)), ("secrets", None)]).is_ok(), "{empty}");
        }
        for given in [json!([1]), json!({ "a": 1 }), json!("x"), json!(true), json!(0)] {
            let refused = refuse_unserved(&[("secrets", None), ("attachments", Some(&given))]).unwrap_err();
            assert_eq!(refused.details["errors"][0]["field"], "attachments", "{given}");
        }
    }
}
