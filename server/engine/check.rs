//! The invariants of every state between two commands, as one pure function.
//!
//! `apply` rejects impossible events; this function checks the whole state. Tests call it after every decision, and a
//! store may call it for a rebuilt state. It recounts all counters from scratch instead of reading those of `apply`.

use std::fmt;

use crate::constraints::least;
use crate::event::FinalState;
use crate::kinds::agent;
use crate::kinds::graph::{Continuation, continuation};
use crate::limits::node_type_fits;
use crate::policy::{self, is_tried};
use crate::state::ReadyQueue;
use crate::{
    Node, NodeKind, NodeRunId, NodeState, Rest, RunId, RunOutcome, RunStatus, State, Verdict, Wait, approval,
    dependency, outstanding,
};

/// A violated invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The node run; `None` if the invariant concerns the whole run.
    pub node_run: Option<NodeRunId>,
    /// The invariant.
    pub law: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node_run {
            Some(node_run) => write!(f, "{node_run}: {}", self.law),
            None => write!(f, "run: {}", self.law),
        }
    }
}

/// All violated invariants; empty if the engine and the store are correct. Also empty before the first event.
pub fn check(state: &State) -> Vec<Violation> {
    let mut laws = Invariants { broken: Vec::new(), node_run: None };
    if state.start.is_none() {
        laws.must(*state == State::new(state.run), "nothing has happened before the first event");
        return laws.broken;
    }
    run(&mut laws, state);
    for node in state.nodes.values() {
        laws.node_run = Some(node.id);
        place(&mut laws, state, node);
        standing(&mut laws, state, node);
        match node.node_type.kind {
            NodeKind::Graph => walk(&mut laws, state, node),
            NodeKind::Each => list(&mut laws, state, node),
            NodeKind::Agent => turns(&mut laws, state, node),
            _ => {}
        }
        limits(&mut laws, state, node);
    }
    laws.broken
}

struct Invariants {
    broken: Vec<Violation>,
    node_run: Option<NodeRunId>,
}

impl Invariants {
    fn must(&mut self, holds: bool, law: &'static str) {
        if !holds {
            self.broken.push(Violation { node_run: self.node_run, law });
        }
    }
}

/// Invariants of the run as a whole.
fn run(laws: &mut Invariants, state: &State) {
    let nodes = || state.nodes.values();
    laws.must(state.order.len() == state.nodes.len(), "every node run has one place in the order");
    laws.must(state.root().is_some_and(|root| root.id.is_root_of(state.run)), "the root comes first");
    let children: usize = nodes().map(|node| node.children.len()).sum();
    laws.must(children + 1 == state.nodes.len(), "a parent knows each of its children once");
    let depend = |count: fn(&Node) -> usize| nodes().map(|node| count(node)).sum::<usize>();
    let both = depend(|node| node.dependants.len()) == depend(|node| node.depends_on.len());
    laws.must(both, "a dependency knows each of its dependants once");
    laws.must(state.ready == ready_queue(state), "the ready queue is what the node runs say");
    let asked = nodes().filter_map(|node| Some((node.approval.as_ref()?.id, node.id))).collect();
    laws.must(state.approvals == asked, "every approval is known once");
    let steps: u64 = nodes().filter(|node| is_atomic(node)).map(|node| u64::from(node.attempt)).sum();
    laws.must(state.steps == steps, "steps are the tries of atomic node runs");
    let calls: u64 = nodes().map(|node| own_external_calls(node)).sum();
    laws.must(state.external_calls == calls, "external calls are the tries of what leaves this server");
    let running = nodes().any(|node| node.state == NodeState::Running);
    let busy = running || (!state.is_held() && nodes().any(|node| node.state == NodeState::Queued));
    match state.status {
        RunStatus::Queued => laws.must(false, "a run that has started is not queued"),
        RunStatus::Running => laws.must(busy, "a running run has a node run that runs, or may begin"),
        RunStatus::Waiting => laws.must(!busy, "a waiting run has no node run that runs, or may begin"),
        RunStatus::Final(outcome) => {
            let end = state.root().and_then(|root| Some(RunOutcome::of(root.final_state()?, root.shortfall)));
            laws.must(end == Some(outcome), "a run ends as its root ended");
            laws.must(!nodes().any(|node| node.is_live()), "nothing lives in a run that has ended");
            laws.must(state.ended_at_ms.is_some(), "a run that has ended has an end");
            laws.must(state.paused.is_none(), "a run that has ended is not paused");
        }
    }
    if !matches!(state.status, RunStatus::Final(_)) {
        let named = [Wait::External, Wait::Input, Wait::Run, Wait::Approval].map(NodeState::Waiting);
        let named = state.paused.is_some() || nodes().any(|node| named.contains(&node.state));
        laws.must(named || !outstanding(state).is_empty(), "a live run waits for something that has a name");
        laws.must(state.root().is_some_and(Node::is_live), "a live run has a live root");
        laws.must(state.next_ready().is_none(), "every node run that can begin has begun");
    }
    laws.must(state.ready.calls_running <= state.parallel_max(), "no more calls at once than allowed");
}

