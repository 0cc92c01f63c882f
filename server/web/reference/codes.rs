//! What every error code means: of answers, and of runs that failed. Which operation answers which stands in the documents (`x-runyard-codes`); a test holds both to the code.

use super::view::{Answer, Reference};

/// A code on a document's page.
pub(super) struct Row {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) when: &'static str,
    /// The operations that may answer it; none where every request may be answered so.
    pub(super) operations: Vec<String>,
}

/// Where a code may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// By operations whose document lists it (`x-runyard-codes`).
    Listed,
    /// By every operation that documents its status.
    Any,
    /// Beside all operations: a document has it under `default`.
    Outside,
}

/// What a code means.
#[derive(Debug)]
pub struct Code {
    /// The status that it comes with.
    pub status: u16,
    /// The code.
    pub code: &'static str,
    /// Where it may be answered.
    pub scope: Scope,
    /// When it is answered; CommonMark.
    pub when: &'static str,
}

/// Every code, by status.
pub const CODES: &[Code] = &[
    code(
        400,
        "invalid_request",
        Scope::Any,
        "The request is not JSON, has no body, or does not fit the document: `details.errors` names place, field and reason.",
    ),
    code(400, "value_too_deep", Scope::Any, "A value nests deeper than 64 levels (`limits.depth`)."),
    code(
        400,
        "validation_too_expensive",
        Scope::Any,
        "Reading or checking what was sent takes more steps or time than it may (`limits.schema_work`, `limits.compute_ms`).",
    ),
    code(400, "unknown_node_type", Scope::Listed, "There is no such node type or version; `details.nearest`."),
    code(400, "invalid_inputs", Scope::Listed, "The inputs do not fit the node type's schema; `details.violations`."),
    code(
        400,
        "invalid_policy",
        Scope::Listed,
        "A retry, a time limit or a failure policy that is not valid: `details.field`, and `details.key` of a child.",
    ),
    code(
        400,
        "decision_token_invalid",
        Scope::Listed,
        "This is no decision token of this server, or not for this caller.",
    ),
    code(400, "unknown_dependency", Scope::Listed, "A new node run depends on a key that none of its siblings has."),
    code(
        401,
        "unauthorized",
        Scope::Any,
        "No valid credential; `details.reason` says why, and so does `WWW-Authenticate` (RFC 6750).",
    ),
    code(403, "forbidden", Scope::Any, "The credential is valid but not sufficient: `details.scope` is the missing scope."),
    code(
        403,
        "foreign_origin",
        Scope::Any,
        "A page of another origin (`Origin`, `Sec-Fetch-Site`) sent the request: `cors.origins` says which may.",
    ),
    code(
        400,
        "decision_token_used",
        Scope::Listed,
        "The link is no longer valid: its approval request was decided, or its run ended.",
    ),
    code(400, "prefetch_refused", Scope::Listed, "The link was prefetched by a browser, not followed; nothing was decided."),
    code(400, "workflow_not_found", Scope::Listed, "There is no such workflow, or it is another tenant's."),
    code(
        400,
        "invalid_release_or_custom_nodes",
        Scope::Listed,
        "The graph of the run is not valid; the message says why, node by node.",
    ),
    code(400, "nodes_not_found", Scope::Listed, "The graph has no nodes."),
    code(400, "root_node_not_found", Scope::Listed, "The graph has no start node."),
    code(400, "release_not_found", Scope::Listed, "No release of the workflow has been deployed."),
    code(400, "draft_release_not_found", Scope::Listed, "The workflow has no draft."),
    code(
        400,
        "draft_release_nodes_are_invalid",
        Scope::Listed,
        "The draft's graph is not valid; the message says why, node by node.",
    ),
    code(
        400,
        "invalid_release_version",
        Scope::Listed,
        "The version is not three numbers, or not above the one before.",
    ),
    code(400, "tool_release_requires_form_fields", Scope::Listed, "The draft does not say what the tool asks for."),
    code(400, "too_many_runs", Scope::Listed, "More than 10,000 runs would have to be looked at one by one."),
    code(400, "invalid_data_kind", Scope::Listed, "Records of that kind need a data platform."),
    code(
        400,
        "data_error",
        Scope::Listed,
        "The records are not valid; the message says why, and so does `dataError` in the vendor's words.",
    ),
    code(400, "batch_already_finished", Scope::Listed, "The batch has ended."),
    code(
        421,
        "misdirected_host",
        Scope::Outside,
        "The API needs no credential and does not answer under this `Host`: `allowed_hosts`.",
    ),
    code(404, "unknown_path", Scope::Outside, "The document has no such path."),
    code(404, "run_not_found", Scope::Listed, "There is no such run, or the caller may not know of it."),
    code(404, "node_run_not_found", Scope::Listed, "There is no such node run."),
    code(404, "parent_node_run_not_found", Scope::Listed, "There is no such node run to create children below."),
    code(404, "value_not_found", Scope::Listed, "The run has no large value of this digest."),
    code(404, "approval_not_found", Scope::Listed, "There is no such approval request."),
    code(404, "execution_plan_not_found", Scope::Listed, "There is no such plan, or the caller may not know of it."),
    code(404, "key_not_found", Scope::Listed, "There is no such key, or it is another tenant's."),
    code(404, "server_not_found", Scope::Listed, "There is no such server, or it is another tenant's."),
    code(404, "batch_not_found", Scope::Listed, "There is no such batch, or it is another tenant's."),
    code(404, "tool_not_found", Scope::Listed, "There is no such tool, or it is another tenant's."),
    code(404, "integration_not_found", Scope::Listed, "There is no such integration in the configuration."),
    code(404, "connector_not_found", Scope::Listed, "There is no such connector."),
    code(404, "agent_not_found", Scope::Listed, "There is no such agent."),
    code(404, "release_not_found", Scope::Listed, "There is no such release, or it is another tenant's."),
    code(404, "environment_not_found", Scope::Listed, "There is no such environment; `default` is the only one."),
    code(404, "thread_not_found", Scope::Listed, "There is no such thread, or it is another tenant's."),
    code(405, "method_not_allowed", Scope::Outside, "The path has no such method; `Allow` lists its methods."),
    code(408, "body_slow", Scope::Outside, "The body was not sent within 30 s."),
    code(
        409,
        "run_already_exists",
        Scope::Listed,
        "The id was used with another body. With the same body the first run is returned.",
    ),
    code(
        409,
        "idempotency_conflict",
        Scope::Listed,
        "The key was used with another body. With the same body the first run is returned.",
    ),
    code(409, "approval_decided", Scope::Listed, "The approval request was decided the other way; `details.verdict`."),
    code(409, "approval_lapsed", Scope::Listed, "The node run ended before the approval request was decided."),
    code(409, "decision_token_used", Scope::Listed, "The approval request of the token has been decided."),
    code(409, "constraint_violation", Scope::Listed, "`details` has constraint, limit and the value found."),
    code(409, "run_finished", Scope::Listed, "The final state cannot change; `details.state`."),
    code(409, "node_run_finished", Scope::Listed, "The final state cannot change; `details.state`."),
    code(
        409,
        "run_not_finished",
        Scope::Listed,
        "There is no result yet; `retryable`, and `details.state` says where the run stands.",
    ),
    code(409, "node_run_not_begun", Scope::Listed, "The node run to complete still waits for another node run."),
    code(409, "children_alive", Scope::Listed, "A composite cannot succeed before its children have ended."),
    code(
        409,
        "node_run_server_owned",
        Scope::Listed,
        "The server executes this node run itself; a client cannot complete or evaluate it.",
    ),
    code(409, "parent_node_run_invalid", Scope::Listed, "The parent is not a composite that takes children."),
    code(409, "parent_node_run_mismatch", Scope::Listed, "The parent belongs to another run."),
    code(409, "not_asking", Scope::Listed, "The run or node run does not wait for input."),
    code(
        409,
        "several_questions",
        Scope::Listed,
        "The run has more than one open question: `details.node_run_ids`, of which `node_run_id` names one.",
    ),
    code(409, "thread_busy", Scope::Listed, "The thread has a run that has not ended: `details.run_id`."),
    code(409, "server_fixed", Scope::Listed, "The server `default` is always there."),
    code(409, "changed_meanwhile", Scope::Listed, "Another request changed it at the same time; `retryable`."),
    code(
        409,
        "run_too_large",
        Scope::Any,
        "The run would write or hold more than a run may (`limits.run_bytes`, `limits.run_held_bytes`); `details` has both numbers.",
    ),
    code(
        409,
        "values_too_large",
        Scope::Any,
        "More of the run's large values would have to be read at once than may be (`limits.value_read_bytes`).",
    ),
    code(413, "body_too_large", Scope::Any, "More than 1 MiB (`body_bytes_max`)."),
    code(415, "unsupported_media_type", Scope::Any, "The body is not `application/json`."),
    code(
        429,
        "too_many_requests",
        Scope::Listed,
        "A tenant has as many starts and event streams open as it may (`toolregistry.open_max`); `Retry-After`.",
    ),
    code(429, "too_many_live_runs", Scope::Outside, "A tenant has as many live runs as it may (`limits.live_runs`)."),
    code(
        429,
        "too_many_descendants",
        Scope::Outside,
        "A run has as many below it as it may (`limits.run_descendants`).",
    ),
    code(
        429,
        "too_many_starts",
        Scope::Outside,
        "So many starts of a tenant are being answered (`limits.starts_in_flight`); `Retry-After`.",
    ),
    code(500, "internal_error", Scope::Any, "A fault of the server; the log has it under the request id."),
    code(501, "not_served", Scope::Listed, "The document has the operation, and this server does not serve it."),
    code(502, "run_coordinator_unavailable", Scope::Listed, "The gateway forwards, and its coordinator does not answer."),
    code(
        502,
        "run_coordinator_refused",
        Scope::Listed,
        "The gateway forwards, and its coordinator refuses the gateway's credential (`coordinator.credentials`).",
    ),
    code(
        503,
        "run_coordinator_missing",
        Scope::Listed,
        "The gateway forwards, and no address is set; the message names the setting.",
    ),
    code(
        503,
        "token_refused",
        Scope::Listed,
        "The gateway forwards, and the identity provider refuses its client; `details.error` is the provider's error.",
    ),
    code(503, "store_busy", Scope::Any, "Nothing was recorded; `Retry-After`."),
    code(503, "store_unavailable", Scope::Any, "Nothing was recorded; `Retry-After`."),
    code(503, "stopping", Scope::Any, "The server is stopping; nothing was recorded."),
    code(
        503,
        "unavailable",
        Scope::Any,
        "The identity provider, or the store of keys, does not answer; `Retry-After`.",
    ),
];

