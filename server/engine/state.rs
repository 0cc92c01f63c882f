//! A run as it stands: a fold over its log, and nothing that is not in the log.
//!
//! The fold itself is in `apply`; what a state must always satisfy is in `check`. Node runs are shared, so
//! that a copy of a state costs next to nothing and a decision copies only what it touches.

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

/// A run as it stands.
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
    /// Where it stands.
    pub status: RunStatus,
    /// Every node run.
    pub nodes: NodeRuns,
    /// Node runs in the order of creation, the root first.
    pub order: Vec<NodeRunId>,
    /// Whom each approval was asked for. The approvals themselves are with the node runs.
    pub approvals: BTreeMap<ApprovalId, NodeRunId>,
    /// Present while nothing new may begin.
    pub paused: Option<Pause>,
    /// Tries of atomic node runs so far, for `max_steps`.
    pub steps: u64,
    /// Calls that left this server so far, each attempt counted, for `max_external_calls`.
    pub external_calls: u64,
    /// The run's outputs, once it has succeeded, or has in part.
    pub outputs: Option<Object>,
    /// Why it failed or was canceled.
    pub error: Option<Failure>,
    /// Unix milliseconds of the first event.
    pub started_at_ms: Option<i64>,
    /// Unix milliseconds of the last event.
    pub updated_at_ms: Option<i64>,
    /// Unix milliseconds of `Finished`.
    pub ended_at_ms: Option<i64>,
    /// How much its events say, and which large values they name.
    pub written: Written,
    /// Who is next. Part of the fold, kept so that nobody has to search the tree.
    pub(crate) line: Line,
}

/// Who is next: node runs by their ordinal.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Line {
    /// Queued calls; they take a place each.
    pub(crate) calls: BTreeSet<usize>,
    /// Everything else that is queued; it takes no place.
    pub(crate) others: BTreeSet<usize>,
    /// Calls that run.
    pub(crate) calls_running: u64,
    /// Node runs that run.
    pub(crate) running: u64,
    /// Node runs that wait for an approval.
    pub(crate) asked: u64,
    /// Questions that wait for their answer.
    pub(crate) questions: u64,
}

/// Why nothing new begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Pause {
    /// For people.
    pub reason: Option<String>,
    /// Who said so, as far as is known.
    pub by: Option<String>,
    /// Since when, Unix milliseconds.
    pub at_ms: i64,
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
    /// Its place in [`State::order`].
    pub ordinal: usize,
    /// Unique within the parent; empty for the root. A key that a caller gave and that starts with `#` has one more `#` here.
    pub key: String,
    /// Whether the key came from the caller.
    pub key_given: bool,
    /// Pinned.
    pub node_type: NodeType,
    /// With bindings resolved once it has started, or somebody was asked whether it may. Shared: they may be large, and a node run is
    /// copied for each of its children.
    pub inputs: Arc<Object>,
    /// Inputs from siblings.
    pub bindings: Vec<Binding>,
    /// Siblings that must have succeeded first.
    pub depends_on: Vec<NodeRunId>,
    /// How many of them do not let it begin, and one more while it stands in for others of which none has failed.
    pub unmet: usize,
    /// Siblings that it stands in for.
    pub fallback_for: Vec<NodeRunId>,
    /// Siblings that depend on this one.
    pub dependants: Vec<NodeRunId>,
    /// In the order of creation.
    pub children: Vec<NodeRunId>,
    /// How many of them have not ended.
    pub live_children: usize,
    /// Tries of atomic node runs here and below, for `max_steps`.
    pub steps: u64,
    /// Calls from here and below that left this server, each attempt counted, for `max_external_calls`.
    pub external_calls: u64,
    /// Its own constraints as asked.
    pub asked: Constraints,
    /// All that apply to it, merged.
    pub constraints: Constraints,
    /// How its failure and time are handled, as asked.
    pub policy: Policy,
    /// Where it stands.
    pub state: NodeState,
    /// What somebody was asked about it.
    pub approval: Option<Approval>,
    /// The present try, from 1; 0 before the first.
    pub attempt: u32,
    /// Why the try before this one failed.
    pub attempt_error: Option<Failure>,
    /// What it made.
    pub outputs: Option<Object>,
    /// What it made elsewhere.
    pub artifacts: Vec<Artifact>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// How far it fell short, where it failed only because failures were passed over.
    pub shortfall: Option<Shortfall>,
    /// The last judgement.
    pub evaluation: Option<Evaluation>,
    /// What came with the last judgement.
    pub recovery: Option<RecoveryAction>,
    /// Every recovery action, in order.
    pub recoveries: Vec<RecoveryAction>,
    /// How many times it was decomposed.
    pub rounds: u32,
    /// The planner's line for people.
    pub summary: Option<String>,
    /// Where its result comes from.
    pub result: Option<PlanResult>,
    /// Which node of the graph, or which item of the list, it is. From 0.
    pub place: Option<u32>,
    /// What it walks, or what each of its items walks.
    pub graph: Option<Arc<Graph>>,
    /// What it does, item by item.
    pub items: Option<Arc<Items>>,
    /// Where the graph goes on that it is a node of; absent: by the first way.
    pub route: Option<Route>,
    /// The run that it started in its present try.
    pub sub_run: Option<RunId>,
    /// What it will have made when the time has come that it waits for.
    pub delayed: Option<Object>,
    /// The clause it serves.
    pub goal: Option<String>,
    /// The candidate set chosen from.
    pub candidate_set_id: Option<String>,
    /// A decision made outside, as given.
    pub binding_decision: Option<Value>,
    /// Opaque to the engine. Shared, as the inputs are.
    pub notes: Arc<Object>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// When its first try began, Unix milliseconds.
    pub started_at_ms: Option<i64>,
    /// When its present try began, Unix milliseconds.
    pub attempt_at_ms: Option<i64>,
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

