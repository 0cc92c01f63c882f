//! The state of a run: a fold over its log, with nothing that is not in the log.
//!
//! `apply` implements the fold, and `check` the invariants of a state. Node runs are shared, so that a copy of a state
//! is cheap and a decision copies only what it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::Start;
use crate::event::{Artifact, Evaluation, Failure, FinalState, RecoveryAction};
use crate::graph::{Graph, Items, Route};
use crate::large::Written;
use crate::plan::{Binding, PlanResult};
use crate::{
    Approval, ApprovalId, Constraints, NodeRunId, NodeRuns, NodeType, Object, Policy, Position, RunId, Shortfall,
    limits,
};

/// The state of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The run.
    pub run: RunId,
    /// The position of the last event applied; 0 before the first. Also the version that commits are checked against.
    pub version: Position,
    /// What it started with; absent before the first event.
    pub start: Option<Arc<Start>>,
    /// The run's constraints with the root node type's merged in.
    pub constraints: Constraints,
    /// Its status.
    pub status: RunStatus,
    /// Every node run.
    pub nodes: NodeRuns,
    /// Node runs in the order of creation, the root first.
    pub order: Vec<NodeRunId>,
    /// The node run of each approval request. The node run contains the approval itself.
    pub approvals: BTreeMap<ApprovalId, NodeRunId>,
    /// Present while nothing new may begin.
    pub paused: Option<Pause>,
    /// Attempts of atomic node runs so far, for `max_steps`.
    pub steps: u64,
    /// External calls so far, each attempt counted, for `max_external_calls`.
    pub external_calls: u64,
    /// The run's outputs, once it has succeeded or partially succeeded.
    pub outputs: Option<Object>,
    /// Why it failed or was canceled.
    pub error: Option<Failure>,
    /// Unix milliseconds of the first event.
    pub started_at_ms: Option<i64>,
    /// Unix milliseconds of the last event.
    pub updated_at_ms: Option<i64>,
    /// Unix milliseconds of `Finished`.
    pub ended_at_ms: Option<i64>,
    /// The size of its events, and the large values that they reference.
    pub written: Written,
    /// The node runs that may begin next. Part of the fold, so that no decision has to search the tree.
    pub(crate) line: Line,
}

/// The node runs that may begin next, by their ordinal.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Line {
    /// Queued calls; each one counts for `parallel_max`.
    pub(crate) calls: BTreeSet<usize>,
    /// All other queued node runs; they do not count for `parallel_max`.
    pub(crate) others: BTreeSet<usize>,
    /// The number of running calls.
    pub(crate) calls_running: u64,
    /// The number of running node runs.
    pub(crate) running: u64,
    /// The number of node runs that wait for an approval.
    pub(crate) asked: u64,
    /// The number of questions that wait for their answer.
    pub(crate) questions: u64,
}

/// The pause of a run, during which no node run begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Pause {
    /// The reason, for people.
    pub reason: Option<String>,
    /// The caller who paused it, if known.
    pub by: Option<String>,
    /// When it was paused, Unix milliseconds.
    pub at_ms: i64,
}

