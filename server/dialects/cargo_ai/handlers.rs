//! Handlers: parse the request, call the engine or the store, build the answer.

use http::HeaderValue;
use runyard_api::cargo::*;
use runyard_api::host::{Caller, Fault, Head, Operation, Reply};

use super::error::{not_served, problem};
use super::runs::{limit, offset};
use super::{Handlers, batches, discovery, error, metrics, releases, runs, start, tools};
use crate::dialects::common::refusal::{Refusal, of_api};
use crate::dialects::common::start::REPLAYED;
use crate::runs::StartedRun;

/// Operations of the document that are not supported. Their callers get a 501.
macro_rules! not_served {
    ($($operation:ident: $request:ident => $ok:ident,)*) => {$(
        async fn $operation(&self, _cx: &Caller, _: $request) -> Result<Reply<$ok>, Refusal> {
            Err(not_served(stringify!($operation)))
        }
    )*};
}

impl Cargo for Handlers {
    type Refusal = Refusal;

    async fn admit(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Fault> {
        self.gate.admit(head, operation).await
    }

    fn refusal(&self, fault: Fault) -> Refusal {
        // The vendor has a separate reason for form fields that are null.
        if let Fault::Invalid { violations, .. } = &fault
            && violations.iter().any(|one| one.field == "/formFields" && one.reason.ends_with("not null"))
        {
            return error::no_form();
        }
        of_api(&fault)
    }

    fn problem(&self, cx: &Caller, refusal: Refusal) -> Problem {
        problem(cx, &refusal)
    }

    async fn create_run(&self, cx: &Caller, request: CreateRunRequest) -> Result<Reply<CreateRunOk>, Refusal> {
        let started = start::create(self, cx, request.body, request.idempotency_key.as_deref()).await;
        self.begun(cx, started, CreateRunOk::Ok).await
    }

    async fn get_run(&self, cx: &Caller, request: GetRunRequest) -> Result<Reply<GetRunOk>, Refusal> {
        let found = runs::get(self, cx, &request.uuid).await?;
        Ok(GetRunOk::Ok(found).into())
    }

    async fn list_runs(&self, cx: &Caller, request: ListRunsRequest) -> Result<Reply<ListRunsOk>, Refusal> {
        let listed = runs::list(self, cx, request.body).await?;
        Ok(ListRunsOk::Ok(listed).into())
    }

    async fn count_runs(&self, cx: &Caller, request: CountRunsRequest) -> Result<Reply<CountRunsOk>, Refusal> {
        let counted = runs::count(self, cx, request.body).await?;
        Ok(CountRunsOk::Ok(counted).into())
    }

    async fn cancel_runs(&self, cx: &Caller, request: CancelRunsRequest) -> Result<Reply<CancelRunsOk>, Refusal> {
        runs::cancel(self, cx, request.body).await?;
        Ok(CancelRunsOk::NoContent.into())
    }

    async fn get_run_metrics(
        &self,
        cx: &Caller,
        request: GetRunMetricsRequest,
    ) -> Result<Reply<GetRunMetricsOk>, Refusal> {
        let counted = metrics::of(self, cx, request.body).await?;
        Ok(GetRunMetricsOk::Ok(counted).into())
    }

    async fn execute_action(
        &self,
        cx: &Caller,
        request: ExecuteActionRequest,
    ) -> Result<Reply<ExecuteActionOk>, Refusal> {
        let started = start::execute(self, cx, request.body, request.idempotency_key.as_deref()).await;
        self.begun(cx, started, ExecuteActionOk::Ok).await
    }

    async fn list_workflows(
        &self,
        cx: &Caller,
        request: ListWorkflowsRequest,
    ) -> Result<Reply<ListWorkflowsOk>, Refusal> {
        let page = (limit(request.limit), offset(request.offset));
        let listed = tools::workflows(self, cx, &request.workflow_uuids, page).await?;
        Ok(ListWorkflowsOk::Ok(listed).into())
    }

    async fn create_tool(&self, cx: &Caller, request: CreateToolRequest) -> Result<Reply<CreateToolOk>, Refusal> {
        let made = tools::create(self, cx, request.body).await?;
        Ok(CreateToolOk::Ok(made).into())
    }

    async fn list_tools(&self, cx: &Caller, request: ListToolsRequest) -> Result<Reply<ListToolsOk>, Refusal> {
        let listed = tools::list(self, cx, (limit(request.limit), offset(request.offset))).await?;
        Ok(ListToolsOk::Ok(listed).into())
    }

    async fn get_tool(&self, cx: &Caller, request: GetToolRequest) -> Result<Reply<GetToolOk>, Refusal> {
        let found = tools::get(self, cx, &request.uuid).await?;
        Ok(GetToolOk::Ok(found).into())
    }

    async fn update_tool(&self, cx: &Caller, request: UpdateToolRequest) -> Result<Reply<UpdateToolOk>, Refusal> {
        let changed = tools::update(self, cx, &request.uuid, request.body).await?;
        Ok(UpdateToolOk::Ok(changed).into())
    }

    async fn delete_tool(&self, cx: &Caller, request: DeleteToolRequest) -> Result<Reply<DeleteToolOk>, Refusal> {
        tools::delete(self, cx, &request.uuid).await?;
        Ok(DeleteToolOk::NoContent.into())
    }

    async fn list_releases(&self, cx: &Caller, request: ListReleasesRequest) -> Result<Reply<ListReleasesOk>, Refusal> {
        let page = (limit(request.limit), offset(request.offset));
        let listed = releases::list(self, cx, &request.workflow_uuid, &request.statuses, page).await?;
        Ok(ListReleasesOk::Ok(listed).into())
    }

    async fn get_deployed_release(
        &self,
        cx: &Caller,
        request: GetDeployedReleaseRequest,
    ) -> Result<Reply<GetDeployedReleaseOk>, Refusal> {
        let found = releases::deployed(self, cx, &request.workflow_uuid).await?;
        Ok(GetDeployedReleaseOk::Ok(found).into())
    }

    async fn get_draft_release(
        &self,
        cx: &Caller,
        request: GetDraftReleaseRequest,
    ) -> Result<Reply<GetDraftReleaseOk>, Refusal> {
        let found = releases::draft(self, cx, &request.workflow_uuid).await?;
        Ok(GetDraftReleaseOk::Ok(found).into())
    }

    async fn update_draft_release(
        &self,
        cx: &Caller,
        request: UpdateDraftReleaseRequest,
    ) -> Result<Reply<UpdateDraftReleaseOk>, Refusal> {
        let changed = releases::update(self, cx, request.body).await?;
        Ok(UpdateDraftReleaseOk::Ok(changed).into())
    }

    async fn deploy_draft_release(
        &self,
        cx: &Caller,
        request: DeployDraftReleaseRequest,
    ) -> Result<Reply<DeployDraftReleaseOk>, Refusal> {
        let deployed = releases::deploy(self, cx, request.body).await?;
        Ok(DeployDraftReleaseOk::Ok(deployed).into())
    }

    async fn get_release(&self, cx: &Caller, request: GetReleaseRequest) -> Result<Reply<GetReleaseOk>, Refusal> {
        let found = releases::get(self, cx, &request.uuid).await?;
        Ok(GetReleaseOk::Ok(found).into())
    }

    async fn validate_nodes(
        &self,
        cx: &Caller,
        request: ValidateNodesRequest,
    ) -> Result<Reply<ValidateNodesOk>, Refusal> {
        let validation = releases::validate(self, cx, &request.body.nodes).await?;
        Ok(ValidateNodesOk::Ok(validation).into())
    }

    async fn create_batch(&self, cx: &Caller, request: CreateBatchRequest) -> Result<Reply<CreateBatchOk>, Refusal> {
        let started = batches::create(self, cx, request.body, request.idempotency_key.as_deref()).await?;
        let batch = batches::shown(&started.state, &cx.tenant);
        let reply = Reply::from(CreateBatchOk::Ok(types::BatchEnvelope { batch }));
        Ok(if started.replayed { reply.with_header(REPLAYED, HeaderValue::from_static("true")) } else { reply })
    }

    async fn list_batches(&self, cx: &Caller, request: ListBatchesRequest) -> Result<Reply<ListBatchesOk>, Refusal> {
        let page = (limit(request.limit), offset(request.offset));
        let workflows = request.workflow_uuids.into_iter().chain(request.workflow_uuid).collect();
        let listed = batches::list(self, cx, workflows, &request.statuses, page).await?;
        Ok(ListBatchesOk::Ok(listed).into())
    }

    async fn get_batch(&self, cx: &Caller, request: GetBatchRequest) -> Result<Reply<GetBatchOk>, Refusal> {
        let found = batches::get(self, cx, &request.uuid).await?;
        Ok(GetBatchOk::Ok(found).into())
    }

    async fn cancel_batch(&self, cx: &Caller, request: CancelBatchRequest) -> Result<Reply<CancelBatchOk>, Refusal> {
        batches::cancel(self, cx, &request.uuid).await?;
        Ok(CancelBatchOk::NoContent.into())
    }

    async fn list_integrations(
        &self,
        cx: &Caller,
        request: ListIntegrationsRequest,
    ) -> Result<Reply<ListIntegrationsOk>, Refusal> {
        Ok(ListIntegrationsOk::Ok(discovery::integrations(self, cx, &request)).into())
    }

    async fn get_integration(
        &self,
        cx: &Caller,
        request: GetIntegrationRequest,
    ) -> Result<Reply<GetIntegrationOk>, Refusal> {
        let found = discovery::get_integration(self, cx, &request.slug);
        Ok(GetIntegrationOk::Ok(found?).into())
    }

    async fn list_connectors(
        &self,
        cx: &Caller,
        request: ListConnectorsRequest,
    ) -> Result<Reply<ListConnectorsOk>, Refusal> {
        Ok(ListConnectorsOk::Ok(discovery::connectors(self, cx, &request)).into())
    }

    async fn get_connector(&self, cx: &Caller, request: GetConnectorRequest) -> Result<Reply<GetConnectorOk>, Refusal> {
        let found = discovery::get_connector(self, cx, &request.uuid);
        Ok(GetConnectorOk::Ok(found?).into())
    }

    async fn list_agents(&self, cx: &Caller, _: ListAgentsRequest) -> Result<Reply<ListAgentsOk>, Refusal> {
        Ok(ListAgentsOk::Ok(discovery::agents(self, cx)).into())
    }

    async fn get_agent(&self, cx: &Caller, request: GetAgentRequest) -> Result<Reply<GetAgentOk>, Refusal> {
        let found = discovery::get_agent(self, cx, &request.uuid);
        Ok(GetAgentOk::Ok(found?).into())
    }

    async fn get_current_user(
        &self,
        cx: &Caller,
        _: GetCurrentUserRequest,
    ) -> Result<Reply<GetCurrentUserOk>, Refusal> {
        Ok(GetCurrentUserOk::Ok(discovery::user(cx)).into())
    }

    async fn get_current_account(
        &self,
        cx: &Caller,
        _: GetCurrentAccountRequest,
    ) -> Result<Reply<GetCurrentAccountOk>, Refusal> {
        Ok(GetCurrentAccountOk::Ok(discovery::user(cx)).into())
    }

    async fn get_current_workspace(
        &self,
        cx: &Caller,
        _: GetCurrentWorkspaceRequest,
    ) -> Result<Reply<GetCurrentWorkspaceOk>, Refusal> {
        Ok(GetCurrentWorkspaceOk::Ok(discovery::workspace(cx)).into())
    }

    not_served! {
        download_runs: DownloadRunsRequest => DownloadRunsOk,
        download_run_outputs: DownloadRunOutputsRequest => DownloadRunOutputsOk,
        preview_batch: PreviewBatchRequest => PreviewBatchOk,
        download_batch: DownloadBatchRequest => DownloadBatchOk,
        execute_action_batch: ExecuteActionBatchRequest => ExecuteActionBatchOk,
        get_action_output_schema: GetActionOutputSchemaRequest => GetActionOutputSchemaOk,
        create_play: CreatePlayRequest => CreatePlayOk,
        list_plays: ListPlaysRequest => ListPlaysOk,
        get_play: GetPlayRequest => GetPlayOk,
        update_play: UpdatePlayRequest => UpdatePlayOk,
        delete_play: DeletePlayRequest => DeletePlayOk,
        compute_node: ComputeNodeRequest => ComputeNodeOk,
        execute_node: ExecuteNodeRequest => ExecuteNodeOk,
        list_records: ListRecordsRequest => ListRecordsOk,
        count_records: CountRecordsRequest => CountRecordsOk,
        download_records: DownloadRecordsRequest => DownloadRecordsOk,
        download_record_outputs: DownloadRecordOutputsRequest => DownloadRecordOutputsOk,
        get_record_metrics: GetRecordMetricsRequest => GetRecordMetricsOk,
        cancel_records: CancelRecordsRequest => CancelRecordsOk,
        list_spans: ListSpansRequest => ListSpansOk,
        count_spans: CountSpansRequest => CountSpansOk,
        list_traces: ListTracesRequest => ListTracesOk,
        count_traces: CountTracesRequest => CountTracesOk,
        get_trace: GetTraceRequest => GetTraceOk,
        query: QueryRequest => QueryOk,
        list_templates: ListTemplatesRequest => ListTemplatesOk,
        get_template: GetTemplateRequest => GetTemplateOk,
        evaluate_expression: EvaluateExpressionRequest => EvaluateExpressionOk,
    }
}

impl Handlers {
    /// A run that was started now, or earlier by the same request, with the document's success status.
    async fn begun<T>(
        &self,
        cx: &Caller,
        started: Result<StartedRun, Refusal>,
        ok: fn(types::RunEnvelope) -> T,
    ) -> Result<Reply<T>, Refusal> {
        let started = started?;
        let run = runs::shown(self, cx, &started.state).await?;
        let reply = Reply::from(ok(types::RunEnvelope { run }));
        Ok(if started.replayed { reply.with_header(REPLAYED, HeaderValue::from_static("true")) } else { reply })
    }
}
