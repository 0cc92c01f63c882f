//! Handlers: parse the request, call the engine or the store, build the answer.

use std::num::NonZeroU32;

use http::HeaderValue;
use http::header::ACCEPT;
use runyard_api::acp::*;
use runyard_api::host::{Caller, Fault, Head, Operation, Reply};

use super::error::{not_served, problem};
use super::place::Way;
use super::servers::{ServerQuery, ServerScope};
use super::stream::Part;
use super::{Handlers, environments, messages, permissions, runs, servers, thread_list, threads};
use crate::dialects::common::refusal::{Refusal, of_api};
use crate::dialects::common::start::REPLAYED;
use crate::dialects::common::time::time;

/// The media type of event streams.
const EVENT_STREAM: &str = "text/event-stream";

/// Handlers of operations in the vendor's document that this server does not support.
macro_rules! not_served {
    ($($operation:ident($request:ident) -> $ok:ident;)*) => { $(
        async fn $operation(&self, _cx: &Caller, _request: $request) -> Result<Reply<$ok>, Refusal> {
            Err(not_served(stringify!($operation)))
        }
    )* };
}

impl Acp for Handlers {
    type Refusal = Refusal;

    async fn admit(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Fault> {
        self.gate.admit(head, operation).await
    }

    fn refusal(&self, fault: Fault) -> Refusal {
        of_api(&fault)
    }

    fn problem(&self, cx: &Caller, refusal: Refusal) -> Problem {
        problem(cx, &refusal)
    }

    async fn health(&self, _cx: &Caller, _request: HealthRequest) -> Result<Reply<HealthOk>, Refusal> {
        Ok(HealthOk::Ok(self.state_of_health().await).into())
    }

    async fn start_server_run(
        &self,
        cx: &Caller,
        request: StartServerRunRequest,
    ) -> Result<Reply<StartServerRunOk>, Refusal> {
        use StartServerRunOk::{Accepted, Created};
        let place = self.place(cx, Way::Server(&request.server_id)).await?;
        let started = runs::start(self, cx, place, request.body, request.idempotency_key.as_deref()).await?;
        Ok(started.reply(Created, Accepted))
    }

    async fn list_server_runs(
        &self,
        cx: &Caller,
        request: ListServerRunsRequest,
    ) -> Result<Reply<ListServerRunsOk>, Refusal> {
        let place = self.place(cx, Way::Server(&request.server_id)).await?;
        let listed = runs::list(self, cx, place, page(request.status, request.limit, request.offset)).await?;
        Ok(ListServerRunsOk::Ok(listed).into())
    }

    async fn get_server_run(
        &self,
        cx: &Caller,
        request: GetServerRunRequest,
    ) -> Result<Reply<GetServerRunOk>, Refusal> {
        let found = self.look(cx, Way::Server(&request.server_id), &request.run_id).await?;
        Ok(GetServerRunOk::Ok(found).into())
    }

    async fn send_server_run_input(
        &self,
        cx: &Caller,
        request: SendServerRunInputRequest,
    ) -> Result<Reply<SendServerRunInputOk>, Refusal> {
        use SendServerRunInputOk::{Accepted, Ok as Ended};
        let place = self.place(cx, Way::Server(&request.server_id)).await?;
        let key = request.idempotency_key.as_deref();
        let said = runs::input(self, cx, place, &request.run_id, request.body, key).await?;
        Ok(said.reply(Ended, Accepted))
    }

    async fn get_server_run_events(
        &self,
        cx: &Caller,
        request: GetServerRunEventsRequest,
    ) -> Result<Reply<GetServerRunEventsOk>, Refusal> {
        let found = self.look(cx, Way::Server(&request.server_id), &request.run_id).await?;
        Ok(GetServerRunEventsOk::Ok(found).into())
    }

    async fn cancel_server_run(
        &self,
        cx: &Caller,
        request: CancelServerRunRequest,
    ) -> Result<Reply<CancelServerRunOk>, Refusal> {
        let place = self.place(cx, Way::Server(&request.server_id)).await?;
        let canceled = runs::cancel(self, cx, place, &request.run_id).await?;
        Ok(CancelServerRunOk::Ok(canceled).into())
    }

    async fn start_connected_run(
        &self,
        cx: &Caller,
        request: StartConnectedRunRequest,
    ) -> Result<Reply<StartConnectedRunOk>, Refusal> {
        use StartConnectedRunOk::{Accepted, Created};
        let place = self.place(cx, Way::Connected(&request.server_id)).await?;
        let started = runs::start(self, cx, place, request.body, request.idempotency_key.as_deref()).await?;
        Ok(started.reply(Created, Accepted))
    }

    async fn list_connected_runs(
        &self,
        cx: &Caller,
        request: ListConnectedRunsRequest,
    ) -> Result<Reply<ListConnectedRunsOk>, Refusal> {
        let place = self.place(cx, Way::Connected(&request.server_id)).await?;
        let listed = runs::list(self, cx, place, page(request.status, request.limit, request.offset)).await?;
        Ok(ListConnectedRunsOk::Ok(listed).into())
    }

    async fn get_connected_run(
        &self,
        cx: &Caller,
        request: GetConnectedRunRequest,
    ) -> Result<Reply<GetConnectedRunOk>, Refusal> {
        let found = self.look(cx, Way::Connected(&request.server_id), &request.run_id).await?;
        Ok(GetConnectedRunOk::Ok(found).into())
    }

    async fn send_connected_run_input(
        &self,
        cx: &Caller,
        request: SendConnectedRunInputRequest,
    ) -> Result<Reply<SendConnectedRunInputOk>, Refusal> {
        use SendConnectedRunInputOk::{Accepted, Ok as Ended};
        let place = self.place(cx, Way::Connected(&request.server_id)).await?;
        let key = request.idempotency_key.as_deref();
        let said = runs::input(self, cx, place, &request.run_id, request.body, key).await?;
        Ok(said.reply(Ended, Accepted))
    }

    async fn get_connected_run_events(
        &self,
        cx: &Caller,
        request: GetConnectedRunEventsRequest,
    ) -> Result<Reply<GetConnectedRunEventsOk>, Refusal> {
        let found = self.look(cx, Way::Connected(&request.server_id), &request.run_id).await?;
        Ok(GetConnectedRunEventsOk::Ok(found).into())
    }

    async fn cancel_connected_run(
        &self,
        cx: &Caller,
        request: CancelConnectedRunRequest,
    ) -> Result<Reply<CancelConnectedRunOk>, Refusal> {
        let place = self.place(cx, Way::Connected(&request.server_id)).await?;
        let canceled = runs::cancel(self, cx, place, &request.run_id).await?;
        Ok(CancelConnectedRunOk::Ok(canceled).into())
    }

    async fn start_runtime_run(
        &self,
        cx: &Caller,
        request: StartRuntimeRunRequest,
    ) -> Result<Reply<StartRuntimeRunOk>, Refusal> {
        use StartRuntimeRunOk::{Accepted, Created};
        let place = self.place(cx, Way::Runtime(&request.runtime_id)).await?;
        let started = runs::start(self, cx, place, request.body, request.idempotency_key.as_deref()).await?;
        Ok(started.reply(Created, Accepted))
    }

    async fn list_runtime_runs(
        &self,
        cx: &Caller,
        request: ListRuntimeRunsRequest,
    ) -> Result<Reply<ListRuntimeRunsOk>, Refusal> {
        let place = self.place(cx, Way::Runtime(&request.runtime_id)).await?;
        let listed = runs::list(self, cx, place, page(request.status, request.limit, request.offset)).await?;
        Ok(ListRuntimeRunsOk::Ok(listed).into())
    }

    async fn get_runtime_run(
        &self,
        cx: &Caller,
        request: GetRuntimeRunRequest,
    ) -> Result<Reply<GetRuntimeRunOk>, Refusal> {
        let found = self.look(cx, Way::Runtime(&request.runtime_id), &request.run_id).await?;
        Ok(GetRuntimeRunOk::Ok(found).into())
    }

    async fn send_runtime_run_input(
        &self,
        cx: &Caller,
        request: SendRuntimeRunInputRequest,
    ) -> Result<Reply<SendRuntimeRunInputOk>, Refusal> {
        use SendRuntimeRunInputOk::{Accepted, Ok as Ended};
        let place = self.place(cx, Way::Runtime(&request.runtime_id)).await?;
        let key = request.idempotency_key.as_deref();
        let said = runs::input(self, cx, place, &request.run_id, request.body, key).await?;
        Ok(said.reply(Ended, Accepted))
    }

    async fn get_runtime_run_events(
        &self,
        cx: &Caller,
        request: GetRuntimeRunEventsRequest,
    ) -> Result<Reply<GetRuntimeRunEventsOk>, Refusal> {
        let found = self.look(cx, Way::Runtime(&request.runtime_id), &request.run_id).await?;
        Ok(GetRuntimeRunEventsOk::Ok(found).into())
    }

    async fn cancel_runtime_run(
        &self,
        cx: &Caller,
        request: CancelRuntimeRunRequest,
    ) -> Result<Reply<CancelRuntimeRunOk>, Refusal> {
        let place = self.place(cx, Way::Runtime(&request.runtime_id)).await?;
        let canceled = runs::cancel(self, cx, place, &request.run_id).await?;
        Ok(CancelRuntimeRunOk::Ok(canceled).into())
    }

    async fn create_server(&self, cx: &Caller, request: CreateServerRequest) -> Result<Reply<CreateServerOk>, Refusal> {
        let created = servers::create(self, cx, ServerScope::All, request.body).await?;
        Ok(CreateServerOk::Created(created).into())
    }

    async fn list_servers(&self, cx: &Caller, request: ListServersRequest) -> Result<Reply<ListServersOk>, Refusal> {
        let (limit, offset) = (limit(request.limit), offset(request.offset));
        let wanted = ServerQuery { kind: request.kind, project: request.project_id, limit, offset };
        Ok(ListServersOk::Ok(servers::list(self, cx, wanted).await?).into())
    }

    async fn get_server(&self, cx: &Caller, request: GetServerRequest) -> Result<Reply<GetServerOk>, Refusal> {
        let found = servers::get(self, cx, ServerScope::All, &request.server_id).await?;
        Ok(GetServerOk::Ok(found).into())
    }

    async fn update_server(&self, cx: &Caller, request: UpdateServerRequest) -> Result<Reply<UpdateServerOk>, Refusal> {
        let changed = servers::update(self, cx, ServerScope::All, &request.server_id, request.body).await?;
        Ok(UpdateServerOk::Ok(changed).into())
    }

    async fn delete_server(&self, cx: &Caller, request: DeleteServerRequest) -> Result<Reply<DeleteServerOk>, Refusal> {
        let deleted = servers::delete(self, cx, ServerScope::All, &request.server_id).await?;
        Ok(DeleteServerOk::Ok(deleted).into())
    }

    async fn create_agent_runtime(
        &self,
        cx: &Caller,
        request: CreateAgentRuntimeRequest,
    ) -> Result<Reply<CreateAgentRuntimeOk>, Refusal> {
        let created = servers::create(self, cx, ServerScope::Runtimes, request.body).await?;
        Ok(CreateAgentRuntimeOk::Created(created).into())
    }

    async fn list_agent_runtimes(
        &self,
        cx: &Caller,
        request: ListAgentRuntimesRequest,
    ) -> Result<Reply<ListAgentRuntimesOk>, Refusal> {
        let (limit, offset) = (limit(request.limit), offset(request.offset));
        let wanted =
            ServerQuery { kind: Some(types::ServerKind::AgentRuntime), project: request.project_id, limit, offset };
        Ok(ListAgentRuntimesOk::Ok(servers::list(self, cx, wanted).await?).into())
    }

    async fn get_agent_runtime(
        &self,
        cx: &Caller,
        request: GetAgentRuntimeRequest,
    ) -> Result<Reply<GetAgentRuntimeOk>, Refusal> {
        let found = servers::get(self, cx, ServerScope::Runtimes, &request.runtime_id).await?;
        Ok(GetAgentRuntimeOk::Ok(found).into())
    }

    async fn update_agent_runtime(
        &self,
        cx: &Caller,
        request: UpdateAgentRuntimeRequest,
    ) -> Result<Reply<UpdateAgentRuntimeOk>, Refusal> {
        let changed = servers::update(self, cx, ServerScope::Runtimes, &request.runtime_id, request.body).await?;
        Ok(UpdateAgentRuntimeOk::Ok(changed).into())
    }

    async fn delete_agent_runtime(
        &self,
        cx: &Caller,
        request: DeleteAgentRuntimeRequest,
    ) -> Result<Reply<DeleteAgentRuntimeOk>, Refusal> {
        let deleted = servers::delete(self, cx, ServerScope::Runtimes, &request.runtime_id).await?;
        Ok(DeleteAgentRuntimeOk::Ok(deleted).into())
    }

    async fn create_thread(&self, cx: &Caller, request: CreateThreadRequest) -> Result<Reply<CreateThreadOk>, Refusal> {
        let as_stream = wants_stream(cx, request.body.stream);
        let created = threads::create(self, cx, request.body, request.idempotency_key.as_deref()).await?;
        let replayed = created.replayed;
        let answer = if as_stream {
            CreateThreadOk::CreatedStream(threads::creation_stream(self, cx, created).await?)
        } else {
            CreateThreadOk::Created(threads::envelope(self, cx, &created).await?)
        };
        Ok(replayable(answer.into(), replayed))
    }

    async fn list_threads(&self, cx: &Caller, request: ListThreadsRequest) -> Result<Reply<ListThreadsOk>, Refusal> {
        let wanted = thread_list::ThreadQuery {
            project: request.project_id,
            environment: request.environment_id,
            agent: request.agent_id,
            app: request.app_id,
            schedule: request.schedule_id,
            status: request.status,
            created_after_ms: request.created_after.map(|at| at.as_millisecond()),
            limit: limit(request.limit),
            offset: offset(request.offset),
        };
        Ok(ListThreadsOk::Ok(thread_list::list(self, cx, wanted).await?).into())
    }

    async fn get_thread(&self, cx: &Caller, request: GetThreadRequest) -> Result<Reply<GetThreadOk>, Refusal> {
        let found = threads::get(self, cx, &request.thread_id).await?;
        Ok(GetThreadOk::Ok(found).into())
    }

    async fn update_thread(&self, cx: &Caller, request: UpdateThreadRequest) -> Result<Reply<UpdateThreadOk>, Refusal> {
        let changed = threads::update(self, cx, &request.thread_id, request.body).await?;
        Ok(UpdateThreadOk::Ok(changed).into())
    }

    async fn delete_thread(&self, cx: &Caller, request: DeleteThreadRequest) -> Result<Reply<DeleteThreadOk>, Refusal> {
        let deleted = threads::delete(self, cx, &request.thread_id).await?;
        Ok(DeleteThreadOk::Ok(deleted).into())
    }

    async fn list_thread_runs(
        &self,
        cx: &Caller,
        request: ListThreadRunsRequest,
    ) -> Result<Reply<ListThreadRunsOk>, Refusal> {
        let wanted = threads::WantedRuns {
            status: request.status,
            limit: limit(request.limit),
            offset: offset(request.offset),
            order: request.order.unwrap_or(types::Order::Desc),
        };
        let listed = threads::runs_of(self, cx, &request.thread_id, wanted).await?;
        Ok(ListThreadRunsOk::Ok(listed).into())
    }

    async fn list_thread_messages(
        &self,
        cx: &Caller,
        request: ListThreadMessagesRequest,
    ) -> Result<Reply<ListThreadMessagesOk>, Refusal> {
        let (limit, offset) = (limit(request.limit), offset(request.offset));
        let order = request.order.unwrap_or(types::Order::Asc);
        let listed = threads::messages(self, cx, &request.thread_id, limit, offset, order).await?;
        Ok(ListThreadMessagesOk::Ok(listed).into())
    }

    async fn send_thread_message(
        &self,
        cx: &Caller,
        request: SendThreadMessageRequest,
    ) -> Result<Reply<SendThreadMessageOk>, Refusal> {
        let SendThreadMessageRequest { thread_id, idempotency_key, body } = request;
        let taken = messages::send(self, cx, &thread_id, body, idempotency_key.as_deref()).await?;
        let (run, after, replayed) = (taken.state.run, taken.after, taken.replayed);
        let part = Part { thread: thread_id, run, after, ends_at_question: true, with_ids: false };
        Ok(replayable(SendThreadMessageOk::Ok(self.run_stream(cx, &[], part)).into(), replayed))
    }

    async fn cancel_thread(&self, cx: &Caller, request: CancelThreadRequest) -> Result<Reply<CancelThreadOk>, Refusal> {
        let canceled = threads::cancel(self, cx, &request.thread_id).await?;
        Ok(CancelThreadOk::Ok(canceled).into())
    }

    async fn get_thread_status(
        &self,
        cx: &Caller,
        request: GetThreadStatusRequest,
    ) -> Result<Reply<GetThreadStatusOk>, Refusal> {
        let state = threads::state(self, cx, &request.thread_id).await?;
        Ok(GetThreadStatusOk::Ok(state).into())
    }

    async fn list_thread_events(
        &self,
        cx: &Caller,
        request: ListThreadEventsRequest,
    ) -> Result<Reply<ListThreadEventsOk>, Refusal> {
        let after = request.after.or(request.cursor);
        if wants_stream(cx, request.stream) {
            let after = after.or(request.last_event_id);
            let events = threads::event_stream(self, cx, &request.thread_id, after.as_deref()).await;
            let answer = events?.map_or(ListThreadEventsOk::NoContent, ListThreadEventsOk::OkStream);
            return Ok(answer.into());
        }
        let between = threads::Between { after, before: request.before, limit: limit(request.limit) };
        let listed = threads::events(self, cx, &request.thread_id, between).await?;
        Ok(ListThreadEventsOk::Ok(listed).into())
    }

    async fn list_permission_requests(
        &self,
        cx: &Caller,
        request: ListPermissionRequestsRequest,
    ) -> Result<Reply<ListPermissionRequestsOk>, Refusal> {
        let listed = permissions::list(self, cx, &request.thread_id).await?;
        Ok(ListPermissionRequestsOk::Ok(listed).into())
    }

    async fn decide_permission_request(
        &self,
        cx: &Caller,
        request: DecidePermissionRequestRequest,
    ) -> Result<Reply<DecidePermissionRequestOk>, Refusal> {
        let DecidePermissionRequestRequest { thread_id, request_id, body } = request;
        let decided = permissions::decide(self, cx, &thread_id, &request_id, body).await?;
        Ok(DecidePermissionRequestOk::Ok(decided).into())
    }

    async fn list_environments(
        &self,
        _cx: &Caller,
        request: ListEnvironmentsRequest,
    ) -> Result<Reply<ListEnvironmentsOk>, Refusal> {
        let wanted = environments::EnvironmentQuery {
            project: request.project_id,
            is_active: request.is_active,
            is_default: request.is_default,
            limit: limit(request.limit),
            offset: offset(request.offset),
        };
        Ok(ListEnvironmentsOk::Ok(environments::list(&wanted)).into())
    }

    async fn get_default_environment(
        &self,
        _cx: &Caller,
        _request: GetDefaultEnvironmentRequest,
    ) -> Result<Reply<GetDefaultEnvironmentOk>, Refusal> {
        Ok(GetDefaultEnvironmentOk::Ok(environments::default()).into())
    }

    async fn get_environment(
        &self,
        __cx: &Caller,
        request: GetEnvironmentRequest,
    ) -> Result<Reply<GetEnvironmentOk>, Refusal> {
        Ok(GetEnvironmentOk::Ok(environments::get(&request.environment_id)?).into())
    }

    async fn set_default_environment(
        &self,
        __cx: &Caller,
        request: SetDefaultEnvironmentRequest,
    ) -> Result<Reply<SetDefaultEnvironmentOk>, Refusal> {
        // The only environment is the default already.
        Ok(SetDefaultEnvironmentOk::Ok(environments::get(&request.environment_id)?).into())
    }

    not_served! {
        get_metrics(GetMetricsRequest) -> GetMetricsOk;
        get_metrics_history(GetMetricsHistoryRequest) -> GetMetricsHistoryOk;
        deploy_agent_runtime(DeployAgentRuntimeRequest) -> DeployAgentRuntimeOk;
        decommission_agent_runtime(DecommissionAgentRuntimeRequest) -> DecommissionAgentRuntimeOk;
        list_deployments(ListDeploymentsRequest) -> ListDeploymentsOk;
        search_threads(SearchThreadsRequest) -> SearchThreadsOk;
        resume_thread(ResumeThreadRequest) -> ResumeThreadOk;
        get_thread_logs(GetThreadLogsRequest) -> GetThreadLogsOk;
        list_thread_steps(ListThreadStepsRequest) -> ListThreadStepsOk;
        copy_thread(CopyThreadRequest) -> CopyThreadOk;
        steer_thread_run(SteerThreadRunRequest) -> SteerThreadRunOk;
        control_thread_run(ControlThreadRunRequest) -> ControlThreadRunOk;
        create_environment(CreateEnvironmentRequest) -> CreateEnvironmentOk;
    }
}

impl Handlers {
    async fn look(&self, cx: &Caller, way: Way<'_>, run_id: &str) -> Result<types::RunEnvelope, Refusal> {
        let place = self.place(cx, way).await?;
        runs::get(self, cx, place, run_id).await
    }

