//! The commands for a run, and the reasons for a rejection.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Artifact, CodeText, Evaluation, Failure, FinalState, RecoveryAction};
use crate::graph::{Content, Route};
use crate::output_check::{Fitted, RunResult};
use crate::plan::Plan;
use crate::policy::{Invalid, Policy};
pub use crate::record::start::{Parent, Start, Turn};
use crate::{ApprovalId, Constraints, EffectId, NodeRunId, NodeType, Object, RunId, Verdict};

/// The input of `decide` besides state and command.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Now, in Unix milliseconds, read once outside.
    pub at_ms: i64,
    /// The run decided about.
    pub run: RunId,
    /// The result of the output schema check, if [`Rejected::Unfitted`] requested one.
    pub fitted: Option<&'a Fitted>,
    /// The most levels that an incoming value may be nested: see [`crate::depth`].
    pub depth_max: usize,
}

/// A command for a run. Commands are idempotent: a repetition changes nothing and gets the same reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begin.
    Start(Arc<Start>),
    /// The planner's response to a plan request.
    Planned {
        /// Which effect this answers.
        effect: EffectId,
        /// The composite that requested it.
        node_run: NodeRunId,
        /// What to do.
        plan: Plan,
    },
    /// The content of a composite. If late or repeated, nothing changes.
    Loaded {
        /// Which effect this answers.
        effect: EffectId,
        /// The composite that requested it.
        node_run: NodeRunId,
        /// Its resolved inputs, if they differ from the recorded ones.
        inputs: Option<Object>,
        /// Its graph, items, or agent.
        content: Content,
    },
    /// The result of an effect. If late or repeated, nothing changes.
    Settle {
        /// Which effect this answers.
        effect: EffectId,
        /// The node run that the effect belongs to.
        node_run: NodeRunId,
        /// The result.
        outcome: Outcome,
    },
    /// A timer fired. If early or repeated, nothing changes.
    Wake {
        /// The timer.
        effect: EffectId,
        /// The node run it belongs to.
        node_run: NodeRunId,
    },
    /// Create children of an external composite; all or none.
    CreateChildren {
        /// The composite.
        parent: NodeRunId,
        /// At least one.
        children: Vec<ChildSpec>,
    },
    /// The owner of an external composite reports its end.
    Complete {
        /// The composite.
        node_run: NodeRunId,
        /// How it ended.
        completion: Completion,
    },
    /// The owner of an external composite evaluates it.
    Evaluate {
        /// The composite.
        node_run: NodeRunId,
        /// The evaluation.
        evaluation: Evaluation,
        /// The owner's recovery action. It is recorded and has no effect in the engine.
        recovery: Option<RecoveryAction>,
    },
    /// The run that a node run requested has been started. If late or repeated, nothing changes.
    Launched {
        /// Which effect this answers.
        effect: EffectId,
        /// The node run that requested it.
        node_run: NodeRunId,
        /// Its resolved inputs, if they differ from the recorded ones.
        inputs: Option<Object>,
        /// Whether the node run waits for the end of that run.
        waits: bool,
    },
    /// A run that a node run of this run started has ended. If late or repeated, nothing changes.
    Report {
        /// The node run that started it.
        node_run: NodeRunId,
        /// How it ended.
        report: Box<SubRunReport>,
    },
    /// Input for a node run that waits for it. Repeated input changes nothing; different input is rejected.
    Deliver {
        /// The question.
        node_run: NodeRunId,
        /// Its answer.
        input: String,
    },
    /// Approve or deny an approval request. A repeated verdict changes nothing; a different one is rejected.
    Decide {
        /// The approval request.
        approval: ApprovalId,
        /// The verdict.
        verdict: Verdict,
        /// The caller's name, if known; opaque.
        by: Option<String>,
        /// The caller's comment, for people.
        comment: Option<String>,
        /// Inputs to approve in place of the requested ones, already validated. Only for calls.
        inputs: Option<Object>,
    },
    /// Begin no new node runs until `Resume`. Work in flight continues. If repeated, nothing changes.
    Pause {
        /// Why, for people.
        reason: Option<String>,
        /// The caller's name, if known; opaque.
        by: Option<String>,
    },
    /// Resume a paused run. If the run is not paused or has ended, nothing changes.
    Resume {
        /// The caller's name, if known; opaque.
        by: Option<String>,
    },
    /// End the run as failed, because it cannot continue. This cancels every live node run below the root.
    Fail {
        /// Why.
        error: Failure,
    },
    /// Cancel the run and every live node run. Later results are ignored.
    Cancel {
        /// Why, for people.
        reason: Option<String>,
    },
}

