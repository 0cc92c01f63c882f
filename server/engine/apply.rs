//! The fold: applies recorded events to the state, and rejects impossible ones.
//!
//! Nothing is decided here. `decide` applies every event that it produces with the same function, so that a replay of
//! the log cannot differ from the live state. `check` has the invariants of a whole state.

use std::sync::Arc;

use crate::corrupt::Corrupt;
use crate::event::{ChildCreated, Failure, FinalState};
use crate::graph::{Content, Graph, Route};
use crate::kinds::facts::{ApprovalOf, Rest, Work};
use crate::node_type::NodeKind;
use crate::policy::is_tried;
use crate::{
    Approval, ApprovalDecision, ApprovalId, Constraints, Event, Node, NodeRunId, NodeState, Object, OnFailure, Pause,
    Recorded, RunId, RunOutcome, RunStatus, Shortfall, Start, State, Verdict, Wait, dependency, limits,
};

/// Rebuilds the state of a run from its log.
///
/// # Errors
/// [`Corrupt`] when the events cannot be the log of one run.
pub fn replay<'a>(run: RunId, events: impl IntoIterator<Item = &'a Recorded>) -> Result<State, Corrupt> {
    let mut state = State::new(run);
    for recorded in events {
        apply(&mut state, recorded)?;
    }
    Ok(state)
}

/// Applies one recorded event to the state.
///
/// # Errors
/// [`Corrupt`] when the event is not the next one or cannot have happened; the state is then unchanged.
pub fn apply(state: &mut State, recorded: &Recorded) -> Result<(), Corrupt> {
    let Recorded { position, at_ms, event } = recorded;
    if *position != state.version + 1 {
        return Err(Corrupt::Position { expected: state.version + 1, found: *position });
    }
    let fold = Application { at_ms: *at_ms, event: event.name() };
    fold.in_time(state, event)?;
    match event {
        Event::Started { start, root, constraints } => fold.started(state, start, *root, constraints)?,
        Event::Decomposed { node_run, round, summary, result, .. } => {
            fold.expect(fold.node(state, *node_run)?.rounds.checked_add(1) == Some(*round), *node_run, "wrong round")?;
            let node = fold.live_composite(state, *node_run)?;
            node.rounds = *round;
            node.summary = summary.clone().or(node.summary.take());
            node.result = result.clone().or(node.result.take());
        }
        Event::Loaded { node_run, inputs, content } => fold.loaded(state, *node_run, inputs.as_ref(), content)?,
        // These describe the next child. `ChildCreated` contains what the state needs.
        Event::CandidatesGenerated { .. } | Event::SubtaskMapped { .. } => {}
        Event::ChildCreated(child) => fold.child_created(state, child)?,
        Event::NodeStarted { node_run, attempt, inputs } => {
            fold.node_started(state, *node_run, *attempt, inputs.as_ref())?;
        }
        Event::AttemptFailed { node_run, attempt, error, retry_at_ms } => {
            fold.attempt_failed(state, *node_run, *attempt, error, *retry_at_ms)?;
        }
        Event::ApprovalAsked { node_run, approval, inputs } => {
            fold.approval_asked(state, *node_run, *approval, inputs.as_ref())?;
        }
        Event::ApprovalDecided { node_run, approval, verdict, by, comment, inputs } => {
            let decided =
                ApprovalDecision { verdict: *verdict, by: by.clone(), comment: comment.clone(), at_ms: *at_ms };
            fold.approval_decided(state, *node_run, *approval, decided)?;
            if let Some(inputs) = inputs {
                fold.node_mut(state, *node_run)?.inputs = Arc::new(inputs.clone());
            }
        }
        Event::Paused { reason, by } => {
            fold.expect_run(state.paused.is_none(), state, "it is paused already")?;
            state.paused = Some(Pause { reason: reason.clone(), by: by.clone(), at_ms: *at_ms });
        }
        Event::Resumed { .. } => {
            fold.expect_run(state.paused.is_some(), state, "it is not paused")?;
            state.paused = None;
        }
        Event::NodeQueued { node_run } => fold.node_queued(state, *node_run)?,
        Event::NodeWaiting { node_run, wait } => fold.node_waiting(state, *node_run, *wait)?,
        Event::NodeDelayed { node_run, until_ms, outputs, inputs, route } => {
            fold.node_delayed(state, *node_run, *until_ms, outputs)?;
            fold.went(state, *node_run, inputs.as_ref(), *route)?;
        }
        Event::Launched { node_run, run, inputs } => {
            fold.launched(state, *node_run, *run)?;
            fold.went(state, *node_run, inputs.as_ref(), None)?;
        }
        Event::NodeFinished { node_run, state: end, outputs, artifacts, error, shortfall, inputs, route } => {
            fold.may_finish(state, *node_run, *end, *shortfall)?;
            fold.went(state, *node_run, inputs.as_ref(), *route)?;
            let node = fold.node_mut(state, *node_run)?;
            node.outputs = outputs.clone();
            node.artifacts = artifacts.clone();
            node.error = error.clone();
            node.shortfall = *shortfall;
            node.ended_at_ms = Some(*at_ms);
            fold.node_finished(state, *node_run, *end)?;
        }
        Event::Evaluated { node_run, evaluation } => {
            let node = fold.node_mut(state, *node_run)?;
            node.evaluation = Some(evaluation.clone());
            node.recovery = None;
        }
        Event::RecoveryApplied { node_run, action } => {
            let node = fold.node_mut(state, *node_run)?;
            node.recovery = Some(action.clone());
            node.recoveries.push(action.clone());
        }
        Event::Finished { outcome, outputs, error } => {
            fold.finished(state, *outcome, outputs.as_ref(), error.as_ref())?;
        }
    }
    state.written.add(event);
    state.version = *position;
    state.updated_at_ms = Some(*at_ms);
    if !matches!(state.status, RunStatus::Final(_)) {
        state.status = state.moving();
    }
    Ok(())
}

