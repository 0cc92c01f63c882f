//! Every error code: of answers ([`Code`], with its status), of a 401 or 403 ([`AccessReason`]), and of runs that failed
//! ([`FailureCode`], which the engine defines because it records them).
//!
//! Answers are made from it ([`Refusal`](crate::dialects::common::refusal::Refusal)), and the API reference and
//! `docs/reference/errors.md` show it. To add a code: a row here, and `x-runyard-codes` at the operations of the
//! documents that answer it. Codes that are only passed on, such as those of a remote coordinator, stay text.

use http::StatusCode;

pub use runyard_engine::record::failure_code::{FailureCode, REASONS};

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

macro_rules! codes {
    ($($name:ident = $status:ident $text:literal $scope:ident $when:literal,)*) => {
        /// The code of an answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $when] $name,)*
        }

        impl Code {
            /// Every one, in the order in which they are shown.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// As it is written. Two codes may be written alike, and have different statuses.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The status that it comes with.
            pub const fn status(self) -> StatusCode {
                match self { $(Code::$name => StatusCode::$status,)* }
            }

            /// Where it may be answered.
            pub const fn scope(self) -> Scope {
                match self { $(Code::$name => Scope::$scope,)* }
            }

            /// When it is answered; CommonMark.
            pub const fn when(self) -> &'static str {
                match self { $(Code::$name => $when,)* }
            }
        }
    };
}

