//! Threads: the runs of [`crate::runs::threads`], with a title and messages of their own if a client set them. Messages
//! of runs are derived from their logs and are stored nowhere else.

use std::sync::Arc;

use runyard_api::acp::types::{
    Deleted, EventList, EventRole, ListObject, MessageList, MessageRole, NewThread, Order, RunEvent,
    RunStatus as RunStatusWord, Thread, ThreadChange, ThreadEnvelope, ThreadMessage, ThreadRunList, ThreadState,
    ThreadStatus,
};
use runyard_api::host::{ByteStream, Caller};
use runyard_engine::{Command, RunOutcome, RunStatus, State};

use super::Handlers;
use super::error::{invalid, invalid_query, no_thread, of_objects};
use super::runs::{self, LIMIT, Shower};
use super::stream::{self, Part};
use super::thread_body::{Body, Look, Own};
use super::{environments, messages, wire};
use crate::dialects::common::answer_size::AnswerSize;
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::dialects::common::time::time;
use crate::objects::{self, New, Stored};
use crate::runs::Error;
use crate::store::{RunPhase, RunRow};

/// The most runs of a thread whose messages are read at once (the last ones).
const RUNS_MAX: usize = 100;
/// The most runs of a thread that are read for one page when a filter or an order needs more than the page.
const PAGED_RUNS_MAX: usize = 2_000;

/// How often a change is retried after a conflict with another request.
const CHANGES_MAX: u32 = 5;

impl Handlers {
    /// A thread, if it exists: a client created it, or it has a run.
    pub(super) async fn look_at_thread(&self, cx: &Caller, id: &str) -> Result<Option<Look>, Refusal> {
        let last = self.runs.thread(&cx.tenant, id, None, 1).await?.pop();
        let made: Option<Stored<Body>> = self.objects.get(&cx.tenant, id).await.map_err(of_objects)?;
        let first = match &last {
            Some(_) => self.runs.thread(&cx.tenant, id, Some(2), 1).await?.pop(),
            None => None,
        };
        // A thread that began with a run is stored only when it is first changed, so the run may be older.
        let created = made.as_ref().map(|made| made.created_at_ms).into_iter();
        let created = created.chain(first.as_ref().map(|first| first.created_at_ms)).min();
        let updated = last.as_ref().map(|last| last.updated_at_ms).into_iter();
        let updated = updated.chain(made.as_ref().map(|made| made.updated_at_ms)).max();
        let (Some(created_at_ms), Some(updated_at_ms)) = (created, updated) else { return Ok(None) };
        let made = made.map(|made| made.body);
        let title = match (made.as_ref().and_then(|made| made.title.clone()), &first) {
            (Some(title), _) => Some(title),
            (None, Some(first)) => self.title_of(cx, first).await?,
            (None, None) => None,
        };
        let status = match &made {
            Some(Body { deleted: true, .. }) => ThreadStatus::Deleted,
            Some(Body { archived: true, .. }) => ThreadStatus::Archived,
            _ => last.map_or(ThreadStatus::Active, |last| status(last.status, last.phase)),
        };
        Ok(Some(Look { id: id.to_owned(), title, status, made, created_at_ms, updated_at_ms }))
    }

    /// A thread that must exist and must not be deleted.
    pub(super) async fn known_thread(&self, cx: &Caller, id: &str) -> Result<Look, Refusal> {
        let known = self.look_at_thread(cx, id).await?;
        known.filter(|look| look.status != ThreadStatus::Deleted).ok_or_else(|| no_thread(id))
    }

    /// The last run of a thread, with its row.
    async fn last_run(&self, cx: &Caller, id: &str) -> Result<Option<RunRow>, Refusal> {
        Ok(self.runs.thread(&cx.tenant, id, None, 1).await?.pop())
    }

