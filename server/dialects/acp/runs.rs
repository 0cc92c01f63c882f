//! The six operations of runs, for every path that leads to a run.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures::StreamExt;
use runyard_api::acp::types::{
    ListObject, Run, RunEnvelope, RunEvent, RunInput, RunList, RunStatus as RunStatusWord, StartRun,
};
use runyard_api::host::Caller;
use runyard_engine::{Command, Event, NodeRunId, NodeState, RunStatus, State, Wait};

use super::place::{Place, SERVER, server_of};
use super::project::Projection;
use super::thread_body::Look;
use super::wire::{self, StartContent};
use super::{API, Handlers, error};
use crate::codes::Code;
use crate::dialects::common::answer_size::{AnswerSize, json_bytes};
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::dialects::common::start::idempotency_key;
use crate::runs::{Error, NewRun, threads};
use crate::store::{Filter, LabelFilter};

/// The most events in one answer: the last ones.
const EVENTS_MAX: usize = 1_000;
/// Default page size.
pub(super) const LIMIT: usize = 20;

/// A run as the answer to a request.
pub(super) struct Answer {
    pub(super) envelope: RunEnvelope,
    /// Whether the run has ended.
    pub(super) ended: bool,
    /// Whether an earlier request did this.
    pub(super) replayed: bool,
}

/// Starts a run.
pub(super) async fn start(
    handlers: &Handlers,
    cx: &Caller,
    place: Place,
    body: StartRun,
    key: Option<&str>,
) -> Result<Answer, Refusal> {
    let content = wire::text(body.content.as_ref(), body.prompt.as_ref()).ok_or_else(nothing_said)?;
    if let Some(thread) = &body.thread_id {
        handlers.known_thread(cx, thread).await?;
    }
    let (title, metadata) = (body.title.clone(), body.metadata.clone());
    let said = StartContent { content, title, mode: body.mode, metadata, thread: body.thread_id.clone() };
    begin(handlers, cx, &place, wire::new_run(&place, said, "acp.start_run", &body), key, wire::waits(body.mode)).await
}

/// Sends input to a run: it answers a run that waits for input, otherwise it starts the thread's next run.
pub(super) async fn input(
    handlers: &Handlers,
    cx: &Caller,
    place: Place,
    run_id: &str,
    body: RunInput,
    key: Option<&str>,
) -> Result<Answer, Refusal> {
    let state = find(handlers, cx, &place, run_id).await?;
    let content = wire::text(body.content.as_ref(), body.prompt.as_ref()).ok_or_else(nothing_said)?;
    if matches!(state.status, RunStatus::Final(_)) {
        let thread = Some(threads::turn_of(&state).thread);
        let said = StartContent { content, title: None, mode: body.mode, metadata: body.metadata.clone(), thread };
        let new = wire::new_run(&place, said, "acp.send_input", &(run_id, &body));
        return begin(handlers, cx, &place, new, key, wire::waits(body.mode)).await;
    }
    let node_run = asking(&state).ok_or_else(|| not_asking(&state))?;
    let command = Command::Deliver { node_run, input: content };
    let state = handlers.runs.submit(&cx.tenant, state.run, command).await?;
    answer(handlers, cx, &place, state, wire::waits(body.mode), false).await
}

/// Returns a run's current state.
pub(super) async fn get(handlers: &Handlers, cx: &Caller, place: Place, run_id: &str) -> Result<RunEnvelope, Refusal> {
    let state = find(handlers, cx, &place, run_id).await?;
    envelope(handlers, cx, &place, &state).await
}

/// Cancels a run. A run that has ended is returned unchanged.
pub(super) async fn cancel(
    handlers: &Handlers,
    cx: &Caller,
    place: Place,
    run_id: &str,
) -> Result<RunEnvelope, Refusal> {
    let run = find(handlers, cx, &place, run_id).await?.run;
    let state = handlers.runs.submit(&cx.tenant, run, Command::Cancel { reason: None }).await?;
    envelope(handlers, cx, &place, &state).await
}

/// A page of runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    pub(super) status: Option<RunStatusWord>,
    pub(super) limit: usize,
    pub(super) offset: usize,
}

/// The runs that were started through this API on a server, newest first.
pub(super) async fn list(handlers: &Handlers, cx: &Caller, place: Place, page: Page) -> Result<RunList, Refusal> {
    let Page { status, limit, offset } = page;
    let labels = vec![LabelFilter { name: SERVER.to_owned(), values: vec![place.server.clone()] }];
    let statuses = status.map(wire::stored_statuses).unwrap_or_default();
    let filter = Filter { api: Some(API.to_owned()), statuses, labels, ..Filter::default() };
    let mut rows = handlers.runs.page(&cx.tenant, &filter, offset, limit + 1).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let mut shower = Shower::default();
    let mut runs = Vec::with_capacity(rows.len());
    let mut size = AnswerSize::of(handlers.runs.answer_bytes());
    for row in rows {
        let Some(state) = handlers.runs.listed(&cx.tenant, &row).await? else { continue };
        let run = shower.run(handlers, cx, &state).await?;
        // The vendor's format contains the list twice.
        if !size.admits(&[&run, &run]) {
            break;
        }
        runs.push(run);
    }
    Ok(RunList {
        server_id: Some(place.server),
        agent_runtime_id: place.agent_runtime,
        object: ListObject::List,
        data: runs.clone(),
        runs,
        has_more: Some(has_more),
    })
}

/// Converts runs one after the other, and reads each thread once.
#[derive(Default)]
pub(super) struct Shower(BTreeMap<String, Look>);

