//! The yardstick for APIs: the run gateway without a store. Requests are routed, authenticated, read and validated as
//! usual, and answered with the same run each time.

use http::HeaderMap;
use jiff::Timestamp;
use runyard::auth::Gate;
use runyard::dialects::arp::error::envelope;
use runyard::dialects::arp::service;
use runyard::dialects::common::refusal::{Refusal, headers, of_api};
use runyard_api::arp::run_gateway::*;
use runyard_api::arp::schemas::{Run, RunState};
use runyard_api::host::{ByteStream, Caller, Fault, Head, Operation, Reply};

/// A gateway that does nothing.
pub(super) struct Still {
    gate: Gate,
    run: Run,
}

impl Still {
    pub(super) fn new(gate: Gate) -> Self {
        let run = Run {
            run_id: "run_0197c3a05c7e7d1f8a2b4c6d8e0f1a2b".to_owned(),
            root_node_run_id: "nr_5b1f0c9a7d3e8f2a9c4d6e8f0a1b2c3d".to_owned(),
            state: RunState::Running,
            run_context: None,
            started_at: Some(Timestamp::UNIX_EPOCH),
            ended_at: None,
            extensions: None,
        };
        Self { gate, run }
    }
}

impl RunGateway for Still {
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
        Ok(HealthOk::Ok(service::of_checks(0, Vec::new())).into())
    }

    async fn version(&self, _cx: &Caller, _request: VersionRequest) -> Result<Reply<VersionOk>, Refusal> {
        Ok(VersionOk::Ok(service::version("runyard-bench")).into())
    }

    async fn start_run(&self, _cx: &Caller, _request: StartRunRequest) -> Result<Reply<StartRunOk>, Refusal> {
        Ok(StartRunOk::Ok(self.run.clone()).into())
    }

    async fn get_run(&self, _cx: &Caller, _request: GetRunRequest) -> Result<Reply<GetRunOk>, Refusal> {
        Ok(GetRunOk::Ok(self.run.clone()).into())
    }

    async fn cancel_run(&self, _cx: &Caller, _request: CancelRunRequest) -> Result<Reply<CancelRunOk>, Refusal> {
        Ok(CancelRunOk::Ok(self.run.clone()).into())
    }

    async fn stream_run_events(
        &self,
        _cx: &Caller,
        _request: StreamRunEventsRequest,
    ) -> Result<Reply<StreamRunEventsOk>, Refusal> {
        let events = StreamRunEventsOk::Ok(ByteStream::new(futures::stream::empty()));
        Ok(Reply { headers: HeaderMap::new(), value: events })
    }
}