    /// Changes the stored data of a thread, and stores a thread that had only runs. After a conflict with another
    /// request, the change is applied to the new version.
    async fn change_thread(&self, cx: &Caller, id: &str, change: impl Fn(&mut Body)) -> Result<(), Refusal> {
        for _ in 0..CHANGES_MAX {
            let made: Option<Stored<Body>> = self.objects.get(&cx.tenant, id).await.map_err(of_objects)?;
            let changed = match made {
                Some(mut made) => {
                    change(&mut made.body);
                    self.objects.replace(&cx.tenant, made).await.map(drop)
                }
                None => {
                    let mut body = Body::default();
                    change(&mut body);
                    let new = New { id: id.to_owned(), name: None, parent: None, body };
                    self.objects.create(&cx.tenant, new).await.map(drop)
                }
            };
            match changed {
                Err(objects::Error::Stale { .. }) => {}
                changed => return changed.map_err(of_objects),
            }
        }
        Err(of_runs(Error::Busy))
    }

    /// Cancels the run of a thread that has not ended, if there is one.
    async fn cancel_live_run(&self, cx: &Caller, id: &str) -> Result<Option<Arc<State>>, Refusal> {
        let live = self.last_run(cx, id).await?.filter(|row| !matches!(row.status, RunStatus::Final(_)));
        let Some(row) = live else { return Ok(None) };
        let canceled = self.runs.submit(&cx.tenant, row.run, Command::Cancel { reason: None }).await;
        canceled.map(Some).map_err(of_runs)
    }

    /// The title of a thread: that of its first run, or the run's goal.
    async fn title_of(&self, cx: &Caller, first: &RunRow) -> Result<Option<String>, Refusal> {
        let state = self.runs.listed(&cx.tenant, first).await?;
        Ok(state.and_then(|state| wire::title(&state)).or_else(|| first.title.clone()))
    }

    /// The messages of a thread, oldest first (of a long thread those of its last runs), and whether they are complete.
    async fn messages(&self, cx: &Caller, id: &str) -> Result<(Vec<ThreadMessage>, bool), Refusal> {
        let made: Option<Stored<Body>> = self.objects.get(&cx.tenant, id).await.map_err(of_objects)?;
        let mut rows = self.runs.thread(&cx.tenant, id, None, RUNS_MAX + 1).await?;
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
            let Some(state) = self.runs.listed(&cx.tenant, row).await? else { continue };
            let events = runs::events(self, cx, &state, usize::MAX).await?;
            messages.extend(events.into_iter().filter_map(|event| message(id, event)));
        }
        Ok((messages, whole))
    }
}

/// A thread that was created, now or by an earlier, equal request.
pub(super) struct Created {
    pub(super) id: String,
    /// Its first run, if the request has a task.
    pub(super) run: Option<Arc<State>>,
    pub(super) replayed: bool,
}

/// Creates a thread once, and starts its first run if the request has a task.
pub(super) async fn create(
    handlers: &Handlers,
    cx: &Caller,
    body: NewThread,
    key: Option<&str>,
) -> Result<Created, Refusal> {
    messages::refuse_unserved(&messages::of_thread(&body))?;
    if let Some(environment) = &body.environment_id {
        environments::known(environment)?;
    }
    // How the answer is delivered does not distinguish requests.
    let request = serde_json::to_value(NewThread { stream: None, ..body.clone() }).unwrap_or_default();
    let mut earlier: Vec<Own> = body
        .messages
        .into_iter()
        .flatten()
        .map(|message| Own { role: message.role, content: message.content })
        .collect();
    let asked = earlier.last().is_some_and(|last| last.role == MessageRole::User && !last.content.trim().is_empty());
    let content = match wire::text(body.content.as_ref(), body.task.as_ref()) {
        Some(content) => Some(content),
        None if asked => earlier.pop().map(|last| last.content),
        None => None,
    };
    let fingerprint = key.map(|_| handlers.runs.fingerprint(&request));
    let id = key.map_or_else(|| handlers.runs.new_thread(), |key| handlers.runs.thread_of_key(&cx.tenant, key));
    let kept = Body {
        title: body.title.clone(),
        project: body.project_id,
        agent: body.agent_id,
        app: body.app_id,
        task: body.task,
        archived: false,
        deleted: false,
        fingerprint: fingerprint.clone(),
        metadata: body.metadata,
        messages: earlier,
    };
    let new = New { id: id.clone(), name: None, parent: None, body: kept };
    let replayed = match (handlers.objects.create(&cx.tenant, new).await, key) {
        (Ok(_), _) => false,
        (Err(objects::Error::Stale { .. }), Some(key)) => {
            let found: Option<Stored<Body>> = handlers.objects.get(&cx.tenant, &id).await.map_err(of_objects)?;
            if found.is_none_or(|found| found.body.fingerprint != fingerprint) {
                return Err(of_runs(Error::KeyReused { key: key.to_owned() }));
            }
            true
        }
        (Err(error), _) => return Err(of_objects(error)),
    };
    let run = match content {
        Some(content) => Some(messages::begin(handlers, cx, &id, body.title, content, key).await?),
        None => None,
    };
    Ok(Created { id, run, replayed })
}

