//! Handlers: parse the request, call `Runs`, build the answer.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use http::{HeaderName, HeaderValue, Method};
use runyard_api::host::{ByteStream, Caller, Fault, Head, Operation, Place, Reply};
use runyard_api::toolregistry::types::RunEvent;
use runyard_api::toolregistry::*;
use runyard_engine::{Command, NodeRunId, Object, RunId, RunStatus, State, Verdict};

use super::error::{invalid_field, of_token, prefetched, problem, too_many, unknown_plan, unknown_run};
use super::links::Links;
use super::project::{Projection, without_tool_calls};
use super::slots::Slot;
use super::{API, Handlers, create, integrations, page, wire};
use crate::codes::Code;
use crate::dialects::common::answer_size::AnswerSize;
use crate::dialects::common::refusal::{Refusal, of_api, of_runs};
use crate::dialects::common::resume::Resume;
use crate::feed::{self, Beat, EventRange, Frame, Framed, Goes, ProjectionError, Reach};
use crate::runs::Error;
use crate::store::{Filter, LabelFilter};

/// The keep-alive comment of this API's streams.
const KEEP_ALIVE: Beat = Beat { every: Duration::from_secs(20), text: "event: keepalive\ndata: null\n\n" };

/// Default page size.
const PAGE_SIZE: usize = 10;

/// The operations that accept a decision token.
const APPROVAL: [&str; 2] = ["RunController_runApproval", "RunController_decideApproval"];

/// Set if an earlier, equal request started the run.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

impl Toolregistry for Handlers {
    type Refusal = Refusal;

