//! Threads as this face shows them: the runs of [`crate::runs::threads`], with a title and messages of their own where somebody gave
//! them some. Messages of runs are derived from their logs, and kept nowhere else.

use runyard_api::acp::types::{
    EventRole, ListObject, MessageList, MessageRole, NewThread, Order, RunEvent, Thread, ThreadEnvelope, ThreadMessage,
    ThreadRunList, ThreadStatus,
};
use runyard_api::host::Caller;
use runyard_engine::{RunOutcome, RunStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Room;
use super::error::{no_thread, of_objects};
use super::place::{DEFAULT, Place};
use super::runs::{self, LIMIT, Shower};
use super::wire::{self, Said};
use crate::dialects::arp::wire::time;
use crate::dialects::refusal::{Refusal, of_runs};
use crate::objects::{Kept, New, Stored};
use crate::store::RunRow;

/// The most runs of a thread whose messages are read at once: the last ones.
const RUNS_MAX: usize = 100;

/// What is kept of a thread that somebody made. Stored, so every field has a default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
    /// What was said before its first run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Own>,
}

/// A message that no run has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Own {
    role: MessageRole,
    content: String,
}

impl Kept for Body {
    const KIND: &'static str = "acp.thread";
}

/// A thread at a glance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) status: ThreadStatus,
    metadata: Option<Map<String, Value>>,
    created_at_ms: i64,
    updated_at_ms: i64,
}

impl Look {
    /// As the document has it.
    pub(super) fn thread(self) -> Thread {
        Thread {
            id: Some(self.id),
            title: self.title,
            status: Some(self.status),
            message_count: None,
            messages: None,
            metadata: self.metadata,
            created_at: Some(time(self.created_at_ms)),
            updated_at: Some(time(self.updated_at_ms)),
        }
    }
}

impl Room {
    /// A thread, if it is known: somebody made it, or it has a run.
    pub(super) async fn look_at_thread(&self, cx: &Caller, id: &str) -> Result<Option<Look>, Refusal> {
        let last = self.runs.thread(&cx.tenant, id, None, 1).await.map_err(of_runs)?.pop();
        let made: Option<Stored<Body>> = self.objects.get(&cx.tenant, id).await.map_err(of_objects)?;
        let first = match &last {
            Some(_) => self.runs.thread(&cx.tenant, id, Some(2), 1).await.map_err(of_runs)?.pop(),
            None => None,
        };
        let (Some(created_at_ms), Some(updated_at_ms)) = (
            made.as_ref().map(|made| made.created_at_ms).or(first.as_ref().map(|first| first.created_at_ms)),
            last.as_ref().map(|last| last.updated_at_ms).or(made.as_ref().map(|made| made.updated_at_ms)),
        ) else {
            return Ok(None);
        };
        let (given, metadata) = made.map_or((None, None), |made| (made.body.title, made.body.metadata));
        let title = match (given, &first) {
            (Some(title), _) => Some(title),
            (None, Some(first)) => self.title_of(cx, first).await?,
            (None, None) => None,
        };
        let status = last.map_or(ThreadStatus::Active, |last| status(last.status));
        Ok(Some(Look { id: id.to_owned(), title, status, metadata, created_at_ms, updated_at_ms }))
    }

    /// A thread that must be known.
    pub(super) async fn known_thread(&self, cx: &Caller, id: &str) -> Result<Look, Refusal> {
        self.look_at_thread(cx, id).await?.ok_or_else(|| no_thread(id))
    }

    /// A thread is called as its first run is, or by what that was to do.
    async fn title_of(&self, cx: &Caller, first: &RunRow) -> Result<Option<String>, Refusal> {
        let state = self.runs.get(&cx.tenant, &first.run.to_string()).await.map_err(of_runs)?;
        Ok(wire::title(&state).or_else(|| first.title.clone()))
    }

    /// What was said in a thread, the oldest first; of a long one, in its last runs. And whether that is all.
    async fn messages(&self, cx: &Caller, id: &str) -> Result<(Vec<ThreadMessage>, bool), Refusal> {
        let made: Option<Stored<Body>> = self.objects.get(&cx.tenant, id).await.map_err(of_objects)?;
        let mut rows = self.runs.thread(&cx.tenant, id, None, RUNS_MAX + 1).await.map_err(of_runs)?;
        let whole = rows.len() <= RUNS_MAX;
        rows.truncate(RUNS_MAX);
        let mut messages = Vec::new();
        for (made, own) in made.iter().flat_map(|made| made.body.messages.iter().map(move |own| (made, own))) {
            messages.push(ThreadMessage {
                id: format!("msg_{}_{}", id, messages.len() + 1),
                thread_id: id.to_owned(),
                role: own.role,
                content: own.content.clone(),
                created_at: time(made.created_at_ms),
            });
        }
        for row in rows.iter().rev() {
            let state = self.runs.get(&cx.tenant, &row.run.to_string()).await.map_err(of_runs)?;
            let events = runs::events(self, cx, &state, usize::MAX).await?;
            messages.extend(events.into_iter().filter_map(|event| message(id, event)));
        }
        Ok((messages, whole))
    }
}