/// The event that is being applied.
struct Application {
    at_ms: i64,
    event: &'static str,
}

impl Application {
    fn in_time(&self, state: &State, event: &Event) -> Result<(), Corrupt> {
        if matches!(state.status, RunStatus::Final(_)) {
            return Err(Corrupt::AfterFinished { event: self.event });
        }
        let first = matches!(event, Event::Started { .. });
        if state.start.is_none() && !first {
            return Err(Corrupt::BeforeStarted { event: self.event });
        }
        Ok(())
    }

    fn started(&self, state: &mut State, start: &Arc<Start>, id: NodeRunId, all: &Constraints) -> Result<(), Corrupt> {
        self.expect(state.start.is_none(), id, "the run has started before")?;
        self.expect(id.is_root_of(state.run), id, "it is not this run's root")?;
        let node = Node {
            asked: start.constraints.clone(),
            constraints: all.clone(),
            inputs: Arc::new(start.inputs.clone()),
            notes: Arc::new(start.notes.clone()),
            policy: start.policy.clone(),
            graph: start.graph.clone(),
            ..Node::new(id, start.node_type.clone(), self.at_ms)
        };
        state.start = Some(start.clone());
        state.constraints = all.clone();
        state.started_at_ms = Some(self.at_ms);
        insert(state, node);
        Ok(())
    }