/// The state of a node run.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: NodeRunId,
    /// Its composite; absent for the root.
    pub parent: Option<NodeRunId>,
    /// 0 for the root.
    pub depth: u64,
    /// Its place in [`State::order`].
    pub ordinal: usize,
    /// Unique within the parent; empty for the root. A caller's key that starts with `#` has one more `#` here.
    pub key: String,
    /// Whether the key came from the caller.
    pub key_given: bool,
    /// Its node type, pinned when it was created.
    pub node_type: NodeType,
    /// Its inputs. Bindings are resolved once it has started or its approval was requested. Shared, because they may be
    /// large and a node run is copied for each of its children.
    pub inputs: Arc<Object>,
    /// Inputs from siblings.
    pub bindings: Vec<Binding>,
    /// The siblings that must succeed first.
    pub depends_on: Vec<NodeRunId>,
    /// The number of unsatisfied dependencies, plus one for a fallback that no sibling has failed for yet.
    pub unmet: usize,
    /// The siblings that it is the fallback of.
    pub fallback_for: Vec<NodeRunId>,
    /// The siblings that depend on this one.
    pub dependants: Vec<NodeRunId>,
    /// Its children, in the order of creation.
    pub children: Vec<NodeRunId>,
    /// The number of live children.
    pub live_children: usize,
    /// Attempts of itself and its descendants, if atomic, for `max_steps`.
    pub steps: u64,
    /// External calls of itself and its descendants, each attempt counted, for `max_external_calls`.
    pub external_calls: u64,
    /// Its own constraints as requested.
    pub asked: Constraints,
    /// All constraints that apply to it, merged.
    pub constraints: Constraints,
    /// Its retry, timeout and failure policy, as requested.
    pub policy: Policy,
    /// Its status.
    pub state: NodeState,
    /// Its approval request, if there is one.
    pub approval: Option<Approval>,
    /// The current attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// Why the previous attempt failed.
    pub attempt_error: Option<Failure>,
    /// Its outputs.
    pub outputs: Option<Object>,
    /// Its artifacts, which are stored elsewhere.
    pub artifacts: Vec<Artifact>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// How much it achieved, if it failed only because failures were ignored.
    pub shortfall: Option<Shortfall>,
    /// The last evaluation.
    pub evaluation: Option<Evaluation>,
    /// The recovery action of the last evaluation.
    pub recovery: Option<RecoveryAction>,
    /// Every recovery action, in order.
    pub recoveries: Vec<RecoveryAction>,
    /// How often it was decomposed.
    pub rounds: u32,
    /// The planner's one-line summary for people.
    pub summary: Option<String>,
    /// The source of its result.
    pub result: Option<PlanResult>,
    /// The index of its node in the graph, or of its item in the list. From 0.
    pub place: Option<u32>,
    /// Its graph, or the graph of each of its items.
    pub graph: Option<Arc<Graph>>,
    /// Its list of items.
    pub items: Option<Arc<Items>>,
    /// The edge that the surrounding graph follows next. If absent, the first one.
    pub route: Option<Route>,
    /// The run that its current attempt started.
    pub sub_run: Option<RunId>,
    /// The outputs with which it ends when its timer fires.
    pub delayed: Option<Object>,
    /// The clause of the goal that it serves.
    pub goal: Option<String>,
    /// The candidate set that it was chosen from.
    pub candidate_set_id: Option<String>,
    /// A binding decision made outside, as given.
    pub binding_decision: Option<Value>,
    /// Notes of the API, opaque to the engine. Shared like the inputs.
    pub notes: Arc<Object>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// When its first attempt began, Unix milliseconds.
    pub started_at_ms: Option<i64>,
    /// When its current attempt began, Unix milliseconds.
    pub attempt_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub ended_at_ms: Option<i64>,
}

/// The status of a node run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// A dependency is not satisfied yet.
    Pending,
    /// Ready to begin.
    Queued,
    /// Its work is in progress.
    Running,
    /// It waits for something.
    Waiting(Wait),
    /// Over.
    Final(FinalState),
}

impl NodeState {
    /// Every state, for tables. The timer is due at the epoch.
    pub const ALL: [NodeState; 13] = [
        NodeState::Pending,
        NodeState::Queued,
        NodeState::Running,
        NodeState::Waiting(Wait::Timer { until_ms: 0 }),
        NodeState::Waiting(Wait::Children),
        NodeState::Waiting(Wait::External),
        NodeState::Waiting(Wait::Input),
        NodeState::Waiting(Wait::Run),
        NodeState::Waiting(Wait::Approval),
        NodeState::Final(FinalState::Succeeded),
        NodeState::Final(FinalState::Failed),
        NodeState::Final(FinalState::Canceled),
        NodeState::Final(FinalState::Skipped),
    ];
}