    async fn admit(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Fault> {
        // The token in a link is a credential of its own, and a link cannot carry a second one.
        if APPROVAL.contains(&operation.id) {
            return Ok(self.gate.admit_if_shown(head, operation).await?.unwrap_or_else(|| head.anonymous()));
        }
        self.gate.admit(head, operation).await
    }

    fn refusal(&self, fault: Fault) -> Refusal {
        of_api(&fault)
    }

    fn problem(&self, cx: &Caller, refusal: Refusal) -> Problem {
        problem(cx, refusal)
    }

    async fn run_controller_list_runs(
        &self,
        cx: &Caller,
        request: RunControllerListRunsRequest,
    ) -> Result<Reply<RunControllerListRunsOk>, Refusal> {
        let runs = self.list(cx, &request).await?;
        Ok(RunControllerListRunsOk::Ok(runs).into())
    }

    async fn run_controller_create_run(
        &self,
        cx: &Caller,
        request: RunControllerCreateRunRequest,
    ) -> Result<Reply<RunControllerCreateRunOk>, Refusal> {
        let _open = self.open(cx)?;
        let key = request.idempotency_key.as_deref();
        let started = self.start(cx, &request.body, request.on_step_failure, key).await?;
        self.planned(cx, started.state.run).await;
        let state = self.state(cx, started.state.run).await?;
        let events = self.events(cx, &state).await?;
        let reply = Reply::from(RunControllerCreateRunOk::Created(wire::created(&state, events)));
        Ok(if started.replayed { reply.with_header(REPLAYED, HeaderValue::from_static("true")) } else { reply })
    }

    async fn run_controller_run_approval(
        &self,
        cx: &Caller,
        request: RunControllerRunApprovalRequest,
    ) -> Result<Reply<RunControllerRunApprovalOk>, Refusal> {
        use RunControllerRunApprovalOk::{Created, Ok as Shown};
        if is_prefetch(cx) {
            return Err(prefetched());
        }
        if page::is_wanted(&cx.headers) {
            return Ok(as_page(Shown(self.approval_page(cx, &request.token).await?)));
        }
        Ok(as_page(Created(self.decide_by_token(cx, &request.token).await?)))
    }

    async fn run_controller_decide_approval(
        &self,
        cx: &Caller,
        request: RunControllerDecideApprovalRequest,
    ) -> Result<Reply<RunControllerDecideApprovalOk>, Refusal> {
        let decided = self.decide_by_token(cx, &request.token).await?;
        Ok(as_page(RunControllerDecideApprovalOk::Created(decided)))
    }

    async fn run_controller_get_run(
        &self,
        cx: &Caller,
        request: RunControllerGetRunRequest,
    ) -> Result<Reply<RunControllerGetRunOk>, Refusal> {
        let with_events = switch("includeEvents", request.include_events.as_deref())?;
        let state = self.named(cx, &request.run_id).await?;
        let run = self.dto(cx, &state, with_events).await?;
        Ok(RunControllerGetRunOk::Ok(run).into())
    }

    async fn run_controller_abort_run(
        &self,
        cx: &Caller,
        request: RunControllerAbortRunRequest,
    ) -> Result<Reply<RunControllerAbortRunOk>, Refusal> {
        let run = self.named(cx, &request.run_id).await?.run;
        self.runs.submit(&cx.tenant, run, Command::Cancel { reason: None }).await?;
        Ok(RunControllerAbortRunOk::Ok.into())
    }

    async fn run_controller_sse(
        &self,
        cx: &Caller,
        request: RunControllerSseRequest,
    ) -> Result<Reply<RunControllerSseOk>, Refusal> {
        let with_tool_calls = switch("includeToolCalls", request.include_tool_calls.as_deref())?;
        let state = self.named(cx, &request.run_id).await?;
        let open = self.open(cx)?;
        let after = Resume::new(None, request.last_event_id).seq();
        if self.is_past_the_end(cx, &state, after).await? {
            return Ok(RunControllerSseOk::NoContent.into());
        }
        let follows = request.follow.unwrap_or(true);
        let events = self.shown(cx, &state, after, Shows { with_tool_calls, follows }, open);
        let events = feed::sse(events, KEEP_ALIVE, self.runs.clock().clone());
        Ok(RunControllerSseOk::Ok(ByteStream::new(events)).into())
    }

    async fn execution_plan_controller_get_execution_plan(
        &self,
        cx: &Caller,
        request: ExecutionPlanControllerGetExecutionPlanRequest,
    ) -> Result<Reply<ExecutionPlanControllerGetExecutionPlanOk>, Refusal> {
        let state = self.planned_by(cx, &request.execution_plan_id).await?;
        Ok(ExecutionPlanControllerGetExecutionPlanOk::Ok(wire::plan(&state)).into())
    }

    async fn integration_controller_list_integrations(
        &self,
        cx: &Caller,
        request: IntegrationControllerListIntegrationsRequest,
    ) -> Result<Reply<IntegrationControllerListIntegrationsOk>, Refusal> {
        let active = request.active.unwrap_or(true);
        let catalog = self.runs.catalog_of(&cx.tenant);
        let listed = catalog.integrations().iter().filter(|one| one.active == active);
        let listed = listed.map(|one| integrations::shown(one, self.integrations_since_ms)).collect();
        Ok(IntegrationControllerListIntegrationsOk::Ok(listed).into())
    }
}

impl Handlers {
    /// Decides the approval request of a token. `HEAD` changes nothing, and its answer is that of `GET`.
    async fn decide_by_token(&self, cx: &Caller, token: &str) -> Result<ByteStream, Refusal> {
        // A caller with an additional credential must belong to the run's tenant.
        let tenant = cx.subject.is_some().then_some(&*cx.tenant);
        if cx.method == Method::HEAD {
            self.runs.look_at_token(token, tenant).await.map_err(of_token)?;
            return Ok(ByteStream::new(futures::stream::empty()));
        }
        let by = cx.subject.as_deref().map(str::to_owned);
        let decided = self.runs.redeem(token, tenant, by).await.map_err(of_token)?;
        let node = decided.state.approvals.get(&decided.approval).and_then(|node_run| decided.state.node(*node_run));
        let verdict = node.and_then(|node| Some((node, node.approval.as_ref()?.decided.as_ref()?.verdict)));
        let page = verdict.map(|(node, verdict)| page::decided(&decided.state, node, verdict));
        Ok(page.unwrap_or_else(|| ByteStream::new(futures::stream::empty())))
    }

