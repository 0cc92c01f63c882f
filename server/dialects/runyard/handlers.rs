//! Handlers: parse the request, call the engine or the store, build the answer.

use futures::StreamExt;
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use runyard_api::host::{ByteStream, Caller, Fault, Head, Operation, Reply};
use runyard_api::runyard::*;
use runyard_engine::large::Digest;
use runyard_engine::{Command, NodeRunId};
use serde_json::json;

use super::error::envelope;
use super::{Handlers, LIMIT, approvals, cursor, keys, project, start, wire};
use crate::codes::Code;
use crate::dialects::common::refusal::{Refusal, headers, of_api};
use crate::dialects::common::resume::Resume;
use crate::dialects::common::start::{invalid_field, start_once};
use crate::feed::{self, Line};
use crate::listeners;
use crate::runs::Error;
use crate::store::Cursor;

impl Runyard for Handlers {
    type Refusal = Refusal;

    async fn admit(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Fault> {
        self.gate.admit(head, operation).await
    }

    fn refusal(&self, fault: Fault) -> Refusal {
        of_api(&fault)
    }

    fn problem(&self, cx: &Caller, refusal: Refusal) -> Problem {
        Problem { status: refusal.status, headers: headers(&refusal), body: Box::new(envelope(cx, &refusal)) }
    }

    async fn health(&self, _cx: &Caller, _request: HealthRequest) -> Result<Reply<HealthOk>, Refusal> {
        let store = self.runs.ping().await.err().map(|error| error.to_string());
        Ok(HealthOk::Ok(wire::health(self.runs.clock().now_ms(), store)).into())
    }

    async fn version(&self, _cx: &Caller, _request: VersionRequest) -> Result<Reply<VersionOk>, Refusal> {
        Ok(VersionOk::Ok(wire::version()).into())
    }

    async fn list_doors(&self, _cx: &Caller, _request: ListDoorsRequest) -> Result<Reply<ListDoorsOk>, Refusal> {
        let listeners = self.listeners.get().map(Vec::as_slice).unwrap_or_default();
        Ok(ListDoorsOk::Ok(wire::listeners(listeners)).into())
    }

    async fn list_runs(&self, cx: &Caller, request: ListRunsRequest) -> Result<Reply<ListRunsOk>, Refusal> {
        let after = request.cursor.as_deref().map(read_cursor).transpose()?;
        let limit = request.limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(LIMIT);
        check_api(request.face.as_deref())?;
        let filter = wire::filter(&self.runs.catalog_of(&cx.tenant), &request);
        // One more than requested, to see whether there is a next page.
        let mut rows = self.runs.list(&cx.tenant, &filter, after, limit + 1).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| cursor::write(Cursor { created_at_ms: row.created_at_ms, run: row.run }));
        Ok(ListRunsOk::Ok(wire::run_list(&rows, next)).into())
    }

    async fn start_run(&self, cx: &Caller, request: StartRunRequest) -> Result<Reply<StartRunOk>, Refusal> {
        let new = start::new_run(&request.body).map_err(invalid_field)?;
        let key = request.idempotency_key.as_deref();
        let started = start_once(&self.runs, cx, new, key, wire::run).await?;
        Ok(started.reply(StartRunOk::Created))
    }

    async fn cancel_run(&self, cx: &Caller, request: CancelRunRequest) -> Result<Reply<CancelRunOk>, Refusal> {
        let command = Command::Cancel { reason: reason(request.body) };
        Ok(CancelRunOk::Ok(self.submit(cx, &request.run_id, command).await?).into())
    }

    async fn deliver_input(&self, cx: &Caller, request: DeliverInputRequest) -> Result<Reply<DeliverInputOk>, Refusal> {
        let run = self.runs.get(&cx.tenant, &request.run_id).await?.run;
        let reference = request.body.node_run_id.as_ref().map(|id| id.to_string());
        let read = |text: String| NodeRunId::parse(&text).ok_or(Error::UnknownNodeRun(text));
        let node_run = reference.map(read).transpose()?;
        let input = request.body.input.to_string();
        let state = self.runs.deliver_input(&cx.tenant, run, node_run, input).await?;
        Ok(DeliverInputOk::Ok(wire::run(&state)).into())
    }