/// A thread that was created, in an envelope.
pub(super) async fn envelope(handlers: &Handlers, cx: &Caller, created: &Created) -> Result<ThreadEnvelope, Refusal> {
    let run = match &created.run {
        Some(state) => Some(Shower::default().run(handlers, cx, state).await?),
        None => None,
    };
    Ok(ThreadEnvelope { thread: handlers.known_thread(cx, &created.id).await?.thread(), run })
}

/// The events of a thread that was created, from its creation to the end of its first run.
pub(super) async fn creation_stream(handlers: &Handlers, cx: &Caller, created: Created) -> Result<ByteStream, Refusal> {
    let thread = handlers.known_thread(cx, &created.id).await?.thread();
    let first = stream::created(thread);
    Ok(match created.run {
        Some(state) => {
            let part = Part { thread: created.id, run: state.run, after: 0, ends_at_question: true, with_ids: false };
            handlers.run_stream(cx, &[first], part)
        }
        None => stream::whole(&[first, stream::nothing_to_do(&created.id)]),
    })
}

/// Updates a thread. Absent and null fields stay.
pub(super) async fn update(
    handlers: &Handlers,
    cx: &Caller,
    id: &str,
    change: ThreadChange,
) -> Result<ThreadEnvelope, Refusal> {
    handlers.known_thread(cx, id).await?;
    if let Some(environment) = &change.environment_id {
        environments::known(environment)?;
    }
    // Another word than one of the document's is refused like a status that cannot be set.
    let archived = match change.status.as_deref().map(str::parse) {
        None => None,
        Some(Ok(ThreadStatus::Archived)) => Some(true),
        Some(Ok(ThreadStatus::Active)) => Some(false),
        Some(_) => {
            return Err(invalid("status", "can be set to `archived`, or to `active` to take that back; nothing else"));
        }
    };
    let ThreadChange { title, project_id, agent_id, app_id, task, metadata, environment_id: _, status: _ } = change;
    handlers
        .change_thread(cx, id, |body| {
            body.title = title.clone().or(body.title.take());
            body.project = project_id.clone().or(body.project.take());
            body.agent = agent_id.clone().or(body.agent.take());
            body.app = app_id.clone().or(body.app.take());
            body.task = task.clone().or(body.task.take());
            body.metadata = metadata.clone().or(body.metadata.take());
            body.archived = archived.unwrap_or(body.archived);
        })
        .await?;
    Ok(ThreadEnvelope { thread: handlers.known_thread(cx, id).await?.thread(), run: None })
}

/// Deletes a thread. Its runs stay; one that has not ended is canceled.
pub(super) async fn delete(handlers: &Handlers, cx: &Caller, id: &str) -> Result<Deleted, Refusal> {
    handlers.known_thread(cx, id).await?;
    handlers.change_thread(cx, id, |body| body.deleted = true).await?;
    handlers.cancel_live_run(cx, id).await?;
    Ok(Deleted { id: Some(id.to_owned()), deleted: true })
}