/// How a child run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct SubRunReport {
    /// The child run.
    pub run: RunId,
    /// How it ended.
    pub outcome: crate::RunOutcome,
    /// Its outputs, where it has any.
    pub outputs: Option<Object>,
    /// Why it did not succeed.
    pub error: Option<Failure>,
}

/// A child to create, from an external caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildSpec {
    /// The caller's key, unique within the parent; any text. If absent, `#<n>` is derived from the number of existing
    /// children.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Resolved.
    pub node_type: NodeType,
    /// Already validated.
    pub inputs: Object,
    /// The child's own constraints.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// Given keys of siblings that must have succeeded first: created before, or earlier in the same command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Its policy. A fallback (`go to`) is created later in the same command.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// The candidate set that the caller chose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_set_id: Option<String>,
    /// The caller's reason for this node type; opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_decision: Option<Value>,
    /// Opaque to the engine (metadata, extensions).
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notes: Object,
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Success; the outputs are already validated.
    Succeeded {
        /// The node run's outputs.
        outputs: Object,
    },
    /// Success, with more than outputs.
    Routed(Box<Routed>),
    /// Failure.
    Failed(Failure),
    /// Failure, with resolved inputs that differ from the recorded ones.
    FailedWith {
        /// Why.
        error: Failure,
        /// The resolved inputs.
        inputs: Object,
    },
    /// The attempt timed out.
    TimedOut,
}

/// The result of a successful call that returns more than outputs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Routed {
    /// The node run's outputs, already validated.
    pub outputs: Object,
    /// Its resolved inputs, if they differ from the recorded ones.
    pub inputs: Option<Object>,
    /// The edge that the surrounding graph follows next. If absent, the first one.
    pub route: Option<Route>,
    /// If set, the node run ends only at this time, Unix milliseconds, and waits until then.
    pub until_ms: Option<i64>,
}