codes! {
    InvalidRequest = BAD_REQUEST "invalid_request" Any
        "The request is not JSON, has no body, or does not fit the document: `details.errors` names place, field and reason.",
    ValueTooDeep = BAD_REQUEST "value_too_deep" Any
        "A value nests deeper than 64 levels (`limits.depth`).",
    ValidationTooExpensive = BAD_REQUEST "validation_too_expensive" Any
        "Reading or checking what was sent takes more steps or time than it may (`limits.schema_work`, `limits.compute_ms`).",
    UnknownNodeType = BAD_REQUEST "unknown_node_type" Listed
        "There is no such node type or version; `details.nearest`.",
    InvalidInputs = BAD_REQUEST "invalid_inputs" Listed
        "The inputs do not fit the node type's schema; `details.violations`.",
    InvalidPolicy = BAD_REQUEST "invalid_policy" Listed
        "A retry, a time limit or a failure policy that is not valid: `details.field`, and `details.key` of a child.",
    DecisionTokenInvalid = BAD_REQUEST "decision_token_invalid" Listed
        "This is no decision token of this server, or not for this caller.",
    UnknownDependency = BAD_REQUEST "unknown_dependency" Listed
        "A new node run depends on a key that none of its siblings has.",
    Unauthorized = UNAUTHORIZED "unauthorized" Any
        "No valid credential; `details.reason` says why, and so does `WWW-Authenticate` (RFC 6750).",
    Forbidden = FORBIDDEN "forbidden" Any
        "The credential is valid but not sufficient: `details.scope` is the missing scope.",
    ForeignOrigin = FORBIDDEN "foreign_origin" Any
        "A page of another origin (`Origin`, `Sec-Fetch-Site`) sent the request: `cors.origins` says which may.",
    DecisionLinkUsed = BAD_REQUEST "decision_token_used" Listed
        "The link is no longer valid: its approval request was decided, or its run ended.",
    PrefetchRefused = BAD_REQUEST "prefetch_refused" Listed
        "The link was prefetched by a browser, not followed; nothing was decided.",
    WorkflowNotFound = BAD_REQUEST "workflow_not_found" Listed
        "There is no such workflow, or it is another tenant's.",
    InvalidReleaseOrCustomNodes = BAD_REQUEST "invalid_release_or_custom_nodes" Listed
        "The graph of the run is not valid; the message says why, node by node.",
    NodesNotFound = BAD_REQUEST "nodes_not_found" Listed
        "The graph has no nodes.",
    RootNodeNotFound = BAD_REQUEST "root_node_not_found" Listed
        "The graph has no start node.",
    NothingDeployed = BAD_REQUEST "release_not_found" Listed
        "No release of the workflow has been deployed.",
    DraftReleaseNotFound = BAD_REQUEST "draft_release_not_found" Listed
        "The workflow has no draft.",
    DraftReleaseNodesAreInvalid = BAD_REQUEST "draft_release_nodes_are_invalid" Listed
        "The draft's graph is not valid; the message says why, node by node.",
    InvalidReleaseVersion = BAD_REQUEST "invalid_release_version" Listed
        "The version is not three numbers, or not above the one before.",
    ToolReleaseRequiresFormFields = BAD_REQUEST "tool_release_requires_form_fields" Listed
        "The draft does not say what the tool asks for.",
    TooManyRuns = BAD_REQUEST "too_many_runs" Listed
        "More than 10,000 runs would have to be looked at one by one.",
    InvalidDataKind = BAD_REQUEST "invalid_data_kind" Listed
        "Records of that kind need a data platform.",
    DataError = BAD_REQUEST "data_error" Listed
        "The records are not valid; the message says why, and so does `dataError` in the vendor's words.",
    BatchAlreadyFinished = BAD_REQUEST "batch_already_finished" Listed
        "The batch has ended.",
    MisdirectedHost = MISDIRECTED_REQUEST "misdirected_host" Outside
        "The API needs no credential and does not answer under this `Host`: `allowed_hosts`.",
    UnknownPath = NOT_FOUND "unknown_path" Outside
        "The document has no such path.",
    RunNotFound = NOT_FOUND "run_not_found" Listed
        "There is no such run, or the caller may not know of it.",
    NodeRunNotFound = NOT_FOUND "node_run_not_found" Listed
        "There is no such node run.",
    ParentNodeRunNotFound = NOT_FOUND "parent_node_run_not_found" Listed
        "There is no such node run to create children below.",
    ValueNotFound = NOT_FOUND "value_not_found" Listed
        "The run has no large value of this digest.",
    ApprovalNotFound = NOT_FOUND "approval_not_found" Listed
        "There is no such approval request.",
    ExecutionPlanNotFound = NOT_FOUND "execution_plan_not_found" Listed
        "There is no such plan, or the caller may not know of it.",
    KeyNotFound = NOT_FOUND "key_not_found" Listed
        "There is no such key, or it is another tenant's.",
    ServerNotFound = NOT_FOUND "server_not_found" Listed
        "There is no such server, or it is another tenant's.",
    BatchNotFound = NOT_FOUND "batch_not_found" Listed
        "There is no such batch, or it is another tenant's.",
    ToolNotFound = NOT_FOUND "tool_not_found" Listed
        "There is no such tool, or it is another tenant's.",
    IntegrationNotFound = NOT_FOUND "integration_not_found" Listed
        "There is no such integration in the configuration.",
    ConnectorNotFound = NOT_FOUND "connector_not_found" Listed
        "There is no such connector.",
    AgentNotFound = NOT_FOUND "agent_not_found" Listed
        "There is no such agent.",
    ReleaseNotFound = NOT_FOUND "release_not_found" Listed
        "There is no such release, or it is another tenant's.",
    EnvironmentNotFound = NOT_FOUND "environment_not_found" Listed
        "There is no such environment; `default` is the only one.",
    ThreadNotFound = NOT_FOUND "thread_not_found" Listed
        "There is no such thread, or it is another tenant's.",
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" Outside
        "The path has no such method; `Allow` lists its methods.",
    BodySlow = REQUEST_TIMEOUT "body_slow" Outside
        "The body was not sent within 30 s.",
    RunAlreadyExists = CONFLICT "run_already_exists" Listed
        "The id was used with another body. With the same body the first run is returned.",
    IdempotencyConflict = CONFLICT "idempotency_conflict" Listed
        "The key was used with another body. With the same body the first run is returned.",
    ApprovalDecided = CONFLICT "approval_decided" Listed
        "The approval request was decided the other way; `details.verdict`.",
    ApprovalLapsed = CONFLICT "approval_lapsed" Listed
        "The node run ended before the approval request was decided.",
    DecisionTokenUsed = CONFLICT "decision_token_used" Listed
        "The approval request of the token has been decided.",
    ConstraintViolation = CONFLICT "constraint_violation" Listed
        "`details` has constraint, limit and the value found.",
    RunFinished = CONFLICT "run_finished" Listed
        "The final state cannot change; `details.state`.",
    NodeRunFinished = CONFLICT "node_run_finished" Listed
        "The final state cannot change; `details.state`.",
    RunNotFinished = CONFLICT "run_not_finished" Listed
        "There is no result yet; `retryable`, and `details.state` says where the run stands.",
    NodeRunNotBegun = CONFLICT "node_run_not_begun" Listed
        "The node run to complete still waits for another node run.",
    ChildrenAlive = CONFLICT "children_alive" Listed
        "A composite cannot succeed before its children have ended.",
    NodeRunServerOwned = CONFLICT "node_run_server_owned" Listed
        "The server executes this node run itself; a client cannot complete or evaluate it.",
    ParentNodeRunInvalid = CONFLICT "parent_node_run_invalid" Listed
        "The parent is not a composite that takes children.",
    ParentNodeRunMismatch = CONFLICT "parent_node_run_mismatch" Listed
        "The parent belongs to another run.",
    NotAsking = CONFLICT "not_asking" Listed
        "The run or node run does not wait for input.",
    SeveralQuestions = CONFLICT "several_questions" Listed
        "The run has more than one open question: `details.node_run_ids`, of which `node_run_id` names one.",
    ThreadBusy = CONFLICT "thread_busy" Listed
        "The thread has a run that has not ended: `details.run_id`.",
    ServerFixed = CONFLICT "server_fixed" Listed
        "The server `default` is always there.",
    ChangedMeanwhile = CONFLICT "changed_meanwhile" Listed
        "Another request changed it at the same time; `retryable`.",
    RunTooLarge = CONFLICT "run_too_large" Any
        "The run would write or hold more than a run may (`limits.run_bytes`, `limits.run_held_bytes`); `details` has both numbers.",
    ValuesTooLarge = CONFLICT "values_too_large" Any
        "More of the run's large values would have to be read at once than may be (`limits.value_read_bytes`).",
    BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large" Any
        "More than 1 MiB (`body_bytes_max`).",
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" Any
        "The body is not `application/json`.",
    TooManyRequests = TOO_MANY_REQUESTS "too_many_requests" Listed
        "A tenant has as many starts and event streams open as it may (`toolregistry.open_max`); `Retry-After`.",
    TooManyLiveRuns = TOO_MANY_REQUESTS "too_many_live_runs" Outside
        "A tenant has as many live runs as it may (`limits.live_runs`).",
    TooManyDescendants = TOO_MANY_REQUESTS "too_many_descendants" Outside
        "A run has as many below it as it may (`limits.run_descendants`).",
    TooManyStarts = TOO_MANY_REQUESTS "too_many_starts" Outside
        "So many starts of a tenant are being answered (`limits.starts_in_flight`); `Retry-After`.",
    InternalError = INTERNAL_SERVER_ERROR "internal_error" Any
        "A fault of the server; the log has it under the request id.",
    NotServed = NOT_IMPLEMENTED "not_served" Listed
        "The document has the operation, and this server does not serve it.",
    RunCoordinatorUnavailable = BAD_GATEWAY "run_coordinator_unavailable" Listed
        "The gateway forwards, and its coordinator does not answer.",
    RunCoordinatorRefused = BAD_GATEWAY "run_coordinator_refused" Listed
        "The gateway forwards, and its coordinator refuses the gateway's credential (`coordinator.credentials`).",
    RunCoordinatorMissing = SERVICE_UNAVAILABLE "run_coordinator_missing" Listed
        "The gateway forwards, and no address is set; the message names the setting.",
    TokenRefused = SERVICE_UNAVAILABLE "token_refused" Listed
        "The gateway forwards, and the identity provider refuses its client; `details.error` is the provider's error.",
    StoreBusy = SERVICE_UNAVAILABLE "store_busy" Any
        "Nothing was recorded; `Retry-After`.",
    StoreUnavailable = SERVICE_UNAVAILABLE "store_unavailable" Any
        "Nothing was recorded; `Retry-After`.",
    Stopping = SERVICE_UNAVAILABLE "stopping" Any
        "The server is stopping; nothing was recorded.",
    Unavailable = SERVICE_UNAVAILABLE "unavailable" Any
        "The identity provider, or the store of keys, does not answer; `Retry-After`.",
}