    fn child_created(&self, state: &mut State, child: &ChildCreated) -> Result<(), Corrupt> {
        let id = child.node_run;
        self.expect(!state.nodes.contains_key(&id), id, "it exists already")?;
        let derived = NodeRunId::child(state.run, child.parent, &child.key);
        self.expect(id == derived, id, "its id does not follow from parent and key")?;
        for dependency in &child.depends_on {
            let sibling = self.node(state, *dependency)?;
            self.expect(sibling.parent == Some(child.parent), id, "it depends on a node run that is no sibling")?;
        }
        for other in &child.fallback_for {
            let sibling = self.node(state, *other)?;
            let names_it = matches!(&sibling.policy.on_failure, OnFailure::GoTo(key) if *key == child.key);
            self.expect(
                sibling.parent == Some(child.parent) && names_it,
                id,
                "it stands in for a node run that does not name it",
            )?;
        }
        let graph = self.graph_of_child(state, child)?;
        let parent = self.live_composite(state, child.parent)?;
        parent.children.push(id);
        parent.live_children += 1;
        let depth = parent.depth + 1;
        for dependency in &child.depends_on {
            self.node_mut(state, *dependency)?.dependants.push(id);
        }
        let mut node = Node {
            parent: Some(child.parent),
            depth,
            key: child.key.clone(),
            key_given: child.key_given,
            inputs: Arc::new(child.inputs.clone()),
            bindings: child.bindings.clone(),
            depends_on: child.depends_on.clone(),
            fallback_for: child.fallback_for.clone(),
            place: child.place,
            graph,
            policy: child.policy.clone(),
            asked: child.asked.clone(),
            constraints: child.constraints.clone(),
            goal: child.goal.clone(),
            candidate_set_id: child.candidate_set_id.clone(),
            binding_decision: child.binding_decision.clone(),
            notes: Arc::new(child.notes.clone()),
            ..Node::new(id, child.node_type.clone(), self.at_ms)
        };
        node.unsatisfied = dependency::unsatisfied(state, &node);
        node.state = if node.unsatisfied == 0 { NodeState::Queued } else { NodeState::Pending };
        insert(state, node);
        Ok(())
    }

    /// The graph of a child, from its composite.
    fn graph_of_child(&self, state: &State, child: &ChildCreated) -> Result<Option<Arc<Graph>>, Corrupt> {
        let parent = self.node(state, child.parent)?;
        match (parent.node_type.kind, child.place) {
            (NodeKind::Graph, Some(place)) => {
                let node = parent.graph.as_ref().and_then(|graph| graph.node(place));
                self.expect(
                    node.is_some_and(|node| node.key == child.key),
                    child.node_run,
                    "the graph has no such node",
                )?;
                Ok(node.and_then(|node| node.graph.clone()))
            }
            (NodeKind::Each, Some(place)) => {
                let items = parent.items.as_ref().filter(|items| (place as usize) < items.items.len());
                self.expect(items.is_some(), child.node_run, "the list has no such item")?;
                Ok(items.and_then(|items| items.graph.clone()).or_else(|| parent.graph.clone()))
            }
            (NodeKind::Agent, Some(place)) => {
                let tool = parent.agent.as_ref().is_some_and(|agent| (place as usize) < agent.tools.len());
                self.expect(tool, child.node_run, "the agent has no such tool").map(|()| None)
            }
            (NodeKind::Graph | NodeKind::Each, None) => {
                self.expect(false, child.node_run, "it has no place").map(|()| None)
            }
            _ => Ok(None),
        }
    }