/// How an external composite ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// `succeeded`, `failed` or `canceled`.
    pub state: FinalState,
    /// Absent is not the same as empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Object>,
    /// References to artifacts that are stored elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// Why a command was rejected; nothing was recorded.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejected {
    /// The run does not exist yet.
    #[error("the run has not started")]
    NotStarted,
    /// The run was started with a different `Start`.
    #[error("the run has already started")]
    AlreadyStarted,
    /// The run has ended.
    #[error("the run has finished as {outcome}")]
    RunFinished {
        /// How it ended.
        outcome: crate::RunOutcome,
    },
    /// No such node run in this run.
    #[error("node run {node_run} is not part of this run")]
    UnknownNodeRun {
        /// The id in the command.
        node_run: NodeRunId,
    },
    /// Only composites have children.
    #[error("node run {node_run} is atomic and cannot have children")]
    NotComposite {
        /// The id in the command.
        node_run: NodeRunId,
    },
    /// The server runs this node run, so external callers cannot change it.
    #[error("node run {node_run} is run by the server; only external composites are moved from outside")]
    ServerOwned {
        /// The id in the command.
        node_run: NodeRunId,
    },
    /// The node run has already ended in another way.
    #[error("node run {node_run} is already {state}")]
    NodeRunFinished {
        /// The id in the command.
        node_run: NodeRunId,
        /// How it ended.
        state: FinalState,
    },
    /// A composite cannot succeed before its children have ended.
    #[error("node run {node_run} still has {live} live children")]
    ChildrenAlive {
        /// The composite.
        node_run: NodeRunId,
        /// How many.
        live: usize,
    },
    /// A limit would be exceeded.
    #[error("{constraint} is {limit}, but this asks for {found}")]
    ConstraintViolated {
        /// The field's name in the constraint envelope.
        constraint: &'static str,
        /// The limit.
        limit: String,
        /// The requested value.
        found: String,
    },
    /// This run has no approval request with this id.
    #[error("approval {approval} is not part of this run")]
    UnknownApproval {
        /// The id in the command.
        approval: ApprovalId,
    },
    /// The approval request has already been decided with the other verdict.
    #[error("approval {approval} has been decided: {verdict}")]
    ApprovalDecided {
        /// The id in the command.
        approval: ApprovalId,
        /// The recorded verdict.
        verdict: Verdict,
    },
    /// Only the inputs of a call can be changed, and only with its approval.
    #[error("approval {approval} is not about a call, or was denied; inputs can be changed only for an approved call")]
    InputsFixed {
        /// The id in the command.
        approval: ApprovalId,
    },
    /// The node run of the approval request ended before a decision.
    #[error("approval {approval} is not needed any more: what was asked about has ended")]
    ApprovalLapsed {
        /// The id in the command.
        approval: ApprovalId,
    },
    /// The composite waits for its dependencies, an approval or the end of a pause, so its owner cannot change it yet.
    #[error(
        "node run {node_run} has not begun; it waits for the siblings it depends on, for an approval, or for the run to go on"
    )]
    NotBegun {
        /// The id in the command.
        node_run: NodeRunId,
    },
    /// The result that the owner reported does not fit the run's output schema.
    #[error("{reason}")]
    ResultUnfit {
        /// The failure's code.
        code: CodeText,
        /// What does not fit.
        reason: String,
    },
    /// The decision needs these large values: load them and decide again. Callers never see this.
    #[error("large values have to be read first")]
    NeedsValues {
        /// The digests of the values.
        digests: std::collections::BTreeSet<crate::large::Digest>,
    },
    /// The result must be checked against the run's output schema before this can be decided.
    #[error("it has not been found out whether the run's result fits its schema")]
    Unfitted(Box<RunResult>),
    /// The node run does not wait for input.
    #[error("node run {node_run} does not wait for input")]
    NotAsking {
        /// The id in the command.
        node_run: NodeRunId,
    },
    /// Callers cannot use `skipped`, which only the engine sets.
    #[error("a node run cannot be completed as {state} from outside; use succeeded, failed or canceled")]
    NotACompletion {
        /// The requested state.
        state: FinalState,
    },
    /// The state cannot come from a log, or the engine has a bug. Nothing was recorded.
    #[error("the run's state is corrupt")]
    Corrupt(#[from] crate::Corrupt),
    /// The key already belongs to a different child.
    #[error("key `{key}` was already used with a different {field}")]
    KeyConflict {
        /// The key.
        key: String,
        /// The field of [`ChildSpec`] that differs.
        field: &'static str,
    },
    /// The policy is not valid.
    #[error("{}{}: {}", child.as_ref().map(|child| format!("child `{child}`: ")).unwrap_or_default(), invalid.field, invalid.reason)]
    InvalidPolicy {
        /// The child's key; absent for the run's root.
        child: Option<String>,
        /// Which member, and what is wrong with it.
        invalid: Invalid,
    },
    /// A value is nested too deeply.
    #[error("a value is nested more than {limit} levels deep")]
    ValueTooDeep {
        /// The most levels that are accepted.
        limit: usize,
    },
    /// A graph cannot be executed.
    #[error("the graph cannot be walked: {reason}")]
    InvalidGraph {
        /// Which node, and what is wrong with it.
        reason: String,
    },
    /// A dependency is not an earlier sibling.
    #[error("child `{key}` depends on `{dependency}`, which is not an earlier sibling")]
    UnknownDependency {
        /// The child.
        key: String,
        /// The dependency that it named.
        dependency: String,
    },
}
