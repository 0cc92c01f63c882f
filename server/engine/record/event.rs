//! The events of a run's log. They are stored permanently, so every change here is an addition, or a new format version
//! with a step in the file of [`crate::upcast`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Object;
use super::approval::Verdict;
use super::constraints::Constraints;
pub use super::failure::{CodeText, Failure};
use super::graph::{Content, Route};
use super::ids::{ApprovalId, NodeRunId, Position, RunId};
use super::node_type::NodeType;
use super::plan::{Binding, CandidateSet, PlanResult};
use super::policy::Policy;
use super::start::Start;
pub use super::status::{FinalState, Shortfall};
use super::status::{RunOutcome, Wait};

/// The current format version of events.
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
/// | 6      | agents in `loaded`; inputs that an approver changed                         |
pub const FORMAT_VERSION: u32 = 6;

/// An event with its position in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The position, without gaps, from 1.
    pub position: Position,
    /// The time of the decision, Unix milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The run started; its root node run exists.
    Started {
        /// The start command.
        start: Arc<Start>,
        /// The root's id.
        root: NodeRunId,
        /// The run's constraints with the root node type's merged in.
        #[serde(default, skip_serializing_if = "Constraints::is_empty")]
        constraints: Constraints,
    },
    /// A composite was split into children, or got children from outside.
    Decomposed {
        /// The composite.
        node_run: NodeRunId,
        /// The number of the round, from 1.
        round: u32,
        /// The number of children that follow.
        children: u32,
        /// The planner's one-line summary for people; absent for children from outside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
        /// The source of the composite's result; absent for children from outside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<PlanResult>,
    },
    /// The content of a composite was loaded.
    Loaded {
        /// The composite.
        node_run: NodeRunId,
        /// Its resolved inputs; absent if they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
        /// A graph, items, or an agent.
        content: Content,
    },
    /// The candidates for a child that is about to be created.
    CandidatesGenerated {
        /// The child.
        node_run: NodeRunId,
        /// The subtask's id; for children from outside the one in their binding decision, else their key, else empty.
        subtask_id: String,
        /// Candidates, best first. Empty when only the set's id is known.
        set: CandidateSet,
    },
    /// The choice for a child that is about to be created.
    SubtaskMapped {
        /// The child.
        node_run: NodeRunId,
        /// The subtask's id, where the planner made it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subtask_id: Option<String>,
        /// The candidate set that it was chosen from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        candidate_set_id: Option<String>,
        /// The planner's reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rationale: Option<String>,
        /// A binding decision made outside, as given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Value>,
    },
    /// A child was created. The root exists since `Started`.
    ChildCreated(Box<ChildCreated>),
    /// A node run began.
    NodeStarted {
        /// The node run.
        node_run: NodeRunId,
        /// From 1.
        attempt: u32,
        /// The inputs with every binding resolved; absent if they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
    },
    /// An attempt failed, and there will be another one. Until then the node run waits for a timer.
    AttemptFailed {
        /// The node run.
        node_run: NodeRunId,
        /// The failed attempt, from 1.
        attempt: u32,
        /// Why.
        error: Failure,
        /// When the next attempt is due, Unix milliseconds.
        retry_at_ms: i64,
    },
    /// An approval was requested: for a plan before its steps begin, or for any other node run before it begins. The
    /// node run waits for the decision.
    ApprovalAsked {
        /// The node run.
        node_run: NodeRunId,
        /// The id of the approval request.
        approval: ApprovalId,
        /// The inputs with every binding resolved, so that the approver sees them; absent if they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
    },
    /// An approval request was approved or denied.
    ApprovalDecided {
        /// The node run.
        node_run: NodeRunId,
        /// The approval request.
        approval: ApprovalId,
        /// The verdict.
        verdict: Verdict,
        /// The caller's name, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// The approver's comment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
        /// The inputs that the approver changed and approved; absent if they are as requested.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
    },
    /// The run was paused: no node run begins.
    Paused {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The caller's name, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The run was resumed.
    Resumed {
        /// The caller's name, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The wait of a node run ended: it is ready again.
    NodeQueued {
        /// The node run.
        node_run: NodeRunId,
    },
    /// A node run began to wait.
    NodeWaiting {
        /// The node run.
        node_run: NodeRunId,
        /// What it waits for.
        wait: Wait,
    },
    /// A call succeeded with a delayed end. The node run waits until that time.
    NodeDelayed {
        /// The node run.
        node_run: NodeRunId,
        /// When it ends, Unix milliseconds.
        until_ms: i64,
        /// The outputs with which it will end.
        outputs: Object,
        /// Its resolved inputs; absent if they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
        /// The edge that the surrounding graph follows then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<Route>,
    },
    /// A child run was started for a node run, which waits for its end.
    Launched {
        /// The node run.
        node_run: NodeRunId,
        /// The child run.
        run: RunId,
        /// Its resolved inputs; absent if they are as created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
    },
    /// A node run ended.
    NodeFinished {
        /// The node run.
        node_run: NodeRunId,
        /// How it ended.
        state: FinalState,
        /// Its outputs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Object>,
        /// Its artifacts, which are stored elsewhere.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<Artifact>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
        /// How much a composite achieved that failed only because failures were ignored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shortfall: Option<Shortfall>,
        /// Its resolved inputs; absent if they are unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Object>,
        /// The edge that the surrounding graph follows next. If absent, the first one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<Route>,
    },
    /// A node run was evaluated.
    Evaluated {
        /// The node run.
        node_run: NodeRunId,
        /// The evaluation.
        evaluation: Evaluation,
    },
    /// The owner of an external composite reported a recovery action.
    RecoveryApplied {
        /// The node run.
        node_run: NodeRunId,
        /// The recovery action.
        action: RecoveryAction,
    },
    /// The run ended. Nothing follows.
    Finished {
        /// How it ended.
        outcome: RunOutcome,
        /// The root's outputs, if it succeeded or partially succeeded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Object>,
        /// Why it failed or was canceled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    },
}

impl Event {
    /// The `type` of its stored form.
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
    /// The node run that it changes; `None` if it changes only the run. The creation of a child changes its parent,
    /// too.
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
    /// The pinned node type.
    pub node_type: NodeType,
    /// The inputs that are known at creation.
    pub inputs: Object,
    /// Inputs from siblings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<Binding>,
    /// Siblings that must have succeeded first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<NodeRunId>,
    /// The siblings that it is the fallback of: it begins only if one of them fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback_for: Vec<NodeRunId>,
    /// The index of its node in the graph, or of its item in the list. From 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u32>,
    /// Its retry, timeout and failure policy, as requested.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// The child's own constraints, as requested. Two requests with the same key are compared by these.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub asked: Constraints,
    /// The parent's, the node type's and its own constraints merged.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// The clause of the goal that it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// The candidate set that it was chosen from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_set_id: Option<String>,
    /// A binding decision made outside, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_decision: Option<Value>,
    /// Opaque to the engine.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub notes: Object,
}

/// An evaluation (ARP `EvaluationResult`).
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
    /// Details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Object>,
    /// From 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Opaque.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub extensions: Object,
}

/// The result of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationStatus {
    /// Success.
    Success,
    /// Failure.
    Fail,
    /// Unknown.
    Unknown,
}

/// The recovery action of an external composite's owner after an evaluation; the value is ARP's `RecoveryAction`, as
/// given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecoveryAction(pub Object);

/// An artifact that is stored elsewhere; the value is ARP's `ResourceRef`, as given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Artifact(pub Object);