    fn loaded(
        &self,
        state: &mut State,
        id: NodeRunId,
        inputs: Option<&Object>,
        content: &Content,
    ) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        self.expect(node.state == NodeState::Running && node.children.is_empty(), id, "it did not ask")?;
        let kind = node.node_type.kind;
        let node = self.node_mut(state, id)?;
        match (kind, content) {
            (NodeKind::Graph, Content::Graph(graph)) => node.graph = Some(graph.clone()),
            (NodeKind::Each, Content::Items(items)) => node.items = Some(items.clone()),
            (NodeKind::Agent, Content::Agent(agent)) => node.agent = Some(agent.clone()),
            _ => return self.expect(false, id, "it is not made of that"),
        }
        if let Some(inputs) = inputs {
            node.inputs = Arc::new(inputs.clone());
        }
        Ok(())
    }

    fn node_delayed(&self, state: &mut State, id: NodeRunId, until_ms: i64, outputs: &Object) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        let at_work = node.state == NodeState::Running && node.node_type.kind.facts().work == Some(Work::Call);
        self.expect(at_work, id, "only a call at work ends later")?;
        self.node_mut(state, id)?.delayed = Some(outputs.clone());
        move_to(state, id, NodeState::Waiting(Wait::Timer { until_ms }));
        Ok(())
    }

    fn launched(&self, state: &mut State, id: NodeRunId, run: RunId) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        let at_work = node.state == NodeState::Running && node.node_type.kind.facts().work == Some(Work::Run);
        self.expect(at_work, id, "it starts no run")?;
        let derived = RunId::sub_run(state.run, id, node.attempt);
        self.expect(run == derived, id, "the run's id does not follow from its attempt")?;
        self.node_mut(state, id)?.sub_run = Some(run);
        move_to(state, id, NodeState::Waiting(Wait::Run));
        Ok(())
    }

    /// Sets the resolved inputs and the next edge.
    fn went(
        &self,
        state: &mut State,
        id: NodeRunId,
        inputs: Option<&Object>,
        route: Option<Route>,
    ) -> Result<(), Corrupt> {
        if inputs.is_some() || route.is_some() {
            let node = self.node_mut(state, id)?;
            node.route = route;
            if let Some(inputs) = inputs {
                node.inputs = Arc::new(inputs.clone());
            }
        }
        Ok(())
    }

    fn node_started(
        &self,
        state: &mut State,
        id: NodeRunId,
        attempt: u32,
        inputs: Option<&Object>,
    ) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        self.expect(node.state == NodeState::Queued, id, "it is not queued")?;
        self.expect(!state.is_held(), id, "the run is paused, or its plan waits for an approval")?;
        self.expect(node.attempt.checked_add(1) == Some(attempt), id, "wrong attempt")?;
        let (atomic, external) = (!node.node_type.kind.is_composite(), node.node_type.external);
        let node = self.node_mut(state, id)?;
        node.attempt = attempt;
        node.started_at_ms = node.started_at_ms.or(Some(self.at_ms));
        node.attempt_at_ms = Some(self.at_ms);
        if let Some(inputs) = inputs {
            node.inputs = Arc::new(inputs.clone());
        }
        move_to(state, id, NodeState::Running);
        if atomic {
            limits::count_step(state, id, external);
        }
        Ok(())
    }

    fn attempt_failed(
        &self,
        state: &mut State,
        id: NodeRunId,
        attempt: u32,
        error: &Failure,
        retry_at_ms: i64,
    ) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        let at_try = matches!(node.state, NodeState::Running | NodeState::Waiting(Wait::Run));
        self.expect(at_try && is_tried(node.node_type.kind), id, "it is at no try")?;
        self.expect(node.live_children == 0 && node.attempt == attempt, id, "it is at another try")?;
        let node = self.node_mut(state, id)?;
        node.attempt_error = Some(error.clone());
        node.sub_run = None;
        move_to(state, id, NodeState::Waiting(Wait::Timer { until_ms: retry_at_ms }));
        Ok(())
    }

    fn approval_asked(
        &self,
        state: &mut State,
        id: NodeRunId,
        approval: ApprovalId,
        inputs: Option<&Object>,
    ) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        self.expect(approval == ApprovalId::of(state.run, id), id, "the approval's id does not follow from it")?;
        self.expect(node.approval.is_none(), id, "it was asked about before")?;
        let planned = node.is_planned() && node.state == NodeState::Running && node.live_children > 0;
        let first = node.node_type.kind.facts().approval != ApprovalOf::Plan
            && node.state == NodeState::Queued
            && node.attempt == 0;
        self.expect(planned || first, id, "there is nothing to ask about it")?;
        let node = self.node_mut(state, id)?;
        node.approval = Some(Approval { id: approval, asked_at_ms: self.at_ms, decided: None });
        if let Some(inputs) = inputs {
            node.inputs = Arc::new(inputs.clone());
        }
        state.approvals.insert(approval, id);
        move_to(state, id, NodeState::Waiting(Wait::Approval));
        Ok(())
    }

    /// The next events have the consequences.
    fn approval_decided(
        &self,
        state: &mut State,
        id: NodeRunId,
        approval: ApprovalId,
        decided: ApprovalDecision,
    ) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        let open = node.approval.as_ref().is_some_and(|asked| asked.id == approval && asked.decided.is_none());
        self.expect(node.is_asked() && open, id, "it does not wait for that approval")?;
        if let Some(asked) = &mut self.node_mut(state, id)?.approval {
            asked.decided = Some(decided);
        }
        Ok(())
    }

    fn node_queued(&self, state: &mut State, id: NodeRunId) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        let waits = matches!(node.state, NodeState::Waiting(Wait::Timer { .. }));
        let between = waits && is_tried(node.node_type.kind) && node.delayed.is_none();
        let approved = is_approved(node) && !node.is_planned();
        self.expect(between || approved, id, "it waits neither for its next try nor for an approval that is given")?;
        move_to(state, id, NodeState::Queued);
        Ok(())
    }

    fn node_waiting(&self, state: &mut State, id: NodeRunId, wait: Wait) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        let approved = is_approved(node) && node.is_planned();
        self.expect(node.state == NodeState::Running || approved, id, "it is not running")?;
        let fits = matches!(
            (node.node_type.kind.facts().rest, wait),
            (Rest::Timer, Wait::Timer { .. })
                | (Rest::Input, Wait::Input)
                | (Rest::Children, Wait::Children)
                | (Rest::External, Wait::External)
        );
        self.expect(fits, id, "its kind does not wait for that")?;
        move_to(state, id, NodeState::Waiting(wait));
        Ok(())
    }

    fn may_finish(
        &self,
        state: &State,
        id: NodeRunId,
        end: FinalState,
        shortfall: Option<Shortfall>,
    ) -> Result<(), Corrupt> {
        let node = self.node(state, id)?;
        let joins = node.node_type.kind.facts().falls_short;
        let short = shortfall.is_none() || (end == FinalState::Failed && joins);
        self.expect(
            short,
            id,
            "only a composite of the server's own, or who waited for a run, falls short when it failed",
        )?;
        self.expect(node.is_live(), id, "it has ended before")?;
        self.expect(node.live_children == 0, id, "it has live children")?;
        self.expect(end != FinalState::Skipped || node.state == NodeState::Pending, id, "only who waits is skipped")?;
        self.expect(end != FinalState::Succeeded || node.attempt > 0, id, "it never began")
    }

    fn node_finished(&self, state: &mut State, id: NodeRunId, end: FinalState) -> Result<(), Corrupt> {
        move_to(state, id, NodeState::Final(end));
        let node = self.node(state, id)?;
        let (parent, nearer) = (node.parent, dependency::advanced_by(state, node));
        if let Some(parent) = parent {
            self.node_mut(state, parent)?.live_children -= 1;
        }
        for sibling in nearer {
            let node = self.node_mut(state, sibling)?;
            node.unsatisfied -= 1;
            if node.unsatisfied == 0 && node.state == NodeState::Pending {
                move_to(state, sibling, NodeState::Queued);
            }
        }
        Ok(())
    }

    fn finished(
        &self,
        state: &mut State,
        outcome: RunOutcome,
        outputs: Option<&Object>,
        error: Option<&Failure>,
    ) -> Result<(), Corrupt> {
        let root = state.root_id();
        let root_run = self.node(state, root)?;
        let end = root_run.final_state().map(|end| RunOutcome::of(end, root_run.shortfall));
        self.expect(end == Some(outcome), root, "it did not end like that")?;
        state.status = RunStatus::Final(outcome);
        state.paused = None;
        state.outputs = outputs.cloned();
        state.error = error.cloned();
        state.ended_at_ms = Some(self.at_ms);
        Ok(())
    }

    fn node<'a>(&self, state: &'a State, id: NodeRunId) -> Result<&'a Node, Corrupt> {
        state.node(id).ok_or(Corrupt::UnknownNodeRun { event: self.event, node_run: id })
    }

    fn node_mut<'a>(&self, state: &'a mut State, id: NodeRunId) -> Result<&'a mut Node, Corrupt> {
        let node = state.nodes.get_mut(&id).ok_or(Corrupt::UnknownNodeRun { event: self.event, node_run: id })?;
        Ok(Arc::make_mut(node))
    }

    fn live_composite<'a>(&self, state: &'a mut State, id: NodeRunId) -> Result<&'a mut Node, Corrupt> {
        let node = self.node(state, id)?;
        self.expect(node.node_type.kind.is_composite(), id, "it is atomic")?;
        self.expect(node.is_live(), id, "it has ended")?;
        self.expect(node.attempt > 0, id, "it has not begun")?;
        self.node_mut(state, id)
    }

    fn expect(&self, holds: bool, node_run: NodeRunId, reason: &'static str) -> Result<(), Corrupt> {
        if holds { Ok(()) } else { Err(Corrupt::Impossible { event: self.event, node_run, reason }) }
    }

    fn expect_run(&self, holds: bool, state: &State, reason: &'static str) -> Result<(), Corrupt> {
        self.expect(holds, state.root_id(), reason)
    }
}