    async fn pause_run(&self, cx: &Caller, request: PauseRunRequest) -> Result<Reply<PauseRunOk>, Refusal> {
        let command = Command::Pause { reason: reason(request.body), by: subject(cx) };
        Ok(PauseRunOk::Ok(self.submit(cx, &request.run_id, command).await?).into())
    }

    async fn resume_run(&self, cx: &Caller, request: ResumeRunRequest) -> Result<Reply<ResumeRunOk>, Refusal> {
        let command = Command::Resume { by: subject(cx) };
        Ok(ResumeRunOk::Ok(self.submit(cx, &request.run_id, command).await?).into())
    }

    async fn list_approvals(
        &self,
        cx: &Caller,
        request: ListApprovalsRequest,
    ) -> Result<Reply<ListApprovalsOk>, Refusal> {
        let listed = approvals::list(self, cx, request).await?;
        Ok(ListApprovalsOk::Ok(listed).into())
    }

    async fn get_approval(&self, cx: &Caller, request: GetApprovalRequest) -> Result<Reply<GetApprovalOk>, Refusal> {
        let shown = approvals::get(self, cx, &request.approval_id).await?;
        Ok(GetApprovalOk::Ok(shown).into())
    }

    async fn decide_approval(
        &self,
        cx: &Caller,
        request: DecideApprovalRequest,
    ) -> Result<Reply<DecideApprovalOk>, Refusal> {
        let decided = approvals::decide(self, cx, request).await?;
        Ok(DecideApprovalOk::Ok(decided).into())
    }

    async fn get_run(&self, cx: &Caller, request: GetRunRequest) -> Result<Reply<GetRunOk>, Refusal> {
        let state = self.runs.get(&cx.tenant, &request.run_id).await?;
        Ok(GetRunOk::Ok(wire::run(&state)).into())
    }

    async fn list_node_runs(
        &self,
        cx: &Caller,
        request: ListNodeRunsRequest,
    ) -> Result<Reply<ListNodeRunsOk>, Refusal> {
        let behind = request.cursor.as_deref().map(|text| cursor::read_node_runs(text).ok_or_else(cursor::refused));
        let behind = behind.transpose()?.unwrap_or_default();
        let limit = request.limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(wire::NODE_RUNS);
        let state = self.runs.get(&cx.tenant, &request.run_id).await?;
        Ok(ListNodeRunsOk::Ok(wire::node_run_list(&state, behind, limit, self.runs.answer_bytes())).into())
    }

    async fn list_run_events(
        &self,
        cx: &Caller,
        request: ListRunEventsRequest,
    ) -> Result<Reply<ListRunEventsOk>, Refusal> {
        let state = self.runs.get(&cx.tenant, &request.run_id).await;
        let run = state?.run;
        let limit = request.limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(project::EVENTS);
        let after = Resume::new(request.after_seq, None).seq();
        let listed = project::page(&self.runs, &cx.tenant, run, after, limit).await?;
        Ok(ListRunEventsOk::Ok(listed).into())
    }