/// Cancels the run of a thread that has not ended.
pub(super) async fn cancel(handlers: &Handlers, cx: &Caller, id: &str) -> Result<ThreadEnvelope, Refusal> {
    handlers.known_thread(cx, id).await?;
    let run = match handlers.cancel_live_run(cx, id).await? {
        Some(state) => Some(Shower::default().run(handlers, cx, &state).await?),
        None => None,
    };
    Ok(ThreadEnvelope { thread: handlers.known_thread(cx, id).await?.thread(), run })
}

/// Returns the state of a thread.
pub(super) async fn state(handlers: &Handlers, cx: &Caller, id: &str) -> Result<ThreadState, Refusal> {
    let look = handlers.known_thread(cx, id).await?;
    let last = handlers.last_run(cx, id).await?;
    let took_ms = last.as_ref().and_then(|last| Some(last.ended_at_ms? - last.created_at_ms));
    Ok(ThreadState {
        thread_id: id.to_owned(),
        status: look.status,
        id: last.as_ref().map(|last| last.run.to_string()),
        started_at: last.as_ref().map(|last| time(last.created_at_ms)),
        completed_at: last.as_ref().and_then(|last| last.ended_at_ms).map(time),
        duration: took_ms.map(|ms| format!("{}.{:03}s", ms / 1000, ms % 1000)),
        updated_at: Some(time(look.updated_at_ms)),
    })
}

/// The filters of a list of events.
#[derive(Debug, Clone, Default)]
pub(super) struct Between {
    pub(super) after: Option<String>,
    pub(super) before: Option<String>,
    pub(super) limit: Option<usize>,
}

/// A page of a thread's events, the oldest first.
pub(super) async fn events(handlers: &Handlers, cx: &Caller, id: &str, between: Between) -> Result<EventList, Refusal> {
    handlers.known_thread(cx, id).await?;
    let mut rows = handlers.runs.thread(&cx.tenant, id, None, RUNS_MAX).await?;
    rows.reverse();
    let mut all = Vec::new();
    for row in rows {
        let Some(state) = handlers.runs.listed(&cx.tenant, &row).await? else { continue };
        all.extend(runs::events(handlers, cx, &state, usize::MAX).await?);
    }
    let place = |name: &str, wanted: &Option<String>| match wanted {
        None => Ok(None),
        Some(wanted) => {
            let found = all.iter().position(|event| event.id.as_ref() == Some(wanted));
            found.map(Some).ok_or_else(|| invalid_query(name, "is not the id of an event of this thread"))
        }
    };
    let from = place("after", &between.after)?.map_or(0, |at| at + 1);
    let to = place("before", &between.before)?.unwrap_or(all.len()).max(from);
    let limit = between.limit.unwrap_or(LIMIT);
    let data: Vec<RunEvent> = all.drain(from..to).take(limit).collect();
    let cursor = data.last().and_then(|event| event.id.clone());
    Ok(EventList { object: ListObject::List, has_more: to - from > data.len(), data, cursor })
}

/// Streams the events of a thread until its last run has ended. Empty if the caller has seen all events.
pub(super) async fn event_stream(
    handlers: &Handlers,
    cx: &Caller,
    id: &str,
    after: Option<&str>,
) -> Result<Option<ByteStream>, Refusal> {
    handlers.known_thread(cx, id).await?;
    let seen = match after {
        None => None,
        Some(after) => Some(
            stream::position(after)
                .ok_or_else(|| invalid_query("after", "is not the id of an event of this thread"))?,
        ),
    };
    let mut rows = handlers.runs.thread(&cx.tenant, id, None, RUNS_MAX).await?;
    let over = rows.first().is_none_or(|last| matches!(last.status, RunStatus::Final(_)));
    let last = rows.first().map(|last| (last.run, last.version));
    rows.reverse();
    let from = match seen {
        None => 0,
        Some((run, _)) => rows
            .iter()
            .position(|row| row.run == run)
            .ok_or_else(|| invalid_query("after", "is not the id of an event of this thread"))?,
    };
    let is_last = |(run, position)| last.is_some_and(|(last, version)| run == last && position >= version);
    if over && seen.is_some_and(is_last) {
        return Ok(None);
    }
    let parts = rows.split_off(from).into_iter().enumerate().map(|(at, row)| Part {
        thread: id.to_owned(),
        run: row.run,
        after: seen.filter(|_| at == 0).map_or(0, |(_, position)| position),
        ends_at_question: false,
        with_ids: true,
    });
    Ok(Some(handlers.runs_stream(cx, parts.collect())))
}

