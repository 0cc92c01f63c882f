//! The codes with which this server fails runs and node runs, one enum. `docs/reference/errors.md` is made from it.
//!
//! A new code is a row here. The codes of answers are in `server/codes.rs`.

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
        => "The goal is missing, or too long to plan.",
    ClauseUnmapped = "clause_unmapped"
        => "No node type fits a clause of the goal; `details.nearest`.",
    ArgumentsMissing = "arguments_missing" | ArgumentsInvalid = "arguments_invalid"
        => "A clause lacks a value that its node type needs, or has one that does not fit.",
    PlanInvalid = "plan_invalid"
        => "The planner's plan is not valid.",
    BindingFailed = "binding_failed"
        => "An input that comes from another step is missing.",
    OutputSchemaMismatch = "output_schema_mismatch"
        => "The result cannot be made to fit the output schema; `details.violations`.",
    ValidationTooExpensive = "validation_too_expensive" | ExpansionTooLarge = "expansion_too_large"
        => "Checking a value, reading a graph or planning takes more steps, bytes or time than it may; the message names the limit.",
    RunTooLarge = "run_too_large"
        => "The run would write or hold more bytes than a run may; the message names the limit.",
    ValuesTooLarge = "values_too_large"
        => "A step, or what follows from it, would have to read more of the run's large values at once than it may.",
    ServerBusy = "server_busy"
        => "Too much work of the same tenant was queued; the step is retried if it has a retry policy.",
    InvalidInputs = "invalid_inputs" | InvalidOutputs = "invalid_outputs"
        => "Inputs or outputs do not fit the node type's schema.",
    ConstraintViolation = "constraint_violation" | BudgetExceeded = "budget_exceeded" | TimedOut = "timed_out"
        => "A limit was reached; `details` has constraint, limit and the value found.",
    ChildFailed = "child_failed" | DependencyFailed = "dependency_failed"
        => "A step failed, or one that it depends on.",
    ItemFailed = "item_failed"
        => "An item of a list failed; `details` has its index and its error.",
    Partial = "partial" | NothingAchieved = "nothing_achieved"
        => "Steps, nodes of a graph or items of a list failed and their failures were accepted; `details` and outputs name them.",
    GraphInvalid = "graph_invalid" | ItemsInvalid = "items_invalid" | LoadFailed = "load_failed" | ExpressionInvalid = "expression_invalid"
        => "A graph or a list of items is not valid; the message says where.",
    SubRunFailed = "sub_run_failed" | SubRunRefused = "sub_run_refused" | SubRunsTooDeep = "sub_runs_too_deep"
        => "A run that a step starts ended without a reason, cannot be started, or would lie too deep.",
    ValueTooDeep = "value_too_deep"
        => "A computed value nests deeper than 64 levels (`limits.depth`).",
    TooManyLiveRuns = "too_many_live_runs" | TooManyDescendants = "too_many_descendants"
        => "A run that a step starts would be one too many: of its tenant, or below the run at the top (`limits.*`).",
    NotNeeded = "not_needed"
        => "A fallback was skipped, because the node that it replaces did not fail.",
    EgressDenied = "egress_denied"
        => "This server may not call there; the message says which rule.",
    DnsFailed = "dns_failed" | ConnectFailed = "connect_failed" | TlsFailed = "tls_failed"
        => "The call could not connect.",
    ResponseTooLarge = "response_too_large" | ResponseInvalid = "response_invalid"
        => "The service's answer is too long, incomplete or not HTTP.",
    HttpStatus = "http_status"
        => "The service answered with an error status; `details.status`, a part of its `body`, and `retry_after_ms`.",
    ToolFailed = "tool_failed"
        => "The tool of an MCP server says that the call failed; the message has its reason, `details` more.",
    InputRequired = "input_required"
        => "The tool of an MCP server asks a person, which calls cannot answer; `details.requests`.",
    ModelRefused = "model_refused"
        => "The model, or the service that runs it, refused to answer; the message has its reason.",
    AnswerCutOff = "answer_cut_off"
        => "The model's answer reached the most tokens that it may have before its end.",
    CredentialUnusable = "credential_unusable"
        => "The credential that a run passes through to an integration cannot be sent.",
    ExpressionFailed = "expression_failed" | ExpressionTimedOut = "expression_timed_out" | ExpressionOutOfMemory = "expression_out_of_memory" | ExpressionTooDeep = "expression_too_deep"
        => "An expression of a configuration has no value; `details.path` is its place.",
    FailedOnPurpose = "failed_on_purpose"
        => "`runyard.core.fail` failed, as its inputs say.",
    Canceled = "canceled"
        => "A caller canceled it, or the failure of another step did.",
    Denied = "denied"
        => "An approval request was denied; `details.approval_id`.",
    NodeTypeUnavailable = "node_type_unavailable" | ClockOutOfRange = "clock_out_of_range" | StoreUnavailable = "store_unavailable"
        => "This server cannot perform what was recorded; the message says why.",
    InternalError = "internal_error"
        => "A fault of the server; the message has what is known.",
}

impl FailureCode {
    /// The code that is written like this.
    pub fn parse(text: &str) -> Option<Self> {
        FailureCode::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_read_as_it_is_written_and_has_one_reason() {
        for code in FailureCode::ALL {
            assert_eq!(FailureCode::parse(code.as_str()), Some(*code));
        }
        assert_eq!(FailureCode::parse("no_such_code"), None);
        let written: BTreeSet<&str> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(written.len(), FailureCode::ALL.len(), "two codes are written alike");
        let explained: usize = REASONS.iter().map(|(codes, _)| codes.len()).sum();
        assert_eq!(explained, FailureCode::ALL.len());
    }
}
