//! Read, submit, answer.

use std::sync::Arc;

use futures::future::ready;
use futures::{Stream, StreamExt};
use runyard_api::arp::runtime::*;
use runyard_api::host::{ByteStream, Caller, Fault, Head, Operation, Reply};
use runyard_engine::{Command, State};

use super::error::{not_finished, problem};
use super::project::Projection;
use super::{Room, wire};
use crate::dialects::arp::{runs, service};
use crate::dialects::refusal::{Refusal, of_door, of_runs};
use crate::dialects::resume::Resume;
use crate::feed::{self, Beat, Framed};

impl Runtime for Room {
    async fn admit(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Fault> {
        self.gate.admit(head, operation).await
    }

    fn problem(&self, cx: &Caller, fault: Fault) -> Problem {
        problem(cx, of_door(&fault))
    }

    async fn health(&self, _cx: &Caller, _request: HealthRequest) -> Result<Reply<HealthOk>, Problem> {
        Ok(HealthOk::Ok(service::health(&self.runs).await).into())
    }

    async fn version(&self, _cx: &Caller, _request: VersionRequest) -> Result<Reply<VersionOk>, Problem> {
        Ok(VersionOk::Ok(service::version("runyard-runtime")).into())
    }

    async fn create_run(&self, cx: &Caller, request: CreateRunRequest) -> Result<Reply<CreateRunOk>, Problem> {
        let refused = |refusal| problem(cx, refusal);
        let new = wire::new_run(&request.body, self.runs.catalog_of(&cx.tenant));
        let new = new.map_err(|unsayable| refused(runs::all_unsayable(&unsayable)))?;
        let key = request.idempotency_key.as_deref();
        let started = runs::start_once(&self.runs, cx, new, key, wire::status).await.map_err(refused)?;
        Ok(started.reply(CreateRunOk::Ok))
    }

    async fn get_run_status(
        &self,
        cx: &Caller,
        request: GetRunStatusRequest,
    ) -> Result<Reply<GetRunStatusOk>, Problem> {
        let state = self.state(cx, &request.run_id).await.map_err(|refusal| problem(cx, refusal))?;
        Ok(GetRunStatusOk::Ok(wire::status(&state)).into())
    }

    async fn get_run_result(
        &self,
        cx: &Caller,
        request: GetRunResultRequest,
    ) -> Result<Reply<GetRunResultOk>, Problem> {
        let state = self.state(cx, &request.run_id).await.map_err(|refusal| problem(cx, refusal))?;
        let result = wire::result(&state).ok_or_else(|| problem(cx, not_finished(&state)))?;
        Ok(GetRunResultOk::Ok(result).into())
    }

    async fn cancel_run(&self, cx: &Caller, request: CancelRunRequest) -> Result<Reply<CancelRunOk>, Problem> {
        let refused = |refusal| problem(cx, refusal);
        let run = self.state(cx, &request.run_id).await.map_err(refused)?.run;
        let canceled = self.runs.submit(&cx.tenant, run, Command::Cancel { reason: None }).await;
        let state = canceled.map_err(|error| refused(of_runs(error)))?;
        Ok(CancelRunOk::Ok(wire::status(&state)).into())
    }

    async fn stream_run_events(
        &self,
        cx: &Caller,
        request: StreamRunEventsRequest,
    ) -> Result<Reply<StreamRunEventsOk>, Problem> {
        let state = self.state(cx, &request.run_id).await.map_err(|refusal| problem(cx, refusal))?;
        let after = Resume::new(request.after_seq, request.last_event_id).seq();
        let events = feed::sse(self.shown(cx, &state, after), Beat::default(), self.runs.clock().clone());
        Ok(StreamRunEventsOk::Ok(ByteStream::new(events)).into())
    }
}

impl Room {
    async fn state(&self, cx: &Caller, run_id: &str) -> Result<Arc<State>, Refusal> {
        self.runs.get(&cx.tenant, run_id).await.map_err(of_runs)
    }

    /// The events of a run with a `seq` greater than `after_seq`, those to come included. A `seq` is found by folding the log
    /// from its start, so that resuming needs nothing to be remembered.
    fn shown(&self, cx: &Caller, state: &State, after_seq: u64) -> impl Stream<Item = Framed> + Send + 'static {
        let mut projection = Projection::of(state);
        let log = self.runs.follow(&cx.tenant, state.run, 0, cx.stopping.clone());
        log.filter_map(move |recorded| {
            let frame = recorded.map(|recorded| projection.project(&recorded)).transpose();
            ready(frame.filter(|frame| !frame.as_ref().is_ok_and(|frame| frame.id <= after_seq)))
        })
    }
}