/// What a node run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// A timer.
    Timer {
        /// Unix milliseconds.
        until_ms: i64,
    },
    /// Its children.
    Children,
    /// The external owner.
    External,
    /// Input from a client.
    Input,
    /// The end of a run that it has started.
    Run,
    /// An approval.
    Approval,
}

/// The status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Nothing has begun.
    Queued,
    /// A node run is running, or is queued and may begin.
    Running,
    /// No node run is running, and no queued one may begin.
    Waiting,
    /// Over.
    Final(RunOutcome),
}

impl RunStatus {
    /// Every status, for tables.
    pub const ALL: [RunStatus; 8] = [
        RunStatus::Queued,
        RunStatus::Running,
        RunStatus::Waiting,
        RunStatus::Final(RunOutcome::Succeeded),
        RunStatus::Final(RunOutcome::Partial),
        RunStatus::Final(RunOutcome::NothingAchieved),
        RunStatus::Final(RunOutcome::Failed),
        RunStatus::Final(RunOutcome::Canceled),
    ];
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// The root succeeded.
    Succeeded,
    /// Every failure was ignored, and something was achieved.
    Partial,
    /// Every failure was ignored, and nothing was achieved.
    NothingAchieved,
    /// The root failed; the error says why.
    Failed,
    /// The run was canceled.
    Canceled,
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeState::Pending => f.write_str("pending"),
            NodeState::Queued => f.write_str("queued"),
            NodeState::Running => f.write_str("running"),
            NodeState::Waiting(Wait::Timer { .. }) => f.write_str("waiting for a time"),
            NodeState::Waiting(Wait::Children) => f.write_str("waiting for its children"),
            NodeState::Waiting(Wait::External) => f.write_str("waiting for its owner"),
            NodeState::Waiting(Wait::Input) => f.write_str("waiting for input"),
            NodeState::Waiting(Wait::Run) => f.write_str("waiting for a run"),
            NodeState::Waiting(Wait::Approval) => f.write_str("waiting for an approval"),
            NodeState::Final(state) => state.fmt(f),
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RunOutcome::Succeeded => "succeeded",
            RunOutcome::Partial => "partial",
            RunOutcome::NothingAchieved => "nothing_achieved",
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
            nodes: NodeRuns::default(),
            order: Vec::new(),
            approvals: BTreeMap::new(),
            paused: None,
            steps: 0,
            external_calls: 0,
            outputs: None,
            error: None,
            started_at_ms: None,
            updated_at_ms: None,
            ended_at_ms: None,
            written: Written::default(),
            line: Line::default(),
        }
    }

    /// The root node run, once started.
    pub fn root(&self) -> Option<&Node> {
        self.order.first().and_then(|id| self.node(*id))
    }

    /// The id of its root node run, which the first event records.
    pub fn root_id(&self) -> NodeRunId {
        self.order.first().copied().unwrap_or_else(|| NodeRunId::root(self.run))
    }

    /// A node run of this run.
    pub fn node(&self, id: NodeRunId) -> Option<&Node> {
        self.nodes.get(&id).map(Arc::as_ref)
    }

    /// The most calls that run at once. A start with 0 gets 1, because the run could not progress otherwise.
    pub fn parallel_max(&self) -> u64 {
        self.start.as_ref().map_or(1, |start| u64::from(start.parallel_max.max(1)))
    }

    /// Whether it has an open approval request.
    pub fn is_asking(&self) -> bool {
        self.line.asked > 0
    }

    /// The number of external calls that a node run may still make; `None` without a limit.
    pub fn external_calls_left(&self, node_run: NodeRunId) -> Option<u64> {
        limits::external_calls_left(self, self.node(node_run)?)
    }

    /// Whether it has an open question.
    pub fn has_open_question(&self) -> bool {
        self.line.questions > 0
    }

    /// The open questions, in the order of creation.
    pub fn open_questions(&self) -> impl Iterator<Item = &Node> {
        let open = |node: &&Node| node.state == NodeState::Waiting(Wait::Input);
        let nodes = self.order.iter().filter_map(|id| self.node(*id));
        nodes.filter(open).take(usize::try_from(self.line.questions).unwrap_or(usize::MAX))
    }

    /// The node runs with an approval request, in the order of creation.
    pub fn asked(&self) -> impl Iterator<Item = (&Node, &Approval)> {
        let mut nodes: Vec<&Node> = self.approvals.values().filter_map(|id| self.node(*id)).collect();
        nodes.sort_unstable_by_key(|node| node.ordinal);
        nodes.into_iter().filter_map(|node| Some((node, node.approval.as_ref()?)))
    }

    /// Whether no queued node run may begin: the run is paused, or its root waits for an approval.
    pub fn is_held(&self) -> bool {
        self.paused.is_some() || self.root().is_some_and(Node::is_asked)
    }

    /// The status of a run that has not ended.
    pub(crate) fn moving(&self) -> RunStatus {
        let Line { calls, others, running, .. } = &self.line;
        let queued = !calls.is_empty() || !others.is_empty();
        if *running > 0 || (queued && !self.is_held()) { RunStatus::Running } else { RunStatus::Waiting }
    }

    /// The next node run to begin: the oldest one that is queued. Calls must also be within `parallel_max`.
    pub(crate) fn next_ready(&self) -> Option<NodeRunId> {
        if self.is_held() {
            return None;
        }
        let call = self.line.calls.first().filter(|_| self.line.calls_running < self.parallel_max());
        let other = self.line.others.first();
        let ordinal = match (call, other) {
            (Some(call), Some(other)) => call.min(other),
            (call, other) => call.or(other)?,
        };
        self.order.get(*ordinal).copied()
    }
}

