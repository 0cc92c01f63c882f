//! A run as it stands: a fold over its log, and nothing that is not in the log.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::Start;
use crate::event::{Artifact, Evaluation, Failure, FinalState, RecoveryAction};
use crate::plan::{Binding, Source};
use crate::{Constraints, NodeRunId, NodeType, Object, Position, RunId};

/// A run as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The run.
    pub run: RunId,
    /// The position of the last event applied; 0 before the first. Also the version that commits are checked against.
    pub version: Position,
    /// What it started with; absent before the first event.
    pub start: Option<Box<Start>>,
    /// The run's constraints with the root node type's merged in.
    pub constraints: Constraints,
    /// Where it stands.
    pub status: RunStatus,
    /// Every node run.
    pub nodes: BTreeMap<NodeRunId, Node>,
    /// Node runs in the order of creation, the root first.
    pub order: Vec<NodeRunId>,
    /// Atomic node runs started so far, for `max_steps`.
    pub steps: u64,
    /// The run's outputs, once it has succeeded.
    pub outputs: Option<Object>,
    /// Why it failed or was canceled.
    pub error: Option<Failure>,
    /// Unix milliseconds of the first event.
    pub started_at_ms: Option<i64>,
    /// Unix milliseconds of the last event.
    pub updated_at_ms: Option<i64>,
    /// Unix milliseconds of `Finished`.
    pub ended_at_ms: Option<i64>,
}

/// A node run as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: NodeRunId,
    /// Its composite; absent for the root.
    pub parent: Option<NodeRunId>,
    /// 0 for the root.
    pub depth: u64,
    /// Unique within the parent; empty for the root.
    pub key: String,
    /// Whether the key came from the caller.
    pub key_given: bool,
    /// Pinned.
    pub node_type: NodeType,
    /// With bindings resolved once it has started.
    pub inputs: Object,
    /// Inputs from siblings.
    pub bindings: Vec<Binding>,
    /// Siblings that must have succeeded first.
    pub depends_on: Vec<NodeRunId>,
    /// In the order of creation.
    pub children: Vec<NodeRunId>,
    /// Its own constraints as asked.
    pub asked: Constraints,
    /// All that apply to it, merged.
    pub constraints: Constraints,
    /// Where it stands.
    pub state: NodeState,
    /// From 1 once started.
    pub attempt: u32,
    /// What it made.
    pub outputs: Option<Object>,
    /// What it made elsewhere.
    pub artifacts: Vec<Artifact>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// The last judgement.
    pub evaluation: Option<Evaluation>,
    /// Every recovery action, in order.
    pub recoveries: Vec<RecoveryAction>,
    /// How many times it was decomposed.
    pub rounds: u32,
    /// The planner's line for people.
    pub summary: Option<String>,
    /// Where its result comes from.
    pub result: Option<Source>,
    /// The clause it serves.
    pub goal: Option<String>,
    /// The candidate set chosen from.
    pub candidate_set_id: Option<String>,
    /// A decision made outside, as given.
    pub binding_decision: Option<Value>,
    /// Opaque to the engine.
    pub notes: Object,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub started_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub ended_at_ms: Option<i64>,
}

/// Where a node run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Something it depends on has not ended.
    Pending,
    /// Ready; others are in front.
    Queued,
    /// At work.
    Running,
    /// At rest until something with a name happens.
    Waiting(Wait),
    /// Over.
    Final(FinalState),
}

/// What a node run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// A time.
    Timer {
        /// Unix milliseconds.
        until_ms: i64,
    },
    /// Its children.
    Children,
    /// Its owner, outside.
    External,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Nothing has begun.
    Queued,
    /// Some node run is queued or running.
    Running,
    /// No node run is queued or running.
    Waiting,
    /// Over.
    Final(RunOutcome),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// The root succeeded.
    Succeeded,
    /// It did not; the error says why.
    Failed,
    /// It was stopped.
    Canceled,
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RunOutcome::Succeeded => "succeeded",
            RunOutcome::Failed => "failed",
            RunOutcome::Canceled => "canceled",
        })
    }
}

impl State {
    /// The state before the first event.
    pub fn new(run: RunId) -> Self {
        State {
            run,
            version: 0,
            start: None,
            constraints: Constraints::default(),
            status: RunStatus::Queued,
            nodes: BTreeMap::new(),
            order: Vec::new(),
            steps: 0,
            outputs: None,
            error: None,
            started_at_ms: None,
            updated_at_ms: None,
            ended_at_ms: None,
        }
    }

    /// The root node run, once started.
    pub fn root(&self) -> Option<&Node> {
        self.order.first().and_then(|id| self.nodes.get(id))
    }
}