    /// The page behind a link: the approval request with its buttons, or the note that it is closed.
    async fn approval_page(&self, cx: &Caller, token: &str) -> Result<ByteStream, Refusal> {
        let tenant = cx.subject.is_some().then_some(&*cx.tenant);
        let asked = self.runs.token_subject(token, tenant).await.map_err(of_token)?;
        let node = asked.state.node(asked.node_run).ok_or_else(|| of_token(Error::InvalidToken))?;
        if !asked.is_pending {
            return Ok(page::closed(&asked.state, node));
        }
        let token = |verdict| self.runs.decision_token(&asked.tenant, asked.state.run, asked.approval, verdict);
        Ok(page::asking(&asked.state, node, &token(Verdict::Approved), &token(Verdict::Denied)))
    }

    /// Takes a slot for a long-lasting request.
    fn open(&self, cx: &Caller) -> Result<Slot, Refusal> {
        self.slots.take(&cx.tenant).ok_or_else(|| too_many(self.slots.max()))
    }

    /// A run by the id in a path. Run names that clients choose in other APIs are not accepted here.
    async fn named(&self, cx: &Caller, reference: &str) -> Result<Arc<State>, Refusal> {
        let run = RunId::parse(reference).ok_or_else(|| unknown_run(reference))?;
        self.state(cx, run)
            .await
            .map_err(|refusal| if refusal.is(Code::RunNotFound) { unknown_run(reference) } else { refusal })
    }

    async fn state(&self, cx: &Caller, run: RunId) -> Result<Arc<State>, Refusal> {
        self.runs.by_id(&cx.tenant, run).await.map_err(of_runs)
    }

    /// The run with this plan id, which is the id of the run's root.
    async fn planned_by(&self, cx: &Caller, reference: &str) -> Result<Arc<State>, Refusal> {
        let unknown = || unknown_plan(reference);
        let root = NodeRunId::parse(reference).ok_or_else(unknown)?;
        match self.runs.get_node_run(&cx.tenant, &root.to_string()).await {
            Ok((state, node_run)) if state.root().is_some_and(|root| root.id == node_run) => Ok(state),
            Ok(_) | Err(Error::UnknownNodeRun(_)) => Err(unknown()),
            Err(error) => Err(of_runs(error)),
        }
    }

    async fn list(&self, cx: &Caller, request: &RunControllerListRunsRequest) -> Result<Vec<types::RunDto>, Refusal> {
        let page = whole("page", request.page)?.unwrap_or(1);
        let size = whole("pageSize", request.page_size)?.unwrap_or(PAGE_SIZE);
        let rows = self.runs.page(&cx.tenant, &filter(request), (page - 1) * size, size).await?;
        let mut runs = Vec::with_capacity(rows.len());
        let mut answer = AnswerSize::of(self.runs.answer_bytes());
        for row in rows {
            let Some(state) = self.runs.listed(&cx.tenant, &row).await? else { continue };
            let run = self.dto(cx, &state, request.include_events.unwrap_or(false)).await?;
            // Pages are numbered: a shortened page would hide the runs that do not fit.
            if !answer.admits(&run) {
                return Err(page_too_large(self.runs.answer_bytes()));
            }
            runs.push(run);
        }
        Ok(runs)
    }

    async fn dto(&self, cx: &Caller, state: &State, with_events: bool) -> Result<types::RunDto, Refusal> {
        let events = if with_events { self.events(cx, state).await? } else { Vec::new() };
        Ok(wire::run(state, events))
    }

    /// The events of a run up to this state.
    async fn events(&self, cx: &Caller, state: &State) -> Result<Vec<Object>, Refusal> {
        let (mut projection, links) = (Projection::of(state.run), self.links(cx));
        let log = self.runs.log(&cx.tenant, state.run).await?;
        let seen = log.iter().take_while(|recorded| recorded.position <= state.version);
        let mut events = Vec::new();
        for recorded in seen {
            let shown = projection.project(recorded).map_err(|error| of_runs(error.into()))?;
            let Some(event) = shown.map(without_tool_calls) else { continue };
            let event = links.put_into(state.run, event);
            events.push(
                object(&event).map_err(|error| of_runs(ProjectionError::new(state.run, recorded, error).into()))?,
            );
        }
        Ok(events)
    }

    fn links(&self, cx: &Caller) -> Links {
        Links::new(&self.runs, cx, self.public_url.as_deref())
    }

