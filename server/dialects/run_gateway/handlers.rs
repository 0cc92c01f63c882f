//! Handlers: parse the request, call the coordinator, build the answer.

use runyard_api::arp::run_gateway::*;
use runyard_api::arp::schemas as arp;
use runyard_api::host::{Caller, Fault, Head, Operation, Reply};

use super::{API, Coordinator, Handlers, forward};
use crate::codes::Code;
use crate::dialects::arp::error::envelope;
use crate::dialects::arp::runs;
use crate::dialects::arp::service;
use crate::dialects::common::refusal::{Refusal, headers, of_api};
use crate::dialects::common::resume::Resume;

impl RunGateway for Handlers {
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
        let health = match &self.coordinator {
            Coordinator::Local(runs) => service::health(runs).await,
            Coordinator::Remote(remote) => forward::health(remote).await,
            Coordinator::Missing(clock) => {
                let check = service::check("run_coordinator", arp::Status::Down, Some(MISSING.to_owned()));
                service::of_checks(clock.now_ms(), vec![check])
            }
        };
        Ok(HealthOk::Ok(health).into())
    }

    async fn version(&self, _cx: &Caller, _request: VersionRequest) -> Result<Reply<VersionOk>, Refusal> {
        Ok(VersionOk::Ok(service::version("runyard-run-gateway")).into())
    }

    async fn start_run(&self, cx: &Caller, request: StartRunRequest) -> Result<Reply<StartRunOk>, Refusal> {
        let key = request.idempotency_key.as_deref();
        let started = match &self.coordinator {
            Coordinator::Local(here) => runs::start(here, cx, API, request.body, key).await,
            Coordinator::Remote(remote) => forward::start(remote, cx, &request.body, key).await,
            Coordinator::Missing(_) => Err(missing()),
        };
        Ok(started?.reply(StartRunOk::Ok))
    }

    async fn get_run(&self, cx: &Caller, request: GetRunRequest) -> Result<Reply<GetRunOk>, Refusal> {
        let run = match &self.coordinator {
            Coordinator::Local(here) => runs::get(here, cx, &request.run_id).await,
            Coordinator::Remote(remote) => forward::get(remote, cx, &request.run_id).await,
            Coordinator::Missing(_) => Err(missing()),
        };
        Ok(GetRunOk::Ok(run?).into())
    }

    async fn cancel_run(&self, cx: &Caller, request: CancelRunRequest) -> Result<Reply<CancelRunOk>, Refusal> {
        let run = match &self.coordinator {
            Coordinator::Local(here) => runs::cancel(here, cx, &request.run_id).await,
            Coordinator::Remote(remote) => forward::cancel(remote, cx, &request.run_id).await,
            Coordinator::Missing(_) => Err(missing()),
        };
        Ok(CancelRunOk::Ok(run?).into())
    }

    async fn stream_run_events(
        &self,
        cx: &Caller,
        request: StreamRunEventsRequest,
    ) -> Result<Reply<StreamRunEventsOk>, Refusal> {
        let wanted = Resume::new(request.after_seq, request.last_event_id).wanted(request.follow);
        let events = match &self.coordinator {
            Coordinator::Local(here) => runs::events(here, cx, &request.run_id, wanted).await,
            Coordinator::Remote(remote) => forward::events(remote, cx, &request.run_id, wanted).await,
            Coordinator::Missing(_) => Err(missing()),
        };
        Ok(StreamRunEventsOk::Ok(events?).into())
    }
}

/// The message for an operator if no coordinator is configured.
const MISSING: &str = "no run coordinator is configured: set `coordinator.url` (JARVIS_RUN_COORDINATOR_URL), or `gateway.coordinator = \"local\"`";

fn missing() -> Refusal {
    Refusal::new(Code::RunCoordinatorMissing, MISSING)
        .with("setting", "coordinator.url")
        .with("environment", "JARVIS_RUN_COORDINATOR_URL")
}
