//! What can be asked of a run, and why it may be refused.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Artifact, Evaluation, Failure, FinalState, RecoveryAction};
use crate::fit::{Fitted, Made};
use crate::graph::{Content, Graph, Route};
use crate::plan::Plan;
use crate::policy::{Invalid, Policy};
use crate::{ApprovalId, ApprovalStrategy, Constraints, EffectId, Labels, NodeRunId, NodeType, Object, RunId, Verdict};

/// What `decide` may know besides state and command.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Now, in Unix milliseconds, read once outside.
    pub at_ms: i64,
    /// The run decided about.
    pub run: RunId,
    /// What was found out about the run's result and the schema that it has to fit, where that was asked ([`Rejected::Unfitted`]).
    pub fitted: Option<&'a Fitted>,
    /// Levels that a value may nest which comes in: see [`crate::depth`].
    pub depth_max: usize,
}

/// What can be asked of a run. A command that was already obeyed changes nothing and is answered as before.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begin.
    Start(Arc<Start>),
    /// The planner's answer to a plan request.
    Planned {
        /// Which effect this answers.
        effect: EffectId,
        /// The composite that asked.
        node_run: NodeRunId,
        /// What to do.
        plan: Plan,
    },
    /// What a composite is made of. Too late or twice: nothing changes.
    Loaded {
        /// Which effect this answers.
        effect: EffectId,
        /// The composite that asked.
        node_run: NodeRunId,
        /// What its inputs came to, where that is not what they were.
        inputs: Option<Object>,
        /// What it is made of.
        content: Content,
    },
    /// What came back from performing an effect. Too late or twice: nothing changes.
    Settle {
        /// Which effect this answers.
        effect: EffectId,
        /// The node run it was performed for.
        node_run: NodeRunId,
        /// What came back.
        outcome: Outcome,
    },
    /// A timer came due. Early or twice: nothing changes.
    Wake {
        /// The timer.
        effect: EffectId,
        /// The node run it belongs to.
        node_run: NodeRunId,
    },
    /// Give an external composite children; all or none.
    CreateChildren {
        /// The composite.
        parent: NodeRunId,
        /// At least one.
        children: Vec<ChildSpec>,
    },
    /// An external composite is finished, says its owner.
    Complete {
        /// The composite.
        node_run: NodeRunId,
        /// How.
        completion: Completion,
    },
    /// An external composite is judged by its owner.
    Evaluate {
        /// The composite.
        node_run: NodeRunId,
        /// The judgement.
        evaluation: Evaluation,
        /// What the owner does about it. Recorded, not obeyed.
        recovery: Option<RecoveryAction>,
    },
    /// The run that a node run asked for has been started. Too late or twice: nothing changes.
    Launched {
        /// Which effect this answers.
        effect: EffectId,
        /// The node run that asked.
        node_run: NodeRunId,
        /// What its inputs came to, where that is not what they were.
        inputs: Option<Object>,
        /// Whether it waits for that run's end.
        waits: bool,
    },
    /// A run that was started by a node run of this one has ended. Too late or twice: nothing changes.
    Report {
        /// The node run that started it.
        node_run: NodeRunId,
        /// How it ended.
        report: Box<SubRunReport>,
    },
    /// Input for a node run that waits for it. Twice the same: nothing changes; another one is refused.
    Deliver {
        /// The question.
        node_run: NodeRunId,
        /// Its answer.
        input: String,
    },
    /// Say whether what is asked may go on. Twice the same: nothing changes; another verdict is refused.
    Decide {
        /// What was asked.
        approval: ApprovalId,
        /// In one word.
        verdict: Verdict,
        /// By whom, as far as is known; opaque.
        by: Option<String>,
        /// What they say about it, for people.
        comment: Option<String>,
    },
    /// Begin nothing new until `Resume`. What is in flight is not disturbed. Twice: nothing changes.
    Pause {
        /// Why, for people.
        reason: Option<String>,
        /// By whom, as far as is known; opaque.
        by: Option<String>,
    },
    /// Go on. Not paused, or ended: nothing changes.
    Resume {
        /// By whom, as far as is known; opaque.
        by: Option<String>,
    },
    /// End the run as failed, because it cannot be gone on with: cancels every live node run below the root.
    Fail {
        /// Why.
        error: Failure,
    },
    /// Stop: cancels every live node run and wins over whatever comes back later.
    Cancel {
        /// Why, for people.
        reason: Option<String>,
    },
}