    /// Whether a run has ended and this event is its last one.
    async fn is_past_the_end(&self, cx: &Caller, state: &State, after: u64) -> Result<bool, Refusal> {
        if after == 0 || !matches!(state.status, RunStatus::Final(_)) {
            return Ok(false);
        }
        let wanted = EventRange { after_seq: after, reach: Reach::Recorded };
        let shown = self.runs.shown::<Projection>(&cx.tenant, state, wanted, cx.stopping.clone(), |_| Goes::On);
        let next = Box::pin(shown).next().await.transpose();
        Ok(next.map_err(|error| of_runs(error.into()))?.is_none())
    }

    /// The events of a run with a greater id.
    fn shown(
        &self,
        cx: &Caller,
        state: &State,
        after: u64,
        shows: Shows,
        open: Slot,
    ) -> impl Stream<Item = Framed<RunEvent>> + Send + 'static {
        let Shows { with_tool_calls, follows } = shows;
        let (links, run) = (self.links(cx), state.run);
        let frame = move |event: RunEvent| {
            // Held until the stream ends.
            let _open = &open;
            let event = if with_tool_calls { event } else { without_tool_calls(event) };
            let event = links.put_into(run, event);
            Frame { id: event.id.get(), name: Some(name(event.event)), data: event }
        };
        let wanted = EventRange { after_seq: after, reach: if follows { Reach::Live } else { Reach::Recorded } };
        let shown = self.runs.shown::<Projection>(&cx.tenant, state, wanted, cx.stopping.clone(), |_| Goes::On);
        shown.map(move |event| event.map(&frame))
    }
}

/// How much of a run a stream shows.
#[derive(Debug, Clone, Copy)]
struct Shows {
    with_tool_calls: bool,
    /// Whether the stream continues until the run ends.
    follows: bool,
}

/// An answer as an HTML page, with the headers of one.
fn as_page<T>(answer: T) -> Reply<T> {
    page::headers().into_iter().fold(Reply::from(answer), |reply, (name, value)| reply.with_header(name, value))
}

/// Whether a browser or a mail program prefetches the link: `Sec-Purpose` (Fetch), and the older headers.
fn is_prefetch(cx: &Caller) -> bool {
    let says = |name: &str| {
        let values = cx.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split([',', ';'])).any(|word| {
            let word = word.trim();
            ["prefetch", "prerender", "preview"].iter().any(|ahead| word.eq_ignore_ascii_case(ahead))
        })
    };
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| says(name))
}

fn filter(request: &RunControllerListRunsRequest) -> Filter {
    let mut filter = Filter { api: Some(API.to_owned()), ..Filter::default() };
    if let Some(user) = &request.user_id {
        filter.labels.push(LabelFilter { name: create::USER.to_owned(), values: vec![user.clone()] });
    }
    let integrations = &request.customer_integration_ids;
    if !integrations.is_empty() {
        filter.labels.push(LabelFilter { name: create::INTEGRATION.to_owned(), values: integrations.clone() });
    }
    if let Some(status) = request.status {
        wire::standing_in(&mut filter, status);
    }
    filter
}

/// A bounded number that must be whole.
fn whole(name: &str, number: Option<f64>) -> Result<Option<usize>, Refusal> {
    let Some(number) = number else { return Ok(None) };
    if number.fract() != 0.0 {
        return Err(invalid_field(Place::Query, name, "must be a whole number"));
    }
    // Within the document's bounds, so exact.
    Ok(Some(number as usize))
}

fn page_too_large(bytes: usize) -> Refusal {
    let reason = format!("the runs of this page are larger than {bytes} bytes together: ask for fewer");
    invalid_field(Place::Query, "pageSize", &reason)
}

/// `true` or `false`, as text.
fn switch(name: &str, text: Option<&str>) -> Result<bool, Refusal> {
    let Some(text) = text else { return Ok(false) };
    text.parse().map_err(|_| invalid_field(Place::Query, name, "must be true or false"))
}

fn name(event: types::RunEventEvent) -> &'static str {
    use types::RunEventEvent::{End, RunAction, RunApproval, Start, Status, Step};
    match event {
        Start => "start",
        Step => "step",
        RunApproval => "run_approval",
        RunAction => "run_action",
        Status => "status",
        End => "end",
    }
}

/// An event as the document has it in a run: an open object.
fn object(event: &types::RunEvent) -> serde_json::Result<Object> {
    serde_json::from_value(serde_json::to_value(event)?)
}