/// Recomputes the queue of ready node runs from scratch.
fn ready_queue(state: &State) -> ReadyQueue {
    let mut ready = ReadyQueue::default();
    for node in state.nodes.values() {
        let call = node.node_type.kind == NodeKind::Call;
        match node.state {
            NodeState::Queued if call => _ = ready.calls.insert(node.ordinal),
            NodeState::Queued => _ = ready.others.insert(node.ordinal),
            NodeState::Running => {
                ready.calls_running += u64::from(call);
                ready.running += 1;
            }
            NodeState::Waiting(Wait::Approval) => ready.asked += 1,
            NodeState::Waiting(Wait::Input) => ready.questions += 1,
            NodeState::Pending | NodeState::Waiting(_) | NodeState::Final(_) => {}
        }
    }
    ready
}

/// Invariants of a node run's position in the tree.
fn place(laws: &mut Invariants, state: &State, node: &Node) {
    laws.must(state.order.get(node.ordinal) == Some(&node.id), "a node run is at its place in the order");
    match node.parent.map(|id| state.node(id)) {
        None => laws.must(node.depth == 0 && node.ordinal == 0, "only the root has no parent"),
        Some(None) => laws.must(false, "a parent exists"),
        Some(Some(parent)) => {
            laws.must(parent.depth + 1 == node.depth, "a child is one deeper than its parent");
            laws.must(parent.ordinal < node.ordinal, "a parent is older than its child");
            laws.must(parent.node_type.kind.is_composite(), "only composites have children");
            laws.must(
                node.id == NodeRunId::child(state.run, parent.id, &node.key),
                "an id follows from parent and key",
            );
            laws.must(parent.is_live() || !node.is_live(), "children end before their parent");
        }
    }
    let children = || node.children.iter().map(|id| state.node(*id));
    laws.must(
        children().all(|child| child.is_some_and(|child| child.parent == Some(node.id))),
        "children know their parent",
    );
    let live = children().flatten().filter(|child| child.is_live()).count();
    laws.must(node.live_children == live, "live children are counted right");
    let steps: u64 = children().flatten().map(|child| child.steps).sum();
    let own = if is_atomic(node) { u64::from(node.attempt) } else { 0 };
    laws.must(node.steps == steps + own, "steps are counted right");
    let calls: u64 = children().flatten().map(|child| child.external_calls).sum();
    laws.must(node.external_calls == calls + own_external_calls(node), "external calls are counted right");
}