/// Whether it waits for an approval that has just been approved.
fn is_approved(node: &Node) -> bool {
    let verdict = node.approval.as_ref().and_then(|asked| asked.decided.as_ref()).map(|decided| decided.verdict);
    node.is_asked() && verdict == Some(Verdict::Approved)
}

/// Adds a new node run to the tree and, if it is queued, to the queue of ready node runs.
fn insert(state: &mut State, mut node: Node) {
    node.ordinal = state.order.len();
    enter(state, node.state, node.ordinal, node.node_type.kind);
    state.order.push(node.id);
    state.nodes.insert(node.id, Arc::new(node));
}

/// Changes the state of an existing node run and updates the queue of ready node runs.
fn move_to(state: &mut State, id: NodeRunId, to: NodeState) {
    let Some(node) = state.nodes.get_mut(&id) else { return };
    let node = Arc::make_mut(node);
    let from = std::mem::replace(&mut node.state, to);
    let (ordinal, kind) = (node.ordinal, node.node_type.kind);
    leave(state, from, ordinal, kind);
    enter(state, to, ordinal, kind);
}

fn enter(state: &mut State, at: NodeState, ordinal: usize, kind: NodeKind) {
    let ready = &mut state.ready;
    match at {
        NodeState::Queued if kind == NodeKind::Call => _ = ready.calls.insert(ordinal),
        NodeState::Queued => _ = ready.others.insert(ordinal),
        NodeState::Running => {
            ready.calls_running += u64::from(kind == NodeKind::Call);
            ready.running += 1;
        }
        NodeState::Waiting(Wait::Approval) => ready.asked += 1,
        NodeState::Waiting(Wait::Input) => ready.questions += 1,
        NodeState::Pending | NodeState::Waiting(_) | NodeState::Final(_) => {}
    }
}

fn leave(state: &mut State, at: NodeState, ordinal: usize, kind: NodeKind) {
    let ready = &mut state.ready;
    match at {
        NodeState::Queued if kind == NodeKind::Call => _ = ready.calls.remove(&ordinal),
        NodeState::Queued => _ = ready.others.remove(&ordinal),
        NodeState::Running => {
            ready.calls_running -= u64::from(kind == NodeKind::Call);
            ready.running -= 1;
        }
        NodeState::Waiting(Wait::Approval) => ready.asked -= 1,
        NodeState::Waiting(Wait::Input) => ready.questions -= 1,
        NodeState::Pending | NodeState::Waiting(_) | NodeState::Final(_) => {}
    }
}