/// All that a run starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The id a client chose, where it chose one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What lists show of it, in a line, where its inputs do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The API it came through, such as `run-gateway`; opaque to the engine.
    pub face: String,
    /// The root's node type.
    pub node_type: NodeType,
    /// The root's inputs, already validated.
    pub inputs: Object,
    /// The run's constraints as asked; the node type's are merged in by `decide`.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// How the root's failure and time are handled. A root has no siblings, so its failure is a failure.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// What holds of every step of every plan in the run that says nothing else. Names no stand-in.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub steps: Policy,
    /// What somebody has to agree to first.
    #[serde(default, skip_serializing_if = "ApprovalStrategy::is_none")]
    pub approval: ApprovalStrategy,
    /// At most this many calls at once; 0 counts as 1.
    pub parallel_max: u32,
    /// JSON Schema (draft 7) that the run's result has to fit; it compiles. A run whose result cannot be made to fit fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What the root walks, where it is a graph that was checked before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Arc<Graph>>,
    /// Opaque to the engine: what the API wants to find again (run context, metadata, extensions).
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notes: Object,
    /// Opaque to the engine: what lists find the run by.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Where it stands in a thread. Absent: it is the first of a thread of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// By whom it was started, where that was another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}

/// By whom a run was started, where that was another run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// That run.
    pub run: RunId,
    /// The node run in it.
    pub node_run: NodeRunId,
    /// Whether it waits for this one's end.
    pub waits: bool,
    /// How many runs are above this one, from 1.
    pub depth: u32,
}

/// How a run ended that was started by another one.
#[derive(Debug, Clone, PartialEq)]
pub struct SubRunReport {
    /// Which.
    pub run: RunId,
    /// How.
    pub outcome: crate::RunOutcome,
    /// Its outputs, where it has any.
    pub outputs: Option<Object>,
    /// Why it did not succeed.
    pub error: Option<Failure>,
}

/// A place in a thread: runs one after the other that share their messages. Opaque to the engine, which knows one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The thread's id.
    pub thread: String,
    /// From 1. No two runs of a thread have the same.
    pub number: u64,
}

/// A child asked for from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildSpec {
    /// Unique within the parent, from the caller; any text. Absent: `#<n>` is derived from the number of children before.
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
    /// How its failure and time are handled. A stand-in (`go to`) is created later in the same command.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// The candidate set the caller chose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_set_id: Option<String>,
    /// Why this node type; opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_decision: Option<Value>,
    /// Opaque to the engine (metadata, extensions).
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notes: Object,
}

/// What came back from performing an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It worked; outputs already validated.
    Succeeded {
        /// The node run's outputs.
        outputs: Object,
    },
    /// It worked, and says more than its outputs.
    Routed(Box<Routed>),
    /// It did not.
    Failed(Failure),
    /// It did not, with inputs that are not what they were.
    FailedWith {
        /// Why.
        error: Failure,
        /// What they came to.
        inputs: Object,
    },
    /// It did not end within the time of the try.
    TimedOut,
}