    async fn state_of_health(&self) -> types::Health {
        let wrong = self.runs.ping().await.err().map(|error| format!("the store does not work: {error}"));
        let status = if wrong.is_some() { types::HealthStatus::Degraded } else { types::HealthStatus::Ok };
        types::Health { status, timestamp: Some(time(self.runs.clock().now_ms())), message: wrong }
    }
}

impl runs::Answer {
    /// The answer with the document's status: one for a run that has ended, one for a run that goes on.
    fn reply<T>(self, ended: fn(types::RunEnvelope) -> T, goes_on: fn(types::RunEnvelope) -> T) -> Reply<T> {
        let reply = Reply::from(if self.ended { ended(self.envelope) } else { goes_on(self.envelope) });
        replayable(reply, self.replayed)
    }
}

/// The reply, marked as replayed if an earlier request did the same.
fn replayable<T>(reply: Reply<T>, replayed: bool) -> Reply<T> {
    if replayed { reply.with_header(REPLAYED, HeaderValue::from_static("true")) } else { reply }
}

/// Whether the caller wants the event stream: the request sets `stream`, or leaves it out and accepts an event stream.
fn wants_stream(cx: &Caller, said: Option<bool>) -> bool {
    let ranges = cx.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let media = |range: &str| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(EVENT_STREAM);
    said.unwrap_or_else(|| ranges.flat_map(|value| value.split(',')).any(media))
}

fn page(status: Option<types::RunStatus>, limit: Option<NonZeroU32>, offset: Option<i32>) -> runs::Page {
    runs::Page { status, limit: self::limit(limit).unwrap_or(runs::LIMIT), offset: self::offset(offset) }
}

/// The page size, within the document's maximum.
fn limit(limit: Option<NonZeroU32>) -> Option<usize> {
    limit.and_then(|limit| usize::try_from(limit.get()).ok())
}

fn offset(offset: Option<i32>) -> usize {
    offset.and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0)
}
