//! Every error code, in one place: of answers ([`Code`], with its status), and of runs that failed ([`FailureCode`]).
//!
//! Answers are made from it ([`Refusal`](crate::dialects::common::refusal::Refusal)), and the API reference and `docs/reference/errors.md` show
//! it. To add a code: a row here, and `x-runyard-codes` at the operations of the documents that answer it. Codes that are only passed on, such
//! as those of a coordinator elsewhere, stay text.

use http::StatusCode;

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
        "Not JSON, no body, or not what the document says: `details.errors` names place, field and reason.",
    ValueTooDeep = BAD_REQUEST "value_too_deep" Any
        "A value nests deeper than 64 levels (`limits.depth`).",
    ValidationTooExpensive = BAD_REQUEST "validation_too_expensive" Any
        "Reading or checking what was sent takes more steps or time than it may (`limits.schema_work`, `limits.compute_ms`).",
    UnknownNodeType = BAD_REQUEST "unknown_node_type" Listed
        "There is no such node type or version; `details.nearest`.",
    InvalidInputs = BAD_REQUEST "invalid_inputs" Listed
        "The inputs do not fit the node type's schema; `details.violations`.",
    InvalidPolicy = BAD_REQUEST "invalid_policy" Listed
        "A retry, a time limit or what follows a failure that cannot be kept: `details.field`, and `details.key` of a child.",
    DecisionTokenInvalid = BAD_REQUEST "decision_token_invalid" Listed
        "This is no decision token of this server, or not for this caller.",
    UnknownDependency = BAD_REQUEST "unknown_dependency" Listed
        "A new node run depends on a key that none of its siblings has.",
    Unauthorized = UNAUTHORIZED "unauthorized" Any
        "No credential, or one that does not hold; `details.reason`, and `WWW-Authenticate` says it in RFC 6750's words.",
    Forbidden = FORBIDDEN "forbidden" Any
        "Known, but not allowed: `details.scope` is what the credential lacks.",
    ForeignOrigin = FORBIDDEN "foreign_origin" Any
        "A page of another origin (`Origin`, `Sec-Fetch-Site`) sent the request: `cors.origins` says which may.",
    DecisionLinkUsed = BAD_REQUEST "decision_token_used" Listed
        "The link decides nothing any more: what it is for was decided, or ended.",
    PrefetchRefused = BAD_REQUEST "prefetch_refused" Listed
        "A link was fetched ahead and not followed; nothing was decided.",
    WorkflowNotFound = BAD_REQUEST "workflow_not_found" Listed
        "There is no such workflow, or it is another tenant's.",
    InvalidReleaseOrCustomNodes = BAD_REQUEST "invalid_release_or_custom_nodes" Listed
        "What a run was to walk cannot be walked; the message says why, node by node.",
    NodesNotFound = BAD_REQUEST "nodes_not_found" Listed
        "There is nothing to walk.",
    RootNodeNotFound = BAD_REQUEST "root_node_not_found" Listed
        "No node is the start.",
    NothingDeployed = BAD_REQUEST "release_not_found" Listed
        "Nothing of the workflow has been deployed.",
    DraftReleaseNotFound = BAD_REQUEST "draft_release_not_found" Listed
        "The workflow has no draft.",
    DraftReleaseNodesAreInvalid = BAD_REQUEST "draft_release_nodes_are_invalid" Listed
        "The draft cannot be walked; the message says why, node by node.",
    InvalidReleaseVersion = BAD_REQUEST "invalid_release_version" Listed
        "The version is not three numbers, or not above the one before.",
    ToolReleaseRequiresFormFields = BAD_REQUEST "tool_release_requires_form_fields" Listed
        "The draft does not say what the tool asks for.",
    TooManyRuns = BAD_REQUEST "too_many_runs" Listed
        "More than 10,000 runs would have to be looked at one by one.",
    InvalidDataKind = BAD_REQUEST "invalid_data_kind" Listed
        "Records of that kind would have to come from a data platform.",
    DataError = BAD_REQUEST "data_error" Listed
        "The records do not do; the message says why, and `dataError` in the owner's word.",
    BatchAlreadyFinished = BAD_REQUEST "batch_already_finished" Listed
        "The batch has ended.",
    MisdirectedHost = MISDIRECTED_REQUEST "misdirected_host" Outside
        "The listener needs no credential, and is not asked under this `Host`: `allowed_hosts`.",
    UnknownPath = NOT_FOUND "unknown_path" Outside
        "Nothing of the document is there.",
    RunNotFound = NOT_FOUND "run_not_found" Listed
        "There is no such run, or the caller may not know of it.",
    NodeRunNotFound = NOT_FOUND "node_run_not_found" Listed
        "There is no such node run.",
    ParentNodeRunNotFound = NOT_FOUND "parent_node_run_not_found" Listed
        "There is no such node run to create children below.",
    ValueNotFound = NOT_FOUND "value_not_found" Listed
        "The run has no large value of this digest.",
    ApprovalNotFound = NOT_FOUND "approval_not_found" Listed
        "Nothing was asked under this id.",
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
        "The path exists; `Allow` says which methods it has.",
    BodySlow = REQUEST_TIMEOUT "body_slow" Outside
        "The body was not sent within 30 s.",
    RunAlreadyExists = CONFLICT "run_already_exists" Listed
        "The id was used with another body; with the same body the first run is answered.",
    IdempotencyConflict = CONFLICT "idempotency_conflict" Listed
        "The key was used with another body; with the same body the first answer is given again.",
    ApprovalDecided = CONFLICT "approval_decided" Listed
        "It was decided the other way; `details.verdict`.",
    ApprovalLapsed = CONFLICT "approval_lapsed" Listed
        "What was asked about ended before anybody decided.",
    DecisionTokenUsed = CONFLICT "decision_token_used" Listed
        "What the token is for has been decided.",
    ConstraintViolation = CONFLICT "constraint_violation" Listed
        "`details` has constraint, limit and what was found.",
    RunFinished = CONFLICT "run_finished" Listed
        "Final is final; `details.state`.",
    NodeRunFinished = CONFLICT "node_run_finished" Listed
        "Final is final; `details.state`.",
    RunNotFinished = CONFLICT "run_not_finished" Listed
        "There is no result yet; `retryable`, and `details.state` says where the run stands.",
    NodeRunNotBegun = CONFLICT "node_run_not_begun" Listed
        "A node run is completed that still waits for another.",
    ChildrenAlive = CONFLICT "children_alive" Listed
        "A composite cannot succeed before its children have ended.",
    NodeRunServerOwned = CONFLICT "node_run_server_owned" Listed
        "The server runs this node run itself; nobody else completes or evaluates it.",
    ParentNodeRunInvalid = CONFLICT "parent_node_run_invalid" Listed
        "The parent is not a composite that takes children.",
    ParentNodeRunMismatch = CONFLICT "parent_node_run_mismatch" Listed
        "The parent belongs to another run.",
    NotAsking = CONFLICT "not_asking" Listed
        "What is given input does not wait for any.",
    SeveralQuestions = CONFLICT "several_questions" Listed
        "The run has more than one open question: `details.node_run_ids`, of which `node_run_id` names one.",
    ThreadBusy = CONFLICT "thread_busy" Listed
        "The thread has a run that has not ended: `details.run_id`.",
    ServerFixed = CONFLICT "server_fixed" Listed
        "The server `default` is always there.",
    ChangedMeanwhile = CONFLICT "changed_meanwhile" Listed
        "Somebody else changed it at the same time; `retryable`.",
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
        "A fault of the server's; the log has it under the request id.",
    NotServed = NOT_IMPLEMENTED "not_served" Listed
        "The document has it, and this server does not do it.",
    RunCoordinatorUnavailable = BAD_GATEWAY "run_coordinator_unavailable" Listed
        "A gateway that forwards, and nobody there.",
    RunCoordinatorRefused = BAD_GATEWAY "run_coordinator_refused" Listed
        "A gateway that forwards, and the coordinator does not take what the gateway itself shows (`coordinator.credentials`).",
    RunCoordinatorMissing = SERVICE_UNAVAILABLE "run_coordinator_missing" Listed
        "A gateway that forwards, and no address is set: names the setting.",
    TokenRefused = SERVICE_UNAVAILABLE "token_refused" Listed
        "A gateway that forwards, and the identity provider refuses its client; `details.error` is the provider's word.",
    StoreBusy = SERVICE_UNAVAILABLE "store_busy" Any
        "Nothing was recorded; `Retry-After`.",
    StoreUnavailable = SERVICE_UNAVAILABLE "store_unavailable" Any
        "Nothing was recorded; `Retry-After`.",
    Stopping = SERVICE_UNAVAILABLE "stopping" Any
        "The server is going down; nothing was recorded.",
    Unavailable = SERVICE_UNAVAILABLE "unavailable" Any
        "The identity provider, or the store of keys, does not answer; `Retry-After`.",
}

