//! What has happened to a run: the log's vocabulary. Stored for ever, so every change here is an addition, or a new format
//! version with a step in the file of [`crate::upcast`].

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::Start;
use crate::graph::{Content, Route};
use crate::plan::{Binding, CandidateSet, PlanResult};
use crate::{ApprovalId, Constraints, NodeRunId, NodeType, Object, Policy, Position, RunId, RunOutcome, Verdict, Wait};

/// The version with which events are written now.
///
/// | format | added                                                                       |
/// |--------|-----------------------------------------------------------------------------|
/// | 1      | the first                                                                   |
/// | 2      | policies, `attempt_failed`, `node_queued`, ends that fall short of success  |
/// | 3      | labels, questions, turns, approvals, pauses; graphs and lists of items:     |
/// |        | `loaded`, `node_delayed`, places, routes                                     |
/// | 4      | runs that start runs: `launched`, parents, the wait for one; output schemas |
/// | 5      | ids of node runs that begin with the time of their run; references to large |
/// |        | values, in place of any value (`large`)                                     |
pub const FORMAT_VERSION: u32 = 5;

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Gap-free from 1.
    pub position: Position,
    /// When it was decided, Unix milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The run began; its root node run exists.
    Started {
        /// What it started with.
        start: Arc<Start>,
        /// The root's id.
        root: NodeRunId,
        /// The run's constraints with the root node type's merged in.
        #[serde(default, skip_serializing_if = "Constraints::is_empty")]
        constraints: Constraints,
    },
    /// A composite was split, or given children from outside.
    Decomposed {
        /// The composite.
        node_run: NodeRunId,
        /// How many times so far, from 1.
        round: u32,
        /// How many children follow.
        children: u32,
        /// The planner's line for people; absent for children from outside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
        /// Where the composite's result will come from; absent for children from outside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<PlanResult>,
    },
    /// A composite turned out to be made of this.
    Loaded {
        /// The composite.
        node_run: NodeRunId,
        /// What its inputs came to; absent when they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
        /// A graph to walk, or items.
        content: Content,
    },
    /// Who was considered for a child that is about to be created.
    CandidatesGenerated {
        /// The child.
        node_run: NodeRunId,
        /// The subtask's id; for children from outside the one in their binding decision, else their key, else empty.
        subtask_id: String,
        /// Candidates, best first. Empty when only the set's id is known.
        set: CandidateSet,
    },
    /// Who was chosen for a child that is about to be created.
    SubtaskMapped {
        /// The child.
        node_run: NodeRunId,
        /// The subtask's id, where the planner made it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subtask_id: Option<String>,
        /// The candidate set chosen from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        candidate_set_id: Option<String>,
        /// The planner's reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rationale: Option<String>,
        /// A decision made outside, as given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Value>,
    },
    /// A child exists. (The root exists since `Started`.)
    ChildCreated(Box<ChildCreated>),
    /// A node run began.
    NodeStarted {
        /// Which.
        node_run: NodeRunId,
        /// From 1.
        attempt: u32,
        /// The inputs with every binding resolved; absent when they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
    },
    /// A try failed, and there will be another. Until then the node run waits for that time.
    AttemptFailed {
        /// Which.
        node_run: NodeRunId,
        /// The try that failed, from 1.
        attempt: u32,
        /// Why.
        error: Failure,
        /// When the next one is due, Unix milliseconds.
        retry_at_ms: i64,
    },
    /// Somebody is asked to agree: to a plan before its steps begin, or to anything else before it begins itself. Until then
    /// the node run waits.
    ApprovalAsked {
        /// Which.
        node_run: NodeRunId,
        /// Under which it is decided.
        approval: ApprovalId,
        /// The inputs with every binding resolved, so that it is known what is agreed to; absent when they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
    },
    /// Somebody has agreed, or has not.
    ApprovalDecided {
        /// Which.
        node_run: NodeRunId,
        /// What was asked.
        approval: ApprovalId,
        /// What was decided.
        verdict: Verdict,
        /// By whom, as far as is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// What they said about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// From here on nothing new begins.
    Paused {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// By whom, as far as is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The run goes on.
    Resumed {
        /// By whom, as far as is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// What a node run waited for has come: it is ready again.
    NodeQueued {
        /// Which.
        node_run: NodeRunId,
    },
    /// A node run waits for something that has a name.
    NodeWaiting {
        /// Which.
        node_run: NodeRunId,
        /// For what.
        wait: Wait,
    },
    /// A call did its work, and ends only later. Until then it waits for that time.
    NodeDelayed {
        /// Which.
        node_run: NodeRunId,
        /// When it ends, Unix milliseconds.
        until_ms: i64,
        /// What it will have made.
        outputs: Object,
        /// What its inputs came to; absent when they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
        /// Where the graph goes on then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<Route>,
    },
    /// A run was started for a node run, which waits for its end.
    Launched {
        /// Which node run.
        node_run: NodeRunId,
        /// The run that was started.
        run: RunId,
        /// What its inputs came to; absent when they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
    },
    /// A node run ended.
    NodeFinished {
        /// Which.
        node_run: NodeRunId,
        /// How.
        state: FinalState,
        /// What it made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Object>,
        /// What it made elsewhere.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<Artifact>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
        /// How far a composite fell short that failed only because failures were passed over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shortfall: Option<Shortfall>,
        /// What its inputs came to; absent when they are as they were.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
        /// Where the graph goes on that it is a node of; absent: by the first way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<Route>,
    },
    /// A node run was judged.
    Evaluated {
        /// Which.
        node_run: NodeRunId,
        /// The judgement.
        evaluation: Evaluation,
    },
    /// What the owner of an external composite did about a judgement.
    RecoveryApplied {
        /// Which.
        node_run: NodeRunId,
        /// What.
        action: RecoveryAction,
    },
    /// The run ended. Nothing follows.
    Finished {
        /// How.
        outcome: RunOutcome,
        /// The root's outputs, where it succeeded, or did in part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Object>,
        /// Why it failed or was canceled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    },
}

impl Event {
    /// The `type` under which it is stored.
    pub const fn name(&self) -> &'static str {
        match self {
            Event::Started { .. } => "started",
            Event::Decomposed { .. } => "decomposed",
            Event::Loaded { .. } => "loaded",
            Event::CandidatesGenerated { .. } => "candidates_generated",
            Event::SubtaskMapped { .. } => "subtask_mapped",
            Event::ChildCreated(_) => "child_created",
            Event::NodeStarted { .. } => "node_started",
            Event::AttemptFailed { .. } => "attempt_failed",
            Event::ApprovalAsked { .. } => "approval_asked",
            Event::ApprovalDecided { .. } => "approval_decided",
            Event::Paused { .. } => "paused",
            Event::Resumed { .. } => "resumed",
            Event::NodeQueued { .. } => "node_queued",
            Event::NodeWaiting { .. } => "node_waiting",
            Event::NodeDelayed { .. } => "node_delayed",
            Event::Launched { .. } => "launched",
            Event::NodeFinished { .. } => "node_finished",
            Event::Evaluated { .. } => "evaluated",
            Event::RecoveryApplied { .. } => "recovery_applied",
            Event::Finished { .. } => "finished",
        }
    }
}

impl Event {
    /// The node run that it changes; absent where that is only the run. The birth of a child changes its parent too.
    pub fn node_run(&self) -> Option<NodeRunId> {
        match self {
            Event::Started { root, .. } => Some(*root),
            Event::ChildCreated(child) => Some(child.node_run),
            Event::Decomposed { node_run, .. }
            | Event::Loaded { node_run, .. }
            | Event::CandidatesGenerated { node_run, .. }
            | Event::SubtaskMapped { node_run, .. }
            | Event::NodeStarted { node_run, .. }
            | Event::AttemptFailed { node_run, .. }
            | Event::NodeQueued { node_run }
            | Event::NodeWaiting { node_run, .. }
            | Event::NodeDelayed { node_run, .. }
            | Event::Launched { node_run, .. }
            | Event::ApprovalAsked { node_run, .. }
            | Event::ApprovalDecided { node_run, .. }
            | Event::NodeFinished { node_run, .. }
            | Event::Evaluated { node_run, .. }
            | Event::RecoveryApplied { node_run, .. } => Some(*node_run),
            Event::Paused { .. } | Event::Resumed { .. } | Event::Finished { .. } => None,
        }
    }
}

/// A child, as created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildCreated {
    /// The child.
    pub node_run: NodeRunId,
    /// Its composite.
    pub parent: NodeRunId,
    /// Unique within the parent.
    pub key: String,
    /// Whether the key came from the caller.
    pub key_given: bool,
    /// Pinned.
    pub node_type: NodeType,
    /// Known inputs.
    pub inputs: Object,
    /// Inputs from siblings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<Binding>,
    /// Siblings that must have succeeded first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<NodeRunId>,
    /// Siblings that it stands in for: it begins only if one of them fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback_for: Vec<NodeRunId>,
    /// Which node of the graph, or which item of the list, it is. From 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u32>,
    /// How its failure and time are handled, as asked.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// The child's own constraints, as asked: two uses of one key are compared by these.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub asked: Constraints,
    /// The parent's, the node type's and its own constraints merged.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// The clause it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// The candidate set chosen from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_set_id: Option<String>,
    /// A decision made outside, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_decision: Option<Value>,
    /// Opaque to the engine.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notes: Object,
}

/// How a node run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalState {
    /// It did what it was for.
    Succeeded,
    /// It did not.
    Failed,
    /// It was stopped.
    Canceled,
    /// It never began, because something it depends on did not succeed.
    Skipped,
}

impl fmt::Display for FinalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FinalState::Succeeded => "succeeded",
            FinalState::Failed => "failed",
            FinalState::Canceled => "canceled",
            FinalState::Skipped => "skipped",
        })
    }
}

/// How far a composite fell short of success when every failure below it was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortfall {
    /// Something was achieved and something was not.
    Partial,
    /// Nothing was achieved.
    NothingAchieved,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs, `snake_case`.
    pub code: String,
    /// For people: what happened, why, what to do.
    pub message: String,
    /// More, as an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Object>,
    /// Whether the same again may work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
}

/// A judgement (ARP `EvaluationResult`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Success, fail or unknown.
    pub status: EvaluationStatus,
    /// For programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// More.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Object>,
    /// From 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Opaque.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub extensions: Object,
}

/// The three judgements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationStatus {
    /// Good.
    Success,
    /// Bad.
    Fail,
    /// Cannot say.
    Unknown,
}

/// What the owner of an external composite does about a judgement; the value is ARP's `RecoveryAction`, as given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecoveryAction(pub Object);

/// Something made elsewhere; the value is ARP's `ResourceRef`, as given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Artifact(pub Object);
