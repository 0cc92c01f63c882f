//! The state of a run: a fold over its log, with nothing that is not in the log.
//!
//! `apply` implements the fold, and `check` the invariants of a state. Node runs are shared, so that a copy of a state
//! is cheap and a decision copies only what it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::Failure;
use crate::large::BytesWritten;
pub use crate::node::Node;
pub use crate::record::status::{NodeState, RunOutcome, RunStatus, Wait};
use crate::{Approval, ApprovalId, Constraints, NodeRunId, NodeRuns, Object, Position, RunId, Start};

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
    pub written: BytesWritten,
    /// The node runs that may begin next. Part of the fold, so that no decision has to search the tree.
    pub(crate) ready: ReadyQueue,
}

/// The node runs that may begin next, by their ordinal.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReadyQueue {
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
            written: BytesWritten::default(),
            ready: ReadyQueue::default(),
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
        self.ready.asked > 0
    }

    /// Whether it has an open question.
    pub fn has_open_question(&self) -> bool {
        self.ready.questions > 0
    }

    /// The open questions, in the order of creation.
    pub fn open_questions(&self) -> impl Iterator<Item = &Node> {
        let open = |node: &&Node| node.state == NodeState::Waiting(Wait::Input);
        let nodes = self.order.iter().filter_map(|id| self.node(*id));
        nodes.filter(open).take(usize::try_from(self.ready.questions).unwrap_or(usize::MAX))
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
        let ReadyQueue { calls, others, running, .. } = &self.ready;
        let queued = !calls.is_empty() || !others.is_empty();
        if *running > 0 || (queued && !self.is_held()) { RunStatus::Running } else { RunStatus::Waiting }
    }

    /// The next node run to begin: the oldest one that is queued. Calls must also be within `parallel_max`.
    pub(crate) fn next_ready(&self) -> Option<NodeRunId> {
        if self.is_held() {
            return None;
        }
        let call = self.ready.calls.first().filter(|_| self.ready.calls_running < self.parallel_max());
        let other = self.ready.others.first();
        let ordinal = match (call, other) {
            (Some(call), Some(other)) => call.min(other),
            (call, other) => call.or(other)?,
        };
        self.order.get(*ordinal).copied()
    }
}