impl RunOutcome {
    /// The outcome of a run whose root ended in this state. A root has no dependencies and is never skipped.
    pub const fn of(root: FinalState, shortfall: Option<Shortfall>) -> Self {
        match root {
            FinalState::Succeeded => RunOutcome::Succeeded,
            FinalState::Failed => match shortfall {
                Some(Shortfall::Partial) => RunOutcome::Partial,
                Some(Shortfall::NothingAchieved) => RunOutcome::NothingAchieved,
                None => RunOutcome::Failed,
            },
            FinalState::Canceled | FinalState::Skipped => RunOutcome::Canceled,
        }
    }
}

impl Node {
    /// A queued node run without parent or history; the caller sets the other fields.
    pub(crate) fn new(id: NodeRunId, node_type: NodeType, created_at_ms: i64) -> Self {
        Node {
            id,
            parent: None,
            depth: 0,
            ordinal: 0,
            key: String::new(),
            key_given: false,
            node_type,
            inputs: Arc::default(),
            bindings: Vec::new(),
            depends_on: Vec::new(),
            unmet: 0,
            fallback_for: Vec::new(),
            dependants: Vec::new(),
            children: Vec::new(),
            live_children: 0,
            steps: 0,
            external_calls: 0,
            asked: Constraints::default(),
            constraints: Constraints::default(),
            policy: Policy::default(),
            state: NodeState::Queued,
            approval: None,
            attempt: 0,
            attempt_error: None,
            outputs: None,
            artifacts: Vec::new(),
            error: None,
            shortfall: None,
            evaluation: None,
            recovery: None,
            recoveries: Vec::new(),
            rounds: 0,
            summary: None,
            result: None,
            place: None,
            graph: None,
            items: None,
            route: None,
            sub_run: None,
            delayed: None,
            goal: None,
            candidate_set_id: None,
            binding_decision: None,
            notes: Arc::default(),
            created_at_ms,
            started_at_ms: None,
            attempt_at_ms: None,
            ended_at_ms: None,
        }
    }

    /// Whether it has not ended.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, NodeState::Final(_))
    }

    /// How it ended, once it has.
    pub fn final_state(&self) -> Option<FinalState> {
        match self.state {
            NodeState::Final(state) => Some(state),
            _ => None,
        }
    }
}