impl Code {
    /// The code that is written like this.
    pub fn parse(text: &str) -> Option<Self> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

macro_rules! access_reasons {
    ($($name:ident = $text:literal,)*) => {
        /// Why a credential is not accepted or not sufficient: `details.reason` of a 401 or 403.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "docs/operate/authentication.md has a row for each, which a test compares")]
        pub enum AccessReason {
            $($name,)*
        }

        impl AccessReason {
            /// Every reason.
            pub const ALL: &'static [AccessReason] = &[$(AccessReason::$name,)*];

            /// The reason as text.
            pub const fn as_str(self) -> &'static str {
                match self { $(AccessReason::$name => $text,)* }
            }
        }
    };
}

access_reasons! {
    CredentialMissing = "credential_missing",
    SchemeUnsupported = "scheme_unsupported",
    HeaderMalformed = "header_malformed",
    CredentialAmbiguous = "credential_ambiguous",
    CredentialUnknown = "credential_unknown",
    KeyUnknown = "key_unknown",
    KeyRevoked = "key_revoked",
    KeyExpired = "key_expired",
    NotLocal = "not_local",
    ProviderMissing = "provider_missing",
    TokenTooLarge = "token_too_large",
    TokenMalformed = "token_malformed",
    TokenKind = "token_kind",
    AlgorithmRefused = "algorithm_refused",
    AlgorithmMismatch = "algorithm_mismatch",
    SigningKeyUnknown = "signing_key_unknown",
    SignatureInvalid = "signature_invalid",
    TokenExpired = "token_expired",
    TokenWithoutExpiry = "token_without_expiry",
    TokenNotYetValid = "token_not_yet_valid",
    TokenFromTheFuture = "token_from_the_future",
    IssuerWrong = "issuer_wrong",
    AudienceWrong = "audience_wrong",
    TenantMissing = "tenant_missing",
    ExchangeRefused = "exchange_refused",
    ScopeMissing = "scope_missing",
    TenantForeign = "tenant_foreign",
}

#[cfg(test)]
mod tests;