/// What a call says that worked, where there is more than its outputs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Routed {
    /// The node run's outputs, already validated.
    pub outputs: Object,
    /// What its inputs came to, where that is not what they were.
    pub inputs: Option<Object>,
    /// Where the graph goes on that it is a node of. Absent: by the first way.
    pub route: Option<Route>,
    /// It only ends then, Unix milliseconds, and is at rest until.
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
    /// Made elsewhere, named here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// Why nothing was recorded.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejected {
    /// The run does not exist yet.
    #[error("the run has not started")]
    NotStarted,
    /// The run exists; this start is not the one that made it.
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
        /// What was named.
        node_run: NodeRunId,
    },
    /// Only composites have children.
    #[error("node run {node_run} is atomic and cannot have children")]
    NotComposite {
        /// What was named.
        node_run: NodeRunId,
    },
    /// The server moves this node run by itself.
    #[error("node run {node_run} is run by the server; only external composites are moved from outside")]
    ServerOwned {
        /// What was named.
        node_run: NodeRunId,
    },
    /// The node run has ended differently.
    #[error("node run {node_run} is already {state}")]
    NodeRunFinished {
        /// What was named.
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
        /// What is allowed.
        limit: String,
        /// What was asked.
        found: String,
    },
    /// Nothing of this run was asked about under this id.
    #[error("approval {approval} is not part of this run")]
    UnknownApproval {
        /// What was named.
        approval: ApprovalId,
    },
    /// It was decided the other way.
    #[error("approval {approval} has been decided: {verdict}")]
    ApprovalDecided {
        /// What was named.
        approval: ApprovalId,
        /// What was decided.
        verdict: Verdict,
    },
    /// What was asked about has ended without a decision.
    #[error("approval {approval} is not needed any more: what was asked about has ended")]
    ApprovalLapsed {
        /// What was named.
        approval: ApprovalId,
    },
    /// The composite waits for its dependencies, an approval or the end of a pause, so its owner cannot move it yet.
    #[error(
        "node run {node_run} has not begun; it waits for the siblings it depends on, for an approval, or for the run to go on"
    )]
    NotBegun {
        /// What was named.
        node_run: NodeRunId,
    },
    /// The run's result has to fit a schema, and what its owner says it made does not.
    #[error("{reason}")]
    ResultUnfit {
        /// The failure's code.
        code: String,
        /// What does not fit.
        reason: String,
    },
    /// The decision has to look into large values: decide again with these in place. No caller sees this.
    #[error("large values have to be read first")]
    NeedsValues {
        /// Which.
        digests: std::collections::BTreeSet<crate::large::Digest>,
    },
    /// What the run made has to fit a schema: whether it does has to be found out before this can be decided.
    #[error("it has not been found out whether the run's result fits its schema")]
    Unfitted(Box<Made>),
    /// Only what waits for input is given some.
    #[error("node run {node_run} does not wait for input")]
    NotAsking {
        /// What was named.
        node_run: NodeRunId,
    },
    /// `skipped` is the engine's own word.
    #[error("a node run cannot be completed as {state} from outside; use succeeded, failed or canceled")]
    NotACompletion {
        /// What was asked.
        state: FinalState,
    },
    /// The state cannot have come from a log, or the engine is wrong. Nothing was recorded.
    #[error("the run's state is corrupt")]
    Corrupt(#[from] crate::Corrupt),
    /// The key was used before for something else.
    #[error("key `{key}` was already used with a different {field}")]
    KeyConflict {
        /// The key.
        key: String,
        /// What differs: a field of [`ChildSpec`].
        field: &'static str,
    },
    /// How failure and time are to be handled cannot be kept.
    #[error("{}{}: {}", child.as_ref().map(|child| format!("child `{child}`: ")).unwrap_or_default(), invalid.field, invalid.reason)]
    InvalidPolicy {
        /// The child's key; absent for the run's root.
        child: Option<String>,
        /// Which member, and what is wrong with it.
        invalid: Invalid,
    },
    /// A value nests too deep.
    #[error("a value is nested more than {limit} levels deep")]
    ValueTooDeep {
        /// The most levels that are taken.
        limit: usize,
    },
    /// A graph cannot be walked.
    #[error("the graph cannot be walked: {reason}")]
    InvalidGraph {
        /// Which node, and what is wrong with it.
        reason: String,
    },
    /// A dependency names no sibling that exists by then, or itself.
    #[error("child `{key}` depends on `{dependency}`, which is not an earlier sibling")]
    UnknownDependency {
        /// The child.
        key: String,
        /// What it named.
        dependency: String,
    },
}
