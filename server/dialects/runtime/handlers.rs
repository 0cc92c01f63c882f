//! Handlers: parse the request, call `Runs`, build the answer.

use std::sync::Arc;

use futures::StreamExt;
use runyard_api::arp::runtime::*;
use runyard_api::host::{ByteStream, Caller, Fault, Head, Operation, Reply};
use runyard_engine::{Command, RunStatus, State};

use super::error::{not_finished, problem};
use super::project::Projection;
use super::{Handlers, wire};
use crate::dialects::arp::service;
use crate::dialects::common::refusal::{Refusal, of_api, of_runs};
use crate::dialects::common::resume::Resume;
use crate::dialects::common::start::{invalid_fields, start_once};
use crate::feed::{self, Beat, Goes};

impl Runtime for Handlers {
    type Refusal = Refusal;

    async fn admit(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Fault> {
        self.gate.admit(head, operation).await
    }

    fn refusal(&self, fault: Fault) -> Refusal {
        of_api(&fault)
    }

    fn problem(&self, cx: &Caller, refusal: Refusal) -> Problem {
        problem(cx, refusal)
    }

    async fn health(&self, _cx: &Caller, _request: HealthRequest) -> Result<Reply<HealthOk>, Refusal> {
        Ok(HealthOk::Ok(service::health(&self.runs).await).into())
    }

    async fn version(&self, _cx: &Caller, _request: VersionRequest) -> Result<Reply<VersionOk>, Refusal> {
        Ok(VersionOk::Ok(service::version("runyard-runtime")).into())
    }

    async fn create_run(&self, cx: &Caller, request: CreateRunRequest) -> Result<Reply<CreateRunOk>, Refusal> {
        let new = wire::new_run(&request.body, &self.runs.catalog_of(&cx.tenant));
        let new = new.map_err(|fields| invalid_fields(&fields))?;
        let key = request.idempotency_key.as_deref();
        let started = start_once(&self.runs, cx, new, key, |state| state.run).await?;
        let state = self.runs.ended_within(&cx.tenant, started.run, self.sync_wait, &cx.stopping).await?;
        Ok(started.reply(|_| CreateRunOk::Ok(wire::status(&state))))
    }

    async fn get_run_status(
        &self,
        cx: &Caller,
        request: GetRunStatusRequest,
    ) -> Result<Reply<GetRunStatusOk>, Refusal> {
        let state = self.state(cx, &request.run_id).await?;
        Ok(GetRunStatusOk::Ok(wire::status(&state)).into())
    }

    async fn get_run_result(
        &self,
        cx: &Caller,
        request: GetRunResultRequest,
    ) -> Result<Reply<GetRunResultOk>, Refusal> {
        let state = self.state(cx, &request.run_id).await?;
        let result = wire::result(&state).ok_or_else(|| not_finished(&state))?;
        Ok(GetRunResultOk::Ok(result).into())
    }

    async fn cancel_run(&self, cx: &Caller, request: CancelRunRequest) -> Result<Reply<CancelRunOk>, Refusal> {
        let run = self.state(cx, &request.run_id).await?.run;
        let canceled = self.runs.submit(&cx.tenant, run, Command::Cancel { reason: None }).await;
        let state = canceled?;
        Ok(CancelRunOk::Ok(wire::status(&state)).into())
    }

    async fn stream_run_events(
        &self,
        cx: &Caller,
        request: StreamRunEventsRequest,
    ) -> Result<Reply<StreamRunEventsOk>, Refusal> {
        let state = self.state(cx, &request.run_id).await?;
        let wanted = Resume::new(request.after_seq, request.last_event_id).wanted(request.follow);
        let shown = self.runs.shown::<Projection>(&cx.tenant, &state, wanted, cx.stopping.clone(), |_| Goes::On);
        let frames = if matches!(state.status, RunStatus::Final(_)) && wanted.after_seq > 0 {
            let mut shown = Box::pin(shown);
            match shown.next().await {
                None => return Ok(StreamRunEventsOk::NoContent.into()),
                Some(first) => futures::stream::iter([first]).chain(shown).boxed(),
            }
        } else {
            shown.boxed()
        };
        let events = feed::sse(frames, Beat::default(), self.runs.clock().clone());
        Ok(StreamRunEventsOk::Ok(ByteStream::new(events)).into())
    }
}

impl Handlers {
    async fn state(&self, cx: &Caller, run_id: &str) -> Result<Arc<State>, Refusal> {
        self.runs.get(&cx.tenant, run_id).await.map_err(of_runs)
    }
}
