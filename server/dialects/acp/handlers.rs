//! Read, ask, answer.

use std::num::NonZeroU32;

use http::HeaderValue;
use runyard_api::acp::*;
use runyard_api::host::{Caller, Fault, Head, Operation, Reply};

use super::error::problem;
use super::place::Way;
use super::servers::{Wanted, Which};
use super::{Room, runs, servers, threads};
use crate::dialects::arp::runs::REPLAYED;
use crate::dialects::arp::wire::time;
use crate::dialects::refusal::{Refusal, of_door};

impl Acp for Room {
    async fn admit(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Fault> {
        self.gate.admit(head, operation).await
    }

    fn problem(&self, cx: &Caller, fault: Fault) -> Problem {
        problem(cx, &of_door(&fault))
    }

    async fn health(&self, _cx: &Caller, _request: HealthRequest) -> Result<Reply<HealthOk>, Problem> {
        Ok(HealthOk::Ok(self.state_of_health().await).into())
    }

    async fn start_server_run(
        &self,
        cx: &Caller,
        request: StartServerRunRequest,
    ) -> Result<Reply<StartServerRunOk>, Problem> {
        use StartServerRunOk::{Accepted, Created};
        let started = async {
            let place = self.place(cx, Way::Server(&request.server_id)).await?;
            runs::start(self, cx, place, request.body, request.idempotency_key.as_deref()).await
        };
        Ok(told(cx, started.await)?.reply(Created, Accepted))
    }

    async fn list_server_runs(
        &self,
        cx: &Caller,
        request: ListServerRunsRequest,
    ) -> Result<Reply<ListServerRunsOk>, Problem> {
        let listed = async {
            let place = self.place(cx, Way::Server(&request.server_id)).await?;
            runs::list(self, cx, place, limit(request.limit).unwrap_or(runs::LIMIT)).await
        };
        Ok(ListServerRunsOk::Ok(told(cx, listed.await)?).into())
    }

    async fn get_server_run(
        &self,
        cx: &Caller,
        request: GetServerRunRequest,
    ) -> Result<Reply<GetServerRunOk>, Problem> {
        let found = self.look(cx, Way::Server(&request.server_id), &request.run_id).await;
        Ok(GetServerRunOk::Ok(told(cx, found)?).into())
    }

    async fn send_server_run_input(
        &self,
        cx: &Caller,
        request: SendServerRunInputRequest,
    ) -> Result<Reply<SendServerRunInputOk>, Problem> {
        use SendServerRunInputOk::{Accepted, Ok as Ended};
        let said = async {
            let place = self.place(cx, Way::Server(&request.server_id)).await?;
            let key = request.idempotency_key.as_deref();
            runs::input(self, cx, place, &request.run_id, request.body, key).await
        };
        Ok(told(cx, said.await)?.reply(Ended, Accepted))
    }

    async fn get_server_run_events(
        &self,
        cx: &Caller,
        request: GetServerRunEventsRequest,
    ) -> Result<Reply<GetServerRunEventsOk>, Problem> {
        let found = self.look(cx, Way::Server(&request.server_id), &request.run_id).await;
        Ok(GetServerRunEventsOk::Ok(told(cx, found)?).into())
    }

    async fn cancel_server_run(
        &self,
        cx: &Caller,
        request: CancelServerRunRequest,
    ) -> Result<Reply<CancelServerRunOk>, Problem> {
        let canceled = async {
            let place = self.place(cx, Way::Server(&request.server_id)).await?;
            runs::cancel(self, cx, place, &request.run_id).await
        };
        Ok(CancelServerRunOk::Ok(told(cx, canceled.await)?).into())
    }

    async fn start_connected_run(
        &self,
        cx: &Caller,
        request: StartConnectedRunRequest,
    ) -> Result<Reply<StartConnectedRunOk>, Problem> {
        use StartConnectedRunOk::{Accepted, Created};
        let started = async {
            let place = self.place(cx, Way::Connected(&request.server_id)).await?;
            runs::start(self, cx, place, request.body, request.idempotency_key.as_deref()).await
        };
        Ok(told(cx, started.await)?.reply(Created, Accepted))
    }

    async fn list_connected_runs(
        &self,
        cx: &Caller,
        request: ListConnectedRunsRequest,
    ) -> Result<Reply<ListConnectedRunsOk>, Problem> {
        let listed = async {
            let place = self.place(cx, Way::Connected(&request.server_id)).await?;
            runs::list(self, cx, place, limit(request.limit).unwrap_or(runs::LIMIT)).await
        };
        Ok(ListConnectedRunsOk::Ok(told(cx, listed.await)?).into())
    }

    async fn get_connected_run(
        &self,
        cx: &Caller,
        request: GetConnectedRunRequest,
    ) -> Result<Reply<GetConnectedRunOk>, Problem> {
        let found = self.look(cx, Way::Connected(&request.server_id), &request.run_id).await;
        Ok(GetConnectedRunOk::Ok(told(cx, found)?).into())
    }

    async fn send_connected_run_input(
        &self,
        cx: &Caller,
        request: SendConnectedRunInputRequest,
    ) -> Result<Reply<SendConnectedRunInputOk>, Problem> {
        use SendConnectedRunInputOk::{Accepted, Ok as Ended};
        let said = async {
            let place = self.place(cx, Way::Connected(&request.server_id)).await?;
            let key = request.idempotency_key.as_deref();
            runs::input(self, cx, place, &request.run_id, request.body, key).await
        };
        Ok(told(cx, said.await)?.reply(Ended, Accepted))
    }

    async fn get_connected_run_events(
        &self,
        cx: &Caller,
        request: GetConnectedRunEventsRequest,
    ) -> Result<Reply<GetConnectedRunEventsOk>, Problem> {
        let found = self.look(cx, Way::Connected(&request.server_id), &request.run_id).await;
        Ok(GetConnectedRunEventsOk::Ok(told(cx, found)?).into())
    }

    async fn cancel_connected_run(
        &self,
        cx: &Caller,
        request: CancelConnectedRunRequest,
    ) -> Result<Reply<CancelConnectedRunOk>, Problem> {
        let canceled = async {
            let place = self.place(cx, Way::Connected(&request.server_id)).await?;
            runs::cancel(self, cx, place, &request.run_id).await
        };
        Ok(CancelConnectedRunOk::Ok(told(cx, canceled.await)?).into())
    }

    async fn start_runtime_run(
        &self,
        cx: &Caller,
        request: StartRuntimeRunRequest,
    ) -> Result<Reply<StartRuntimeRunOk>, Problem> {
        use StartRuntimeRunOk::{Accepted, Created};
        let started = async {
            let place = self.place(cx, Way::Runtime(&request.runtime_id)).await?;
            runs::start(self, cx, place, request.body, request.idempotency_key.as_deref()).await
        };
        Ok(told(cx, started.await)?.reply(Created, Accepted))
    }

    async fn list_runtime_runs(
        &self,
        cx: &Caller,
        request: ListRuntimeRunsRequest,
    ) -> Result<Reply<ListRuntimeRunsOk>, Problem> {
        let listed = async {
            let place = self.place(cx, Way::Runtime(&request.runtime_id)).await?;
            runs::list(self, cx, place, limit(request.limit).unwrap_or(runs::LIMIT)).await
        };
        Ok(ListRuntimeRunsOk::Ok(told(cx, listed.await)?).into())
    }

    async fn get_runtime_run(
        &self,
        cx: &Caller,
        request: GetRuntimeRunRequest,
    ) -> Result<Reply<GetRuntimeRunOk>, Problem> {
        let found = self.look(cx, Way::Runtime(&request.runtime_id), &request.run_id).await;
        Ok(GetRuntimeRunOk::Ok(told(cx, found)?).into())
    }

    async fn send_runtime_run_input(
        &self,
        cx: &Caller,
        request: SendRuntimeRunInputRequest,
    ) -> Result<Reply<SendRuntimeRunInputOk>, Problem> {
        use SendRuntimeRunInputOk::{Accepted, Ok as Ended};
        let said = async {
            let place = self.place(cx, Way::Runtime(&request.runtime_id)).await?;
            let key = request.idempotency_key.as_deref();
            runs::input(self, cx, place, &request.run_id, request.body, key).await
        };
        Ok(told(cx, said.await)?.reply(Ended, Accepted))
    }

    async fn get_runtime_run_events(
        &self,
        cx: &Caller,
        request: GetRuntimeRunEventsRequest,
    ) -> Result<Reply<GetRuntimeRunEventsOk>, Problem> {
        let found = self.look(cx, Way::Runtime(&request.runtime_id), &request.run_id).await;
        Ok(GetRuntimeRunEventsOk::Ok(told(cx, found)?).into())
    }

    async fn cancel_runtime_run(
        &self,
        cx: &Caller,
        request: CancelRuntimeRunRequest,
    ) -> Result<Reply<CancelRuntimeRunOk>, Problem> {
        let canceled = async {
            let place = self.place(cx, Way::Runtime(&request.runtime_id)).await?;
            runs::cancel(self, cx, place, &request.run_id).await
        };
        Ok(CancelRuntimeRunOk::Ok(told(cx, canceled.await)?).into())
    }

    async fn create_server(&self, cx: &Caller, request: CreateServerRequest) -> Result<Reply<CreateServerOk>, Problem> {
        let created = servers::create(self, cx, Which::All, request.body).await;
        Ok(CreateServerOk::Created(told(cx, created)?).into())
    }

    async fn list_servers(&self, cx: &Caller, request: ListServersRequest) -> Result<Reply<ListServersOk>, Problem> {
        let (limit, offset) = (limit(request.limit), offset(request.offset));
        let wanted = Wanted { kind: request.kind, project: request.project_id, limit, offset };
        Ok(ListServersOk::Ok(told(cx, servers::list(self, cx, wanted).await)?).into())
    }

    async fn get_server(&self, cx: &Caller, request: GetServerRequest) -> Result<Reply<GetServerOk>, Problem> {
        let found = servers::get(self, cx, Which::All, &request.server_id).await;
        Ok(GetServerOk::Ok(told(cx, found)?).into())
    }

    async fn update_server(&self, cx: &Caller, request: UpdateServerRequest) -> Result<Reply<UpdateServerOk>, Problem> {
        let changed = servers::update(self, cx, Which::All, &request.server_id, request.body).await;
        Ok(UpdateServerOk::Ok(told(cx, changed)?).into())
    }

    async fn delete_server(&self, cx: &Caller, request: DeleteServerRequest) -> Result<Reply<DeleteServerOk>, Problem> {
        let deleted = servers::delete(self, cx, Which::All, &request.server_id).await;
        Ok(DeleteServerOk::Ok(told(cx, deleted)?).into())
    }

    async fn create_agent_runtime(
        &self,
        cx: &Caller,
        request: CreateAgentRuntimeRequest,
    ) -> Result<Reply<CreateAgentRuntimeOk>, Problem> {
        let created = servers::create(self, cx, Which::Runtimes, request.body).await;
        Ok(CreateAgentRuntimeOk::Created(told(cx, created)?).into())
    }

    async fn list_agent_runtimes(
        &self,
        cx: &Caller,
        request: ListAgentRuntimesRequest,
    ) -> Result<Reply<ListAgentRuntimesOk>, Problem> {
        let (limit, offset) = (limit(request.limit), offset(request.offset));
        let wanted = Wanted { kind: Some(types::ServerKind::AgentRuntime), project: request.project_id, limit, offset };
        Ok(ListAgentRuntimesOk::Ok(told(cx, servers::list(self, cx, wanted).await)?).into())
    }

    async fn get_agent_runtime(
        &self,
        cx: &Caller,
        request: GetAgentRuntimeRequest,
    ) -> Result<Reply<GetAgentRuntimeOk>, Problem> {
        let found = servers::get(self, cx, Which::Runtimes, &request.runtime_id).await;
        Ok(GetAgentRuntimeOk::Ok(told(cx, found)?).into())
    }

    async fn update_agent_runtime(
        &self,
        cx: &Caller,
        request: UpdateAgentRuntimeRequest,
    ) -> Result<Reply<UpdateAgentRuntimeOk>, Problem> {
        let changed = servers::update(self, cx, Which::Runtimes, &request.runtime_id, request.body).await;
        Ok(UpdateAgentRuntimeOk::Ok(told(cx, changed)?).into())
    }

    async fn delete_agent_runtime(
        &self,
        cx: &Caller,
        request: DeleteAgentRuntimeRequest,
    ) -> Result<Reply<DeleteAgentRuntimeOk>, Problem> {
        let deleted = servers::delete(self, cx, Which::Runtimes, &request.runtime_id).await;
        Ok(DeleteAgentRuntimeOk::Ok(told(cx, deleted)?).into())
    }

    async fn create_thread(&self, cx: &Caller, request: CreateThreadRequest) -> Result<Reply<CreateThreadOk>, Problem> {
        let created = threads::create(self, cx, request.body).await;
        Ok(CreateThreadOk::Created(told(cx, created)?).into())
    }

    async fn get_thread(&self, cx: &Caller, request: GetThreadRequest) -> Result<Reply<GetThreadOk>, Problem> {
        let found = threads::get(self, cx, &request.thread_id).await;
        Ok(GetThreadOk::Ok(told(cx, found)?).into())
    }

    async fn list_thread_runs(
        &self,
        cx: &Caller,
        request: ListThreadRunsRequest,
    ) -> Result<Reply<ListThreadRunsOk>, Problem> {
        let (limit, offset) = (limit(request.limit), offset(request.offset));
        let listed = threads::runs_of(self, cx, &request.thread_id, limit, offset).await;
        Ok(ListThreadRunsOk::Ok(told(cx, listed)?).into())
    }

    async fn list_thread_messages(
        &self,
        cx: &Caller,
        request: ListThreadMessagesRequest,
    ) -> Result<Reply<ListThreadMessagesOk>, Problem> {
        let (limit, offset) = (limit(request.limit), offset(request.offset));
        let order = request.order.unwrap_or(types::Order::Asc);
        let listed = threads::messages(self, cx, &request.thread_id, limit, offset, order).await;
        Ok(ListThreadMessagesOk::Ok(told(cx, listed)?).into())
    }
}

impl Room {
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
    /// The answer, in a document's own successes: of a run that has ended, and of one that goes on.
    fn reply<T>(self, ended: fn(types::RunEnvelope) -> T, goes_on: fn(types::RunEnvelope) -> T) -> Reply<T> {
        let reply = Reply::from(if self.ended { ended(self.envelope) } else { goes_on(self.envelope) });
        if self.replayed { reply.with_header(REPLAYED, HeaderValue::from_static("true")) } else { reply }
    }
}

/// What was refused, in this document's words.
fn told<T>(cx: &Caller, answered: Result<T, Refusal>) -> Result<T, Problem> {
    answered.map_err(|refusal| problem(cx, &refusal))
}

/// The bounds of a page, which the document keeps small.
fn limit(limit: Option<NonZeroU32>) -> Option<usize> {
    limit.and_then(|limit| usize::try_from(limit.get()).ok())
}

fn offset(offset: Option<i32>) -> usize {
    offset.and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0)
}