impl Shower {
    pub(super) async fn run(&mut self, handlers: &Handlers, cx: &Caller, state: &State) -> Result<Run, Refusal> {
        let id = threads::turn_of(state).thread;
        if !self.0.contains_key(&id) {
            let look = handlers.look_at_thread(cx, &id).await?.ok_or_else(|| error::no_thread(&id))?;
            self.0.insert(id.clone(), look);
        }
        let thread = self.0.get(&id).ok_or_else(|| error::no_thread(&id))?;
        let continued = handlers.runs.continued_by(&cx.tenant, state).await?;
        Ok(wire::run(state, thread, continued.map(|run| run.to_string())))
    }

    fn thread(&mut self, id: &str) -> Option<Look> {
        self.0.remove(id)
    }
}

/// A run on this server. Runs of other servers are not found.
async fn find(handlers: &Handlers, cx: &Caller, place: &Place, run_id: &str) -> Result<Arc<State>, Refusal> {
    let state = handlers.runs.get(&cx.tenant, run_id).await?;
    if server_of(&state) == place.server { Ok(state) } else { Err(of_runs(Error::UnknownRun(run_id.to_owned()))) }
}

/// Starts a run once and waits for its answer if the request says so.
async fn begin(
    handlers: &Handlers,
    cx: &Caller,
    place: &Place,
    mut new: NewRun,
    key: Option<&str>,
    waits: bool,
) -> Result<Answer, Refusal> {
    new.key = key.map(idempotency_key).transpose()?;
    let started = handlers.runs.start(&cx.tenant, new).await?;
    answer(handlers, cx, place, started.state, waits, started.replayed).await
}

async fn answer(
    handlers: &Handlers,
    cx: &Caller,
    place: &Place,
    state: Arc<State>,
    waits: bool,
    replayed: bool,
) -> Result<Answer, Refusal> {
    let state = if waits { at_rest(handlers, cx, state).await? } else { state };
    let ended = matches!(state.status, RunStatus::Final(_));
    Ok(Answer { envelope: envelope(handlers, cx, place, &state).await?, ended, replayed })
}

/// Waits until the run has ended or waits for input, the time is over, or the server stops. The feed reports changes,
/// so there is no polling. If the client disconnects, the run goes on.
async fn at_rest(handlers: &Handlers, cx: &Caller, state: Arc<State>) -> Result<Arc<State>, Refusal> {
    if is_at_rest(&state) {
        return Ok(state);
    }
    let (tenant, run) = (&cx.tenant, state.run);
    let resting = async {
        let mut log = Box::pin(handlers.runs.follow(tenant, run, state.version, cx.stopping.clone()));
        while let Some(recorded) = log.next().await {
            let recorded = recorded.map_err(|error| of_runs(error.into()))?;
            if let Event::Finished { .. } | Event::NodeWaiting { wait: Wait::Input, .. } = recorded.event {
                let state = handlers.runs.at_least(tenant, run, recorded.position).await?;
                if is_at_rest(&state) {
                    return Ok(());
                }
            }
        }
        Ok::<_, Refusal>(())
    };
    tokio::select! {
        rested = resting => rested?,
        () = handlers.runs.clock().sleep(handlers.sync_wait) => {}
    }
    handlers.runs.get(tenant, &run.to_string()).await.map_err(of_runs)
}

fn is_at_rest(state: &State) -> bool {
    matches!(state.status, RunStatus::Final(_)) || state.status == RunStatus::Waiting && asking(state).is_some()
}

/// The oldest node run that waits for input.
pub(super) fn asking(state: &State) -> Option<NodeRunId> {
    let asks = |id: &&NodeRunId| state.node(**id).is_some_and(|node| node.state == NodeState::Waiting(Wait::Input));
    state.order.iter().find(asks).copied()
}

/// A run with its thread and its events.
async fn envelope(handlers: &Handlers, cx: &Caller, place: &Place, state: &State) -> Result<RunEnvelope, Refusal> {
    let mut shower = Shower::default();
    let run = shower.run(handlers, cx, state).await?;
    let thread = shower.thread(&threads::turn_of(state).thread);
    Ok(RunEnvelope {
        server_id: Some(server_of(state).to_owned()),
        agent_runtime_id: place.agent_runtime.clone(),
        run: Some(run),
        thread: thread.map(Look::thread),
        events: Some(events(handlers, cx, state, EVENTS_MAX).await?),
    })
}

/// The last events of a run so far.
pub(super) async fn events(
    handlers: &Handlers,
    cx: &Caller,
    state: &State,
    most: usize,
) -> Result<Vec<RunEvent>, Refusal> {
    let length = usize::try_from(state.version).unwrap_or(usize::MAX);
    let mut log = Box::pin(handlers.runs.follow(&cx.tenant, state.run, 0, cx.stopping.clone()).take(length));
    let (mut projection, mut shown, mut bytes) = (Projection::of(state.run), VecDeque::new(), 0);
    while let Some(recorded) = log.next().await {
        let recorded = recorded.map_err(|error| of_runs(error.into()))?;
        if let Some(one) = projection.project(&recorded).map_err(|error| of_runs(error.into()))? {
            let event = one.event(state.run, &recorded);
            let size = json_bytes(&event);
            bytes += size;
            shown.push_back((event, size));
        }
        while shown.len() > most || shown.len() > 1 && bytes > handlers.runs.answer_bytes() {
            bytes -= shown.pop_front().map_or(0, |(_, size)| size);
        }
    }
    Ok(shown.into_iter().map(|(event, _)| event).collect())
}

pub(super) fn nothing_said() -> Refusal {
    error::invalid("content", "says nothing, and neither does `prompt`: one of them must have text")
}

fn not_asking(state: &State) -> Refusal {
    let message = format!("run `{}` is at work and does not wait for input; wait for its end, or cancel it", state.run);
    Refusal::new(Code::NotAsking, message).with("run_id", state.run.to_string())
}