/// Invariants of a node run's status.
fn standing(laws: &mut Invariants, state: &State, node: &Node) {
    let siblings = || node.depends_on.iter().filter_map(|id| state.node(*id));
    let unsatisfied = dependency::unsatisfied(state, node);
    laws.must(node.unsatisfied == unsatisfied, "unsatisfied dependencies are counted right");
    laws.must(siblings().all(|sibling| sibling.parent == node.parent), "dependencies are siblings");
    let dependants = || node.dependants.iter().filter_map(|id| state.node(*id));
    laws.must(dependants().all(|other| other.depends_on.contains(&node.id)), "who depends on a node run says so");
    let began = node.attempt > 0;
    laws.must(began == node.started_at_ms.is_some(), "who began has a beginning");
    laws.must(!began || unsatisfied == 0, "no node run begins before its dependencies are satisfied");
    laws.must(node.is_live() == node.ended_at_ms.is_none(), "who has ended has an end");
    let kind = node.node_type.kind;
    match node.state {
        NodeState::Pending => {
            laws.must(!began && unsatisfied > 0, "who is pending has a dependency that has not ended");
            laws.must(dependency::unsatisfiable(state, node).is_none(), "no node run waits for what can never happen");
        }
        NodeState::Queued => laws.must((!began || is_tried(kind)) && unsatisfied == 0, "who is queued could begin"),
        NodeState::Running => {
            let open = node.items.is_none() && node.children.is_empty();
            laws.must(is_tried(kind) && open, "who is tried runs, until it knows what it is made of");
        }
        NodeState::Waiting(Wait::Timer { .. }) => {
            let between = is_tried(kind) && node.attempt_error.is_some() && node.children.is_empty();
            let rests = kind.facts().rest == Rest::Timer || between || node.delayed.is_some();
            laws.must(rests, "sleeps wait for a time, and who is tried again, and who ends later");
        }
        NodeState::Waiting(Wait::Children) => {
            laws.must(
                kind.facts().rest == Rest::Children && node.live_children > 0,
                "composites of the server's own wait for live children",
            );
        }
        NodeState::Waiting(Wait::External) => {
            laws.must(kind.facts().rest == Rest::External, "external composites wait outside")
        }
        NodeState::Waiting(Wait::Input) => laws.must(kind.facts().rest == Rest::Input, "questions wait for input"),
        NodeState::Waiting(Wait::Run) => {
            let started = node.sub_run == Some(RunId::sub_run(state.run, node.id, node.attempt));
            laws.must(kind.facts().rest == Rest::Run && started, "who waits for a run has started it");
        }
        NodeState::Waiting(Wait::Approval) => {
            let children = || node.children.iter().filter_map(|id| state.node(*id));
            let unbegun = if node.is_planned() { children().all(|child| child.attempt == 0) } else { !began };
            laws.must(unbegun, "nothing begins before it is approved");
            laws.must(verdict(node) == Some(None), "who waits for an approval has asked, and has no answer");
        }
        NodeState::Final(FinalState::Succeeded) => {
            let good = |child: &Node| match dependency::effective(state, child).final_state() {
                Some(FinalState::Succeeded | FinalState::Skipped) => true,
                Some(FinalState::Failed | FinalState::Canceled) | None => false,
            };
            let all = node.children.iter().filter_map(|id| state.node(*id)).all(good);
            laws.must(kind != NodeKind::Plan || all, "a plan succeeds only if no failure was passed over");
        }
        NodeState::Final(FinalState::Skipped) => laws.must(!began, "who was skipped never began"),
        NodeState::Final(FinalState::Failed | FinalState::Canceled) => {}
    }
    if began && approval::was_needed(state, node) {
        laws.must(verdict(node) == Some(Some(Verdict::Approved)), "what needs an approval begins with one");
    }
    if verdict(node) == Some(Some(Verdict::Denied)) {
        let canceled = state.status == RunStatus::Final(RunOutcome::Canceled);
        let call = agent::is_tool_call(state, node);
        laws.must((canceled || call) && !node.is_live(), "a run that was denied something is canceled");
    }
    let tries = node.policy.retry(&node.node_type).map_or(1, |retry| retry.attempts_max);
    laws.must(node.attempt <= tries, "no more tries than allowed");
    laws.must(policy::check(&node.policy, &node.node_type).is_ok(), "policies can be kept");
    laws.must(node.shortfall.is_none() || node.final_state() == Some(FinalState::Failed), "only who failed fell short");
    laws.must(!is_atomic(node) || began || node.outputs.is_none(), "who never began made nothing");
}

/// Invariants of a graph's execution: it begins at the entry, runs one node at a time, and follows the edges.
fn walk(laws: &mut Invariants, state: &State, graph: &Node) {
    let walked: Vec<&Node> = graph.children.iter().filter_map(|id| state.node(*id)).collect();
    laws.must(graph.live_children <= 1, "a walk is in one place at once");
    let entry = graph.graph.as_ref().map(|graph| graph.entry);
    laws.must(walked.first().is_none_or(|first| first.place == entry), "a walk begins at the entry");
    let follows = |pair: &[&Node]| Some(continuation(graph, pair[0])) == pair[1].place.map(Continuation::To);
    laws.must(walked.windows(2).all(follows), "a walk follows the ways of its graph");
    let ended = graph.final_state() == Some(FinalState::Succeeded);
    let last = walked.last().map(|last| continuation(graph, last));
    laws.must(!ended || last == Some(Continuation::End), "a walk that succeeded has come to its end");
}