impl Code {
    /// The code that is written like this.
    pub fn parse(text: &str) -> Option<Self> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

macro_rules! failure_codes {
    ($($($name:ident = $text:literal)|+ => $why:literal,)*) => {
        /// The code of the error of a run or a node run that failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FailureCode {
            $($(#[doc = $why] $name,)+)*
        }

        impl FailureCode {
            /// Every one.
            pub const ALL: &'static [FailureCode] = &[$($(FailureCode::$name,)+)*];

            /// As it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $($(FailureCode::$name => $text,)+)* }
            }
        }

        /// Why a run or a node run failed, by the code of its error; CommonMark. Codes with one meaning stand together.
        pub const REASONS: &[(&[FailureCode], &str)] = &[$((&[$(FailureCode::$name,)+], $why),)*];
    };
}

failure_codes! {
    GoalMissing = "goal_missing" | GoalTooLong = "goal_too_long"
        => "There is nothing to plan, or too much.",
    ClauseUnmapped = "clause_unmapped"
        => "No node type fits a clause of the goal; `details.nearest`.",
    ArgumentsMissing = "arguments_missing" | ArgumentsInvalid = "arguments_invalid"
        => "A clause lacks a value that its node type needs, or has one that does not fit.",
    PlanInvalid = "plan_invalid"
        => "The planner's answer makes no sense.",
    BindingFailed = "binding_failed"
        => "An input that comes from another step is not there.",
    OutputSchemaMismatch = "output_schema_mismatch"
        => "The result cannot be made to fit the output schema; `details.violations`.",
    ValidationTooExpensive = "validation_too_expensive" | ExpansionTooLarge = "expansion_too_large"
        => "Checking a value, reading a graph or planning takes more steps, bytes or time than it may; the message names the limit.",
    RunTooLarge = "run_too_large"
        => "The run would write or hold more bytes than a run may; the message names the limit.",
    ValuesTooLarge = "values_too_large"
        => "A step, or what follows from it, would have to read more of the run's large values at once than it may.",
    ServerBusy = "server_busy"
        => "Too much of the same tenant was waiting to be worked on; it is tried again where that is asked for.",
    InvalidInputs = "invalid_inputs" | InvalidOutputs = "invalid_outputs"
        => "What goes in or comes out does not fit the node type's schema.",
    ConstraintViolation = "constraint_violation" | BudgetExceeded = "budget_exceeded" | TimedOut = "timed_out"
        => "A limit was reached; `details` has constraint, limit and what was found.",
    ChildFailed = "child_failed" | DependencyFailed = "dependency_failed"
        => "A step failed, or one that it depends on.",
    ItemFailed = "item_failed"
        => "An item of a list failed; `details` has its place and why.",
    Partial = "partial" | NothingAchieved = "nothing_achieved"
        => "Steps, nodes of a graph or items of a list failed and were passed over; `details` and outputs say which.",
    GraphInvalid = "graph_invalid" | ItemsInvalid = "items_invalid" | LoadFailed = "load_failed" | ExpressionInvalid = "expression_invalid"
        => "A graph or a list of items turned out to be nothing that could be walked; the message says where.",
    SubRunFailed = "sub_run_failed" | SubRunRefused = "sub_run_refused" | SubRunsTooDeep = "sub_runs_too_deep"
        => "A run that a step starts ended without a reason, cannot be started, or would lie too deep.",
    ValueTooDeep = "value_too_deep"
        => "A computed value nests deeper than 64 levels (`limits.depth`).",
    TooManyLiveRuns = "too_many_live_runs" | TooManyDescendants = "too_many_descendants"
        => "A run that a step starts would be one too many: of its tenant, or below the run at the top (`limits.*`).",
    NotNeeded = "not_needed"
        => "A stand-in was skipped: nobody failed whom it stands in for.",
    EgressDenied = "egress_denied"
        => "This server may not call there; the message says which rule.",
    DnsFailed = "dns_failed" | ConnectFailed = "connect_failed" | TlsFailed = "tls_failed"
        => "A call did not get through.",
    ResponseTooLarge = "response_too_large" | ResponseInvalid = "response_invalid"
        => "The answer is too long, broken off or no HTTP.",
    HttpStatus = "http_status"
        => "The answer says that it did not work; `details.status`, a piece of its `body`, and `retry_after_ms`.",
    CredentialUnusable = "credential_unusable"
        => "What a run brought for an integration cannot be sent.",
    ExpressionFailed = "expression_failed" | ExpressionTimedOut = "expression_timed_out" | ExpressionOutOfMemory = "expression_out_of_memory" | ExpressionTooDeep = "expression_too_deep"
        => "An expression of a configuration has no value; `details.path` is its place.",
    FailedOnPurpose = "failed_on_purpose"
        => "As `runyard.core.fail` was asked to.",
    Canceled = "canceled"
        => "Someone, or the failure of another step, stopped it.",
    Denied = "denied"
        => "Somebody was asked whether it may go on, and said no; `details.approval_id`.",
    NodeTypeUnavailable = "node_type_unavailable" | ClockOutOfRange = "clock_out_of_range" | StoreUnavailable = "store_unavailable"
        => "This server cannot do what was recorded; the message says why.",
    InternalError = "internal_error"
        => "A fault of the server's; the message says what it knows.",
}

impl FailureCode {
    /// The code that is written like this.
    pub fn parse(text: &str) -> Option<Self> {
        FailureCode::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

#[cfg(test)]
mod tests;
