//! Handlers: parse the request, call `Runs`, build the answer.

use runyard_api::arp::run_coordinator::*;
use runyard_api::arp::schemas as arp;
use runyard_api::host::{Caller, Fault, Head, Operation, Reply};
use runyard_engine::Command;

use super::{API, Handlers, wire};
use crate::codes::Code;
use crate::dialects::arp::error::envelope;
use crate::dialects::arp::runs;
use crate::dialects::arp::stream::{self, Scope};
use crate::dialects::arp::{service, wire as arp_wire};
use crate::dialects::common::refusal::{Refusal, headers, of_api};
use crate::dialects::common::resume::Resume;
use crate::dialects::common::start::invalid_field;

impl RunCoordinator for Handlers {
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
        Ok(HealthOk::Ok(service::health(&self.runs).await).into())
    }

    async fn version(&self, _cx: &Caller, _request: VersionRequest) -> Result<Reply<VersionOk>, Refusal> {
        Ok(VersionOk::Ok(service::version("runyard-run-coordinator")).into())
    }

    async fn start_run(&self, cx: &Caller, request: StartRunRequest) -> Result<Reply<StartRunOk>, Refusal> {
        let key = request.idempotency_key.as_deref();
        let started = runs::start(&self.runs, cx, API, request.body, key).await?;
        Ok(started.reply(StartRunOk::Ok))
    }

    async fn get_run(&self, cx: &Caller, request: GetRunRequest) -> Result<Reply<GetRunOk>, Refusal> {
        let run = runs::get(&self.runs, cx, &request.run_id).await?;
        Ok(GetRunOk::Ok(run).into())
    }

    async fn cancel_run(&self, cx: &Caller, request: CancelRunRequest) -> Result<Reply<CancelRunOk>, Refusal> {
        let run = runs::cancel(&self.runs, cx, &request.run_id).await?;
        Ok(CancelRunOk::Ok(run).into())
    }

    async fn stream_run_events(
        &self,
        cx: &Caller,
        request: StreamRunEventsRequest,
    ) -> Result<Reply<StreamRunEventsOk>, Refusal> {
        let wanted = Resume::new(request.after_seq, request.last_event_id).wanted(request.follow);
        let events = runs::events(&self.runs, cx, &request.run_id, wanted).await?;
        Ok(StreamRunEventsOk::Ok(events).into())
    }

    async fn create_node_runs(
        &self,
        cx: &Caller,
        request: CreateNodeRunsRequest,
    ) -> Result<Reply<CreateNodeRunsOk>, Refusal> {
        let created = create_node_runs(self, cx, request.body).await?;
        Ok(CreateNodeRunsOk::Ok(created).into())
    }

    async fn get_node_run(&self, cx: &Caller, request: GetNodeRunRequest) -> Result<Reply<GetNodeRunOk>, Refusal> {
        let found = self.runs.get_node_run(&cx.tenant, &request.node_run_id).await;
        let (state, id) = found?;
        let node = arp_wire::node_run(&state, &state.nodes[&id]);
        Ok(GetNodeRunOk::Ok(node).into())
    }

    async fn stream_node_run_events(
        &self,
        cx: &Caller,
        request: StreamNodeRunEventsRequest,
    ) -> Result<Reply<StreamNodeRunEventsOk>, Refusal> {
        let wanted = Resume::new(request.after_seq, request.last_event_id).wanted(request.follow);
        let found = self.runs.get_node_run(&cx.tenant, &request.node_run_id).await;
        let (state, id) = found?;
        let events = stream::events(&self.runs, cx, state, Scope::NodeRun(id), wanted);
        Ok(StreamNodeRunEventsOk::Ok(events).into())
    }

    async fn report_node_run_evaluation(
        &self,
        cx: &Caller,
        request: ReportNodeRunEvaluationRequest,
    ) -> Result<Reply<ReportNodeRunEvaluationOk>, Refusal> {
        let evaluation = wire::evaluation(&request.body.evaluation_result);
        let recovery = request.body.recovery_action.as_ref().map(wire::recovery);
        let command = |node_run| Command::Evaluate { node_run, evaluation, recovery };
        submit(self, cx, &request.node_run_id, command).await?;
        Ok(ReportNodeRunEvaluationOk::NoContent.into())
    }

    async fn complete_node_run(
        &self,
        cx: &Caller,
        request: CompleteNodeRunRequest,
    ) -> Result<Reply<CompleteNodeRunOk>, Refusal> {
        let completion = wire::completion(request.body);
        let command = |node_run| Command::Complete { node_run, completion };
        submit(self, cx, &request.node_run_id, command).await?;
        Ok(CompleteNodeRunOk::NoContent.into())
    }
}

async fn create_node_runs(
    handlers: &Handlers,
    cx: &Caller,
    body: arp::NodeRunsCreateRequest,
) -> Result<arp::NodeRunsCreateResponse, Refusal> {
    let run = handlers.runs.get(&cx.tenant, &body.run_id).await?;
    let parent = parent(handlers, cx, &run, &body.parent_node_run_id).await?;
    let children = body.node_runs.iter().map(arp_wire::child).collect::<Result<_, _>>().map_err(invalid_field)?;
    let (state, ids) = handlers.runs.create_children(&cx.tenant, run.run, parent, children).await?;
    let node_runs =
        ids.iter().filter_map(|id| state.nodes.get(id)).map(|node| arp_wire::node_run(&state, node)).collect();
    Ok(arp::NodeRunsCreateResponse { node_runs, extensions: None })
}

/// The parent node run. The answer is 404 if it does not exist, and 409 if it belongs to another run.
async fn parent(
    handlers: &Handlers,
    cx: &Caller,
    run: &runyard_engine::State,
    text: &str,
) -> Result<runyard_engine::NodeRunId, Refusal> {
    if let Some(id) = arp_wire::node_run_id(text)
        && run.nodes.contains_key(&id)
    {
        return Ok(id);
    }
    let refusal = match handlers.runs.get_node_run(&cx.tenant, text).await {
        Ok(_) => Refusal::new(
            Code::ParentNodeRunMismatch,
            format!("node run `{text}` belongs to another run than `{}`", arp_wire::run_id(run)),
        ),
        Err(_) => Refusal::new(Code::ParentNodeRunNotFound, format!("node run `{text}` is not known here")),
    };
    Err(refusal.with("parent_node_run_id", text))
}

async fn submit(
    handlers: &Handlers,
    cx: &Caller,
    node_run_id: &str,
    command: impl FnOnce(runyard_engine::NodeRunId) -> Command,
) -> Result<(), Refusal> {
    let (state, node_run) = handlers.runs.get_node_run(&cx.tenant, node_run_id).await?;
    handlers.runs.submit(&cx.tenant, state.run, command(node_run)).await?;
    Ok(())
}