/// Invariants of a list: items run in order, and at most `at_once` at a time.
fn list(laws: &mut Invariants, state: &State, list: &Node) {
    let through = || list.children.iter().filter_map(|id| state.node(*id));
    let in_order = through().enumerate().all(|(index, child)| child.place == u32::try_from(index).ok());
    laws.must(in_order, "items are taken in their order");
    let at_once = list.items.as_ref().map_or(0, |items| items.at_once.max(1) as usize);
    laws.must(list.live_children <= at_once, "no more items at once than asked");
    let count = list.items.as_ref().map_or(0, |items| items.items.len());
    laws.must(list.children.len() <= count, "every child has an item");
    let succeeded = list.final_state() == Some(FinalState::Succeeded);
    let all = list.children.len() == count && through().all(|child| child.final_state() == Some(FinalState::Succeeded));
    laws.must(!succeeded || all, "a list succeeds only if every item did");
}

/// Invariants of an agent: a turn comes first, one turn is live at a time and never beside calls, and at most `at_once`
/// calls are live.
fn turns(laws: &mut Invariants, state: &State, node: &Node) {
    let children = || node.children.iter().filter_map(|id| state.node(*id));
    laws.must(children().next().is_none_or(|first| first.place.is_none()), "an agent begins with a turn");
    let live_turns = children().filter(|child| child.place.is_none() && child.is_live()).count();
    laws.must(live_turns == 0 || node.live_children == 1, "a turn is alone");
    let (at_once, turns_max) = node.agent.as_ref().map_or((0, 0), |agent| (agent.at_once.max(1), agent.turns_max));
    laws.must(node.live_children <= at_once as usize, "no more calls at once than asked");
    let turns = children().filter(|child| child.place.is_none()).count();
    laws.must(turns <= turns_max.max(1) as usize, "no more turns than allowed");
}

/// The verdict of its approval request: `None` without a request, `Some(None)` while it is open.
fn verdict(node: &Node) -> Option<Option<Verdict>> {
    Some(node.approval.as_ref()?.decided.as_ref().map(|decided| decided.verdict))
}

/// Invariants of the limits for a node run and its descendants.
fn limits(laws: &mut Invariants, state: &State, node: &Node) {
    let Node { constraints, .. } = node;
    let within = |limit: Option<u64>, found: u64| limit.is_none_or(|limit| found <= limit);
    let below = !node.children.is_empty();
    let structural = &constraints.structural;
    laws.must(!below || within(structural.max_depth, node.depth + 1), "max_depth");
    laws.must(within(structural.max_children_per_composite, node.children.len() as u64), "max_children_per_composite");
    laws.must(
        within(structural.max_decomposition_rounds_per_node, u64::from(node.rounds)),
        "max_decomposition_rounds_per_node",
    );
    let total = state.constraints.structural.max_total_nodes_per_run;
    laws.must(within(total, state.nodes.len() as u64), "max_total_nodes_per_run");
    let steps = least(node.asked.budgets.max_steps, node.node_type.constraints.budgets.max_steps);
    laws.must(within(steps, node.steps), "max_steps");
    let calls = least(node.asked.budgets.max_external_calls, node.node_type.constraints.budgets.max_external_calls);
    laws.must(within(calls, node.external_calls), "max_external_calls");
    let priced = node.constraints.budgets.max_cost.is_none() || own_external_calls(node) == 0;
    laws.must(priced, "max_cost: what has no price is not called");
    let surroundings = node.parent.and_then(|id| state.node(id)).map_or(&node.asked, |parent| &parent.constraints);
    laws.must(node_type_fits(surroundings, &node.node_type).is_ok(), "node types are allowed where they are");
}

/// The external calls of this node run itself.
fn own_external_calls(node: &Node) -> u64 {
    if is_atomic(node) && node.node_type.external { u64::from(node.attempt) } else { 0 }
}

fn is_atomic(node: &Node) -> bool {
    !node.node_type.kind.is_composite()
}
