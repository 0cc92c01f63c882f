//! A minimal run gateway: a run is an entry in a map, succeeds as soon as it is started, and is lost when the process
//! ends.
//!
//! The host has validated every request against the document before it calls a method here.

use std::collections::BTreeMap;

use runyard_api::arp::run_gateway::*;
use runyard_api::arp::schemas::{
    Error, ErrorEnvelope, Health, Run, RunEvent, RunEventType, RunState, Status, VersionInfo,
};
use runyard_api::crates::jiff::Timestamp;
use runyard_api::crates::serde_json;
use runyard_api::host::{ByteStream, Caller, Fault, Head, Operation, Reply};
use tokio::sync::Mutex;

#[derive(Default)]
pub(crate) struct Gateway {
    runs: Mutex<BTreeMap<String, Run>>,
}

impl Gateway {
    async fn run(&self, id: &str) -> Result<Run, Problem> {
        let found = self.runs.lock().await.get(id).cloned();
        found.ok_or_else(|| Problem::not_found(envelope("run_not_found", format!("there is no run {id}"))))
    }
}

impl RunGateway for Gateway {
    type Refusal = Problem;

    async fn admit(&self, head: &Head, _operation: &'static Operation) -> Result<Caller, Fault> {
        Ok(head.anonymous())
    }

    fn refusal(&self, fault: Fault) -> Problem {
        Problem::new(fault.status(), envelope(fault.code(), fault.to_string()))
    }

    fn problem(&self, _: &Caller, refusal: Problem) -> Problem {
        refusal
    }

    async fn health(&self, _cx: &Caller, _request: HealthRequest) -> Result<Reply<HealthOk>, Problem> {
        Ok(HealthOk::Ok(Health { status: Status::Ok, time: now(), checks: None, extensions: None }).into())
    }

    async fn version(&self, _cx: &Caller, _request: VersionRequest) -> Result<Reply<VersionOk>, Problem> {
        let (service_name, service_version) = ("own_server".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        let supported_api_versions = vec!["v1".to_owned()];
        let version =
            VersionInfo { service_name, service_version, supported_api_versions, build: None, extensions: None };
        Ok(VersionOk::Ok(version).into())
    }

    async fn start_run(&self, _cx: &Caller, request: StartRunRequest) -> Result<Reply<StartRunOk>, Problem> {
        let mut runs = self.runs.lock().await;
        let id = request.body.run_id.unwrap_or_else(|| format!("own-{}", runs.len() + 1));
        if runs.contains_key(&id) {
            return Err(Problem::conflict(envelope("run_already_exists", format!("there is a run {id} already"))));
        }
        let (root_node_run_id, at) = (format!("{id}-root"), Some(now()));
        let (state, run_context) = (RunState::Succeeded, request.body.run_context);
        let run =
            Run { run_id: id, state, root_node_run_id, run_context, started_at: at, ended_at: at, extensions: None };
        runs.insert(run.run_id.clone(), run.clone());
        Ok(StartRunOk::Ok(run).into())
    }

    async fn get_run(&self, _cx: &Caller, request: GetRunRequest) -> Result<Reply<GetRunOk>, Problem> {
        Ok(GetRunOk::Ok(self.run(&request.run_id).await?).into())
    }

    async fn cancel_run(&self, _cx: &Caller, request: CancelRunRequest) -> Result<Reply<CancelRunOk>, Problem> {
        // A run that has ended does not change.
        Ok(CancelRunOk::Ok(self.run(&request.run_id).await?).into())
    }

    async fn stream_run_events(
        &self,
        _cx: &Caller,
        request: StreamRunEventsRequest,
    ) -> Result<Reply<StreamRunEventsOk>, Problem> {
        let run = self.run(&request.run_id).await?;
        let after = request.after_seq.or(request.last_event_id).unwrap_or(0).unsigned_abs();
        let events = [RunEventType::RunStarted, RunEventType::RunCompleted].into_iter().zip(1..);
        let lines = events.filter(move |(_, seq)| *seq > after).map(move |(type_, seq)| {
            let time = run.started_at.unwrap_or_default();
            let (run_id, node_run_id) = (run.run_id.clone(), None);
            let event = RunEvent { run_id, seq, time, type_, node_run_id, data: None, extensions: None };
            Ok((serde_json::to_string(&event)? + "\n").into())
        });
        Ok(StreamRunEventsOk::Ok(ByteStream::new(futures::stream::iter(lines))).into())
    }
}

fn envelope(code: &str, message: String) -> ErrorEnvelope {
    let code = code.to_owned();
    let error = Error { code, message, cause: None, details: None, extensions: None, retryable: None };
    ErrorEnvelope { error, extensions: None }
}

#[expect(clippy::disallowed_methods, reason = "an example has no clock that tests move")]
fn now() -> Timestamp {
    Timestamp::now()
}
