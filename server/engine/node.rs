//! A node run of a run's state.

use std::sync::Arc;

use serde_json::Value;

use crate::event::{Artifact, Evaluation, Failure, FinalState, RecoveryAction};
use crate::graph::{Graph, Items, Route};
use crate::plan::{Binding, PlanResult};
use crate::record::agent::Agent;
use crate::{Approval, Constraints, NodeRunId, NodeState, NodeType, Object, Policy, RunId, Shortfall};

/// The state of a node run.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: NodeRunId,
    /// Its composite; absent for the root.
    pub parent: Option<NodeRunId>,
    /// 0 for the root.
    pub depth: u64,
    /// Its place in [`State::order`](crate::State::order).
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
    pub unsatisfied: usize,
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
    /// The index of its node in the graph, of its item in the list, or of its tool in the agent. From 0.
    pub place: Option<u32>,
    /// Its graph, or the graph of each of its items.
    pub graph: Option<Arc<Graph>>,
    /// Its list of items.
    pub items: Option<Arc<Items>>,
    /// Its model and its tools, if it is an agent.
    pub agent: Option<Arc<Agent>>,
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
            unsatisfied: 0,
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
            agent: None,
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
