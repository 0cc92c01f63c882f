//! A static graph: it runs until its graph is known, then waits for the node that it has reached.
//!
//! What follows a node:
//! - If the node succeeded or partially succeeded: the edge that it named, or else its first edge.
//! - If the node failed: its fallback, or its first edge if failures are ignored. Otherwise the graph fails with
//!   `child_failed`. A canceled node fails the graph in the same way.
//! - An edge without a target ends the graph, and so does a node that returns `stop`.
//!
//! Its outputs are those of the last node with outputs. A failure with a fallback node does not count. If a failure was
//! ignored, or a node partially succeeded, the graph fails with `partial` and has outputs, or fails with
//! `nothing_achieved`.

use serde_json::Value;

use crate::draft::Draft;
use crate::ending::{Checked, Ending, ended_as};
use crate::event::{ChildCreated, Failure, FinalState};
use crate::graph::{Fallback, GraphNode, Route};
use crate::{Constraints, Event, FailureCode, Node, NodeKind, NodeRunId, Object, Rejected, Shortfall, State, limits};

/// Checks whether a known graph may be executed here.
pub(crate) fn begin(state: &State, node: &Node) -> Checked<()> {
    if content_is_known(state, node) {
        limits::children_fit(state, node, 1).map_err(|breach| Box::new(Failure::from(breach)))?;
    }
    Ok(())
}

/// Whether the graph is already known because it was created with the node run. A node of another graph is loaded
/// anyway, because its inputs may have to be evaluated.
pub(crate) fn content_is_known(state: &State, node: &Node) -> bool {
    let parent = node.parent.and_then(|id| state.node(id));
    node.graph.is_some() && parent.is_none_or(|parent| parent.node_type.kind != NodeKind::Graph)
}

/// Begins the first node.
pub(crate) fn first(draft: &mut Draft, id: NodeRunId) -> Result<Option<Ending>, Rejected> {
    let entry = draft.node(id)?.graph.as_ref().map_or(0, |graph| graph.entry);
    reach(draft, id, entry)
}

/// Begins the next node, or ends as described above.
pub(crate) fn child_ended(draft: &mut Draft, id: NodeRunId, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    let (graph, child) = (draft.node(id)?, draft.node(child)?);
    match continuation(graph, child) {
        Continuation::To(place) => reach(draft, id, place),
        Continuation::End => Ok(Some(answer(draft.state(), graph))),
        Continuation::Fail => Ok(Some(Ending::failed(child_failed(graph, child)))),
    }
}

/// What follows the end of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuation {
    /// This node.
    To(u32),
    /// The end of the graph.
    End,
    /// The failure of the graph.
    Fail,
}

/// What follows a node that has ended.
pub(crate) fn continuation(graph: &Node, child: &Node) -> Continuation {
    let Some(node) = node_of(graph, child) else { return Continuation::Fail };
    let by = |way: u32| match node.ways.get(way as usize).copied().flatten() {
        Some(place) => Continuation::To(place),
        None => Continuation::End,
    };
    match (child.final_state(), node.fallback) {
        _ if is_done(child) => match child.route {
            None => by(0),
            Some(Route::Way(way)) => by(way),
            Some(Route::Stop) => Continuation::End,
        },
        (Some(FinalState::Failed), Fallback::GoTo(place)) => Continuation::To(place),
        (Some(FinalState::Failed), Fallback::GoOn) => by(0),
        _ => Continuation::Fail,
    }
}

/// Whether it succeeded or partially succeeded.
pub(crate) fn is_done(node: &Node) -> bool {
    node.final_state() == Some(FinalState::Succeeded) || node.shortfall == Some(Shortfall::Partial)
}

/// The graph's node that a child is the run of.
fn node_of<'a>(graph: &'a Node, child: &Node) -> Option<&'a GraphNode> {
    graph.graph.as_ref()?.node(child.place?)
}