impl NodeState {
    /// Every one, for tables; the time that one waits for is the epoch.
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
    /// A time.
    Timer {
        /// Unix milliseconds.
        until_ms: i64,
    },
    /// Its children.
    Children,
    /// Its owner, outside.
    External,
    /// Input, from whoever follows the run.
    Input,
    /// The end of a run that it has started.
    Run,
    /// Somebody who says whether it may go on.
    Approval,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Nothing has begun.
    Queued,
    /// Some node run is running, or queued and may begin.
    Running,
    /// No node run is running, and none that is queued may begin.
    Waiting,
    /// Over.
    Final(RunOutcome),
}

impl RunStatus {
    /// Every one, for tables.
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
    /// Every failure was passed over, and something was achieved.
    Partial,
    /// Every failure was passed over, and nothing was achieved.
    NothingAchieved,
    /// It did not; the error says why.
    Failed,
    /// It was stopped.
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

    /// The id of its root node run, which its first event records.
    pub fn root_id(&self) -> NodeRunId {
        self.order.first().copied().unwrap_or_else(|| NodeRunId::root(self.run))
    }

    /// A node run of this run.
    pub fn node(&self, id: NodeRunId) -> Option<&Node> {
        self.nodes.get(&id).map(Arc::as_ref)
    }

    /// The most atomic node runs at work at once. A start that asks for none gets one: a run that can never move helps nobody.
    pub fn parallel_max(&self) -> u64 {
        self.start.as_ref().map_or(1, |start| u64::from(start.parallel_max.max(1)))
    }

    /// Whether somebody is asked about anything in it, and has not said.
    pub fn is_asking(&self) -> bool {
        self.line.asked > 0
    }

    /// How many calls may still leave this server from a node run; absent where nothing limits them.
    pub fn external_calls_left(&self, node_run: NodeRunId) -> Option<u64> {
        limits::external_calls_left(self, self.node(node_run)?)
    }

    /// Whether a question in it waits for its answer.
    pub fn has_open_question(&self) -> bool {
        self.line.questions > 0
    }

    /// Questions that wait for their answer, in the order of creation.
    pub fn open_questions(&self) -> impl Iterator<Item = &Node> {
        let open = |node: &&Node| node.state == NodeState::Waiting(Wait::Input);
        let nodes = self.order.iter().filter_map(|id| self.node(*id));
        nodes.filter(open).take(usize::try_from(self.line.questions).unwrap_or(usize::MAX))
    }

    /// Node runs that somebody was asked about, in the order of creation.
    pub fn asked(&self) -> impl Iterator<Item = (&Node, &Approval)> {
        let mut nodes: Vec<&Node> = self.approvals.values().filter_map(|id| self.node(*id)).collect();
        nodes.sort_unstable_by_key(|node| node.ordinal);
        nodes.into_iter().filter_map(|node| Some((node, node.approval.as_ref()?)))
    }

    /// Whether nobody who is queued may begin: the run is paused, or its plan waits for an approval.
    pub fn is_held(&self) -> bool {
        self.paused.is_some() || self.root().is_some_and(Node::is_asked)
    }

    /// Where a run that has not ended stands.
    pub(crate) fn moving(&self) -> RunStatus {
        let Line { calls, others, running, .. } = &self.line;
        let queued = !calls.is_empty() || !others.is_empty();
        if *running > 0 || (queued && !self.is_held()) { RunStatus::Running } else { RunStatus::Waiting }
    }

    /// The next node run to begin: the oldest that is queued and, if it is a call, finds a place.
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
    /// How a run ends whose root ended like this. (A root has no dependencies and is never skipped.)
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
    /// A node run without parent or history, queued; its creator fills in the rest.
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