/// Makes a thread, and starts its first run where there is something to do.
pub(super) async fn create(room: &Room, cx: &Caller, body: NewThread) -> Result<ThreadEnvelope, Refusal> {
    let mut messages: Vec<Own> = body
        .messages
        .into_iter()
        .flatten()
        .map(|message| Own { role: message.role, content: message.content })
        .collect();
    let asked = messages.last().is_some_and(|last| last.role == MessageRole::User && !last.content.trim().is_empty());
    let content = match wire::text(body.content.as_ref(), None) {
        Some(content) => Some(content),
        None if asked => messages.pop().map(|last| last.content),
        None => None,
    };
    let id = room.runs.new_thread();
    let kept = Body { title: body.title.clone(), metadata: body.metadata, messages };
    let new = New { id: id.clone(), name: None, parent: None, body: kept };
    room.objects.create(&cx.tenant, new).await.map_err(of_objects)?;
    let run = match content {
        Some(content) => {
            let place = Place { server: DEFAULT.to_owned(), agent_runtime: None };
            let said =
                Said { content: content.clone(), title: body.title, thread: Some(id.clone()), ..Said::default() };
            let new = wire::new_run(&place, said, "acp.create_thread", &content);
            let state = room.runs.start(&cx.tenant, new).await.map_err(of_runs)?.state;
            Some(Shower::default().run(room, cx, &state).await?)
        }
        None => None,
    };
    Ok(ThreadEnvelope { thread: room.known_thread(cx, &id).await?.thread(), run })
}

/// A thread with its messages.
pub(super) async fn get(room: &Room, cx: &Caller, id: &str) -> Result<ThreadEnvelope, Refusal> {
    let thread = room.known_thread(cx, id).await?.thread();
    let (messages, whole) = room.messages(cx, id).await?;
    let message_count = whole.then(|| count(messages.len()));
    Ok(ThreadEnvelope { thread: Thread { message_count, messages: Some(messages), ..thread }, run: None })
}

/// The runs of a thread, the last first.
pub(super) async fn runs_of(
    room: &Room,
    cx: &Caller,
    id: &str,
    limit: Option<usize>,
    offset: usize,
) -> Result<ThreadRunList, Refusal> {
    room.known_thread(cx, id).await?;
    let limit = limit.unwrap_or(LIMIT);
    let mut rows = room.runs.thread(&cx.tenant, id, None, offset + limit + 1).await.map_err(of_runs)?;
    let has_more = rows.len() > offset + limit;
    rows.truncate(offset + limit);
    let mut shower = Shower::default();
    let mut shown = Vec::new();
    for row in rows.into_iter().skip(offset) {
        let state = room.runs.get(&cx.tenant, &row.run.to_string()).await.map_err(of_runs)?;
        shown.push(shower.run(room, cx, &state).await?);
    }
    Ok(ThreadRunList { object: ListObject::List, data: shown.clone(), runs: shown, has_more: Some(has_more) })
}

/// A page of what was said.
pub(super) async fn messages(
    room: &Room,
    cx: &Caller,
    id: &str,
    limit: Option<usize>,
    offset: usize,
    order: Order,
) -> Result<MessageList, Refusal> {
    room.known_thread(cx, id).await?;
    let (mut messages, whole) = room.messages(cx, id).await?;
    if order == Order::Desc {
        messages.reverse();
    }
    let (total, limit) = (messages.len(), limit.unwrap_or(LIMIT));
    let data: Vec<ThreadMessage> = messages.into_iter().skip(offset).take(limit).collect();
    Ok(MessageList {
        object: ListObject::List,
        data,
        has_more: Some(total > offset + limit),
        total_count: whole.then(|| count(total)),
    })
}

/// What somebody said, where an event is that.
fn message(thread: &str, event: RunEvent) -> Option<ThreadMessage> {
    let role = match event.role? {
        EventRole::User => MessageRole::User,
        EventRole::Assistant => MessageRole::Assistant,
        EventRole::System => MessageRole::System,
        EventRole::ExecutionLog => return None,
    };
    Some(ThreadMessage {
        id: event.id?,
        thread_id: thread.to_owned(),
        role,
        content: event.content?,
        created_at: event.created_at?,
    })
}

/// Where a thread stands: where its last run does.
fn status(last: RunStatus) -> ThreadStatus {
    match last {
        RunStatus::Queued | RunStatus::Running | RunStatus::Waiting => ThreadStatus::Running,
        RunStatus::Final(RunOutcome::Succeeded) => ThreadStatus::Completed,
        RunStatus::Final(RunOutcome::Partial | RunOutcome::NothingAchieved | RunOutcome::Failed) => {
            ThreadStatus::Failed
        }
        RunStatus::Final(RunOutcome::Canceled) => ThreadStatus::Cancelled,
    }
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