    async fn get_run_value(&self, cx: &Caller, request: GetRunValueRequest) -> Result<Reply<GetRunValueOk>, Refusal> {
        let unknown = || {
            let message = format!("run `{}` has no large value `{}`", request.run_id, &*request.digest);
            Refusal::new(Code::ValueNotFound, message)
        };
        let digest = Digest::parse(&request.digest).ok_or_else(unknown)?;
        let text = self.runs.value(&cx.tenant, &request.run_id, digest).await;
        let text = text?.ok_or_else(unknown)?;
        // On a blocking thread, because the value may be large.
        let read = tokio::task::spawn_blocking(move || serde_json::from_str(&text)).await;
        match read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())) {
            Ok(value) => Ok(GetRunValueOk::Ok(value).into()),
            Err(error) => {
                tracing::error!(%error, %digest, "a large value cannot be read");
                let message = "what is stored of this value cannot be read; the server's log has the reason";
                Err(Refusal::new(Code::InternalError, message))
            }
        }
    }

    async fn stream_run_events(
        &self,
        cx: &Caller,
        request: StreamRunEventsRequest,
    ) -> Result<Reply<StreamRunEventsOk>, Refusal> {
        let state = self.runs.get(&cx.tenant, &request.run_id).await?;
        let wanted = Resume::new(request.after_seq, request.last_event_id).wanted(request.follow);
        let run = state.run;
        let log = self.runs.events(&cx.tenant, state.run, wanted.after_seq, wanted.reach, cx.stopping.clone());
        let events = log.map(move |recorded| -> Line<_> { Ok(project::project(run, &*recorded?)?) });
        let bytes = ByteStream::new(feed::ndjson(events, self.runs.clock().clone()));
        Ok(StreamRunEventsOk::Ok(bytes).into())
    }

    async fn count_runs(&self, cx: &Caller, _request: CountRunsRequest) -> Result<Reply<CountRunsOk>, Refusal> {
        let counts = self.runs.counts(&cx.tenant).await?;
        Ok(CountRunsOk::Ok(wire::counts(&counts)).into())
    }

    async fn list_node_types(
        &self,
        cx: &Caller,
        request: ListNodeTypesRequest,
    ) -> Result<Reply<ListNodeTypesOk>, Refusal> {
        let query = request.q.as_deref();
        let found = wire::node_types(&self.runs.catalog_of(&cx.tenant), query, request.kind);
        Ok(ListNodeTypesOk::Ok(found).into())
    }

    async fn list_keys(&self, cx: &Caller, request: ListKeysRequest) -> Result<Reply<ListKeysOk>, Refusal> {
        let listed = keys::list(self, cx, request).await?;
        Ok(ListKeysOk::Ok(listed).into())
    }

    async fn create_key(&self, cx: &Caller, request: CreateKeyRequest) -> Result<Reply<CreateKeyOk>, Refusal> {
        let created = keys::create(self, cx, request).await?;
        let reply = Reply::from(CreateKeyOk::Created(created));
        Ok(reply.with_header(CACHE_CONTROL, HeaderValue::from_static("no-store")))
    }

    async fn revoke_key(&self, cx: &Caller, request: RevokeKeyRequest) -> Result<Reply<RevokeKeyOk>, Refusal> {
        let revoked = keys::revoke(self, cx, &request.key_id).await?;
        Ok(RevokeKeyOk::Ok(revoked).into())
    }
}

impl Handlers {
    /// Submits a command to an existing run, and returns the run's state after it.
    async fn submit(&self, cx: &Caller, run_id: &str, command: Command) -> Result<types::Run, Refusal> {
        let run = self.runs.get(&cx.tenant, run_id).await?.run;
        let state = self.runs.submit(&cx.tenant, run, command).await?;
        Ok(wire::run(&state))
    }
}

/// Refuses unknown API names, because their list of runs would always be empty.
fn check_api(api: Option<&str>) -> Result<(), Refusal> {
    let Some(api) = api.filter(|api| listeners::offset(api) == 0) else { return Ok(()) };
    let known: Vec<&str> = listeners::names().collect();
    let reason = format!("is no API of this server: `{api}`; there are {}", known.join(", "));
    Err(Refusal::new(Code::InvalidRequest, format!("query face {reason}"))
        .with("errors", json!([{ "place": "query", "field": "face", "reason": reason }])))
}

fn reason(body: Option<types::ReasonGiven>) -> Option<String> {
    body.and_then(|given| given.reason).map(|reason| reason.to_string())
}

fn subject(cx: &Caller) -> Option<String> {
    cx.subject.as_deref().map(str::to_owned)
}

fn read_cursor(text: &str) -> Result<Cursor, Refusal> {
    cursor::read(text).ok_or_else(cursor::refused)
}