const fn code(status: u16, code: &'static str, scope: Scope, when: &'static str) -> Code {
    Code { status, code, scope, when }
}

/// Why a run or a node run failed, by the code of its error; CommonMark. Codes with one meaning stand together.
pub const REASONS: [(&[&str], &str); 31] = [
    (&["goal_missing", "goal_too_long"], "The goal is missing, or too long to plan."),
    (&["clause_unmapped"], "No node type fits a clause of the goal; `details.nearest`."),
    (
        &["arguments_missing", "arguments_invalid"],
        "A clause lacks a value that its node type needs, or has one that does not fit.",
    ),
    (&["plan_invalid"], "The planner's plan is not valid."),
    (&["binding_failed"], "An input that comes from another step is missing."),
    (&["output_schema_mismatch"], "The result cannot be made to fit the output schema; `details.violations`."),
    (
        &["validation_too_expensive", "expansion_too_large"],
        "Checking a value, reading a graph or planning takes more steps, bytes or time than it may; the message names the limit.",
    ),
    (&["run_too_large"], "The run would write or hold more bytes than a run may; the message names the limit."),
    (
        &["values_too_large"],
        "A step, or what follows from it, would have to read more of the run's large values at once than it may.",
    ),
    (
        &["server_busy"],
        "Too much work of the same tenant was queued; the step is retried if it has a retry policy.",
    ),
    (&["invalid_inputs", "invalid_outputs"], "Inputs or outputs do not fit the node type's schema."),
    (
        &["constraint_violation", "budget_exceeded", "timed_out"],
        "A limit was reached; `details` has constraint, limit and the value found.",
    ),
    (&["child_failed", "dependency_failed"], "A step failed, or one that it depends on."),
    (&["item_failed"], "An item of a list failed; `details` has its index and its error."),
    (
        &["partial", "nothing_achieved"],
        "Steps, nodes of a graph or items of a list failed and their failures were accepted; `details` and outputs name them.",
    ),
    (
        &["graph_invalid", "items_invalid", "load_failed", "expression_invalid"],
        "A graph or a list of items is not valid; the message says where.",
    ),
    (
        &["sub_run_failed", "sub_run_refused", "sub_runs_too_deep"],
        "A run that a step starts ended without a reason, cannot be started, or would lie too deep.",
    ),
    (&["value_too_deep"], "A computed value nests deeper than 64 levels (`limits.depth`)."),
    (
        &["too_many_live_runs", "too_many_descendants"],
        "A run that a step starts would be one too many: of its tenant, or below the run at the top (`limits.*`).",
    ),
    (&["not_needed"], "A fallback was skipped, because the node that it replaces did not fail."),
    (&["egress_denied"], "This server may not call there; the message says which rule."),
    (&["dns_failed", "connect_failed", "tls_failed"], "The call could not connect."),
    (&["response_too_large", "response_invalid"], "The service's answer is too long, incomplete or not HTTP."),
    (
        &["http_status"],
        "The service answered with an error status; `details.status`, a part of its `body`, and `retry_after_ms`.",
    ),
    (&["credential_unusable"], "The credential that a run passes through to an integration cannot be sent."),
    (
        &["expression_failed", "expression_timed_out", "expression_out_of_memory", "expression_too_deep"],
        "An expression of a configuration has no value; `details.path` is its place.",
    ),
    (&["failed_on_purpose"], "`runyard.core.fail` failed, as its inputs say."),
    (&["canceled"], "A caller canceled it, or the failure of another step did."),
    (&["denied"], "An approval request was denied; `details.approval_id`."),
    (
        &["node_type_unavailable", "clock_out_of_range", "store_unavailable"],
        "This server cannot perform what was recorded; the message says why.",
    ),
    (&["internal_error"], "A fault of the server; the message has what is known."),
];

/// The codes that an answer of this status may have: those that its operation lists, and those of any request.
pub(super) fn of_answer(status: &str, listed: impl Iterator<Item = String>) -> Vec<String> {
    let any = CODES.iter().filter(|one| one.scope == Scope::Any && one.status.to_string() == status);
    listed.chain(any.map(|one| one.code.to_owned())).collect()
}

/// The codes of a document, by status.
pub(super) fn of(reference: &Reference) -> Vec<Row> {
    let row = |one: &Code| {
        // One word may come with several statuses: each document has it with its own.
        let status = one.status.to_string();
        let answers = |answer: &Answer| {
            (answer.status == status || answer.status == "default") && answer.codes.iter().any(|code| code == one.code)
        };
        let answering = reference
            .operations()
            .filter(|operation| operation.answers.iter().any(answers))
            .map(|operation| operation.id.clone());
        let operations: Vec<String> = if one.scope == Scope::Listed { answering.collect() } else { Vec::new() };
        let here = one.scope != Scope::Listed || !operations.is_empty();
        here.then_some(Row { status: one.status, code: one.code, when: one.when, operations })
    };
    CODES.iter().filter_map(row).collect()
}