/// Creates the run of a node. If a limit forbids more node runs, the graph fails.
fn reach(draft: &mut Draft, id: NodeRunId, place: u32) -> Result<Option<Ending>, Rejected> {
    let parent = draft.node(id)?;
    if let Err(breach) = limits::more_children_fit(draft.state(), parent, 1) {
        return Ok(Some(Ending::failed(Failure::from(breach))));
    }
    let graph = parent.graph.clone();
    let Some(node) = graph.as_ref().and_then(|graph| graph.node(place)) else {
        return Err(super::impossible(id, "its graph has no such node"));
    };
    draft.record(Event::ChildCreated(Box::new(ChildCreated {
        node_run: NodeRunId::child(draft.state().run, id, &node.key),
        parent: id,
        key: node.key.clone(),
        key_given: true,
        constraints: parent.constraints.merge(&node.node_type.constraints),
        node_type: node.node_type.clone(),
        inputs: node.inputs.clone(),
        bindings: Vec::new(),
        depends_on: Vec::new(),
        fallback_for: Vec::new(),
        place: Some(place),
        policy: node.policy.clone(),
        asked: Constraints::default(),
        goal: None,
        candidate_set_id: None,
        binding_decision: None,
        notes: Object::new(),
    })))?;
    Ok(None)
}

/// The failure of the graph when a node did not succeed and nothing follows.
fn child_failed(graph: &Node, child: &Node) -> Failure {
    let (code, reason) = match &child.error {
        Some(error) => (error.code.as_str(), error.message.as_str()),
        None => ("unknown", "no reason was given"),
    };
    let slug = node_of(graph, child).map_or("", |node| node.slug.as_str());
    let details = Object::from_iter([
        ("node_run_id".to_owned(), Value::String(child.id.to_string())),
        ("node".to_owned(), Value::String(slug.to_owned())),
        ("code".to_owned(), Value::String(code.to_owned())),
        ("message".to_owned(), Value::String(reason.to_owned())),
    ]);
    let how = ended_as(child.final_state().unwrap_or(FinalState::Failed));
    Failure {
        details: Some(details),
        ..Failure::new(FailureCode::ChildFailed, format!("node `{slug}` {how}: {reason}"))
    }
}

/// The end of the graph after its last node.
fn answer(state: &State, graph: &Node) -> Ending {
    let walked = || graph.children.iter().filter_map(|id| state.node(*id));
    let last = walked().rev().find(|child| is_done(child));
    let outputs = last.and_then(|last| last.outputs.clone()).unwrap_or_default();
    let made_good = |child: &Node| matches!(node_of(graph, child), Some(GraphNode { fallback: Fallback::GoTo(_), .. }));
    let short = |child: &&Node| {
        let passed_over = child.final_state() == Some(FinalState::Failed) && !is_done(child) && !made_good(child);
        passed_over || child.shortfall == Some(Shortfall::Partial)
    };
    let lost: Vec<&Node> = walked().filter(short).collect();
    let Some(first) = lost.first() else { return Ending::succeeded(outputs) };
    let slug = |child: &Node| node_of(graph, child).map_or_else(String::new, |node| node.slug.clone());
    let reason = first.error.as_ref().map_or("no reason was given", |error| error.message.as_str());
    let was = if lost.len() == 1 { "1 node fell short".to_owned() } else { format!("{} nodes fell short", lost.len()) };
    let message = format!("{was} and the walk went on; first `{}`: {reason}", slug(first));
    let slugs = lost.iter().map(|child| Value::String(slug(child))).collect();
    let details = Object::from_iter([("failed_nodes".to_owned(), Value::Array(slugs))]);
    let (shortfall, plain) = match last {
        Some(_) => (Shortfall::Partial, Failure::new(FailureCode::Partial, message)),
        None => (Shortfall::NothingAchieved, Failure::new(FailureCode::NothingAchieved, message)),
    };
    Ending::short(shortfall, outputs, Failure { details: Some(details), ..plain })
}