/// A thread with its messages.
pub(super) async fn get(handlers: &Handlers, cx: &Caller, id: &str) -> Result<ThreadEnvelope, Refusal> {
    let thread = handlers.known_thread(cx, id).await?.thread();
    let (messages, whole) = handlers.messages(cx, id).await?;
    let message_count = whole.then(|| count(messages.len()));
    Ok(ThreadEnvelope { thread: Thread { message_count, messages: Some(messages), ..thread }, run: None })
}

/// The filters of a list of runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct WantedRuns {
    pub(super) status: Option<RunStatusWord>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
    pub(super) order: Order,
}

/// The runs of a thread.
pub(super) async fn runs_of(
    handlers: &Handlers,
    cx: &Caller,
    id: &str,
    wanted: WantedRuns,
) -> Result<ThreadRunList, Refusal> {
    handlers.known_thread(cx, id).await?;
    let WantedRuns { status, limit, offset, order } = wanted;
    let limit = limit.unwrap_or(LIMIT);
    let plain = status.is_none() && order == Order::Desc;
    let most = if plain { offset + limit + 1 } else { PAGED_RUNS_MAX };
    let mut rows = handlers.runs.thread(&cx.tenant, id, None, most).await?;
    rows.retain(|row| status.is_none_or(|status| wire::run_status(row.status) == status));
    if order == Order::Asc {
        rows.reverse();
    }
    let mut has_more = rows.len() > offset + limit;
    let mut size = AnswerSize::of(handlers.runs.answer_bytes());
    let mut shower = Shower::default();
    let mut shown = Vec::new();
    for row in rows.into_iter().skip(offset).take(limit) {
        let Some(state) = handlers.runs.listed(&cx.tenant, &row).await? else { continue };
        let run = shower.run(handlers, cx, &state).await?;
        // The vendor's format contains the list twice.
        if !size.admits(&[&run, &run]) {
            has_more = true;
            break;
        }
        shown.push(run);
    }
    Ok(ThreadRunList { object: ListObject::List, data: shown.clone(), runs: shown, has_more: Some(has_more) })
}

/// Returns a page of messages.
pub(super) async fn messages(
    handlers: &Handlers,
    cx: &Caller,
    id: &str,
    limit: Option<usize>,
    offset: usize,
    order: Order,
) -> Result<MessageList, Refusal> {
    handlers.known_thread(cx, id).await?;
    let (mut messages, whole) = handlers.messages(cx, id).await?;
    if order == Order::Desc {
        messages.reverse();
    }
    let (total, limit) = (messages.len(), limit.unwrap_or(LIMIT));
    let mut size = AnswerSize::of(handlers.runs.answer_bytes());
    let page = messages.into_iter().skip(offset).take(limit);
    let data: Vec<ThreadMessage> = page.take_while(|message| size.admits(message)).collect();
    Ok(MessageList {
        object: ListObject::List,
        has_more: Some(total > offset.saturating_add(data.len())),
        data,
        total_count: whole.then(|| count(total)),
    })
}

/// The event as a message, if it is one.
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

/// The status of a thread: that of its last run.
fn status(last: RunStatus, phase: RunPhase) -> ThreadStatus {
    match last {
        RunStatus::Running | RunStatus::Waiting if phase == RunPhase::Asking => ThreadStatus::PermissionAsked,
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
