//! The executions of a run: the nodes that it has reached, in order, each as it stands.
//!
//! Of a run that walks a graph they are the graph's nodes; of another composite its children; of a single node run that one. What runs
//! for the items of a group is not among them: the group's own output has what came of each.

use std::collections::HashMap;

use runyard_api::cargo::types::{Execution, ExecutionStatus, Node as Drawn, NodeKind as Kind};
use runyard_engine::event::FinalState;
use runyard_engine::{GraphNode, Node, NodeState, Route, Shortfall, State, Wait};

use super::{native, wire};
use crate::dialects::common::time::time;

/// How many characters of what a node put out stand for it in a line.
const TITLE_CHARACTERS_MAX: usize = 100;

/// Every execution. `drawn`: the nodes as they were drawn, where that is known.
pub(super) fn of(state: &State, drawn: Option<&[Drawn]>) -> Vec<Execution> {
    let drawn: HashMap<&str, &Drawn> = drawn.into_iter().flatten().map(|node| (node.uuid.as_str(), node)).collect();
    let all = nodes(state);
    let next = |index: usize| all.get(index + 1).and_then(|next| Some(graph_node(state, next)?.key.as_str()));
    all.iter()
        .enumerate()
        .map(|(index, node)| {
            let placed = graph_node(state, node);
            let drawn = placed.and_then(|placed| drawn.get(placed.key.as_str()).copied());
            execution(node, placed, drawn, next(index))
        })
        .collect()
}

/// Every node that was reached, by its slug.
pub(super) fn reached(state: &State) -> impl Iterator<Item = (&str, &Node)> {
    nodes(state).into_iter().map(|node| (slug(state, node), node))
}

/// Where the execution of a node stands.
pub(super) fn status(state: NodeState, shortfall: Option<Shortfall>) -> ExecutionStatus {
    match state {
        NodeState::Pending | NodeState::Queued | NodeState::Running | NodeState::Waiting(_) => ExecutionStatus::Pending,
        NodeState::Final(FinalState::Succeeded | FinalState::Skipped) => ExecutionStatus::Success,
        // A group of which some items failed has done what it was for: its node says that this may be.
        NodeState::Final(FinalState::Failed) if shortfall == Some(Shortfall::Partial) => ExecutionStatus::Success,
        NodeState::Final(FinalState::Failed | FinalState::Canceled) => ExecutionStatus::Error,
    }
}

fn nodes(state: &State) -> Vec<&Node> {
    let Some(root) = state.root() else { return Vec::new() };
    if !root.node_type.kind.is_composite() {
        return vec![root];
    }
    root.children.iter().filter_map(|id| state.node(*id)).collect()
}

fn graph_node<'a>(state: &'a State, node: &Node) -> Option<&'a GraphNode> {
    state.root()?.graph.as_ref()?.node(node.place.filter(|_| node.parent.is_some())?)
}

fn slug<'a>(state: &'a State, node: &'a Node) -> &'a str {
    match graph_node(state, node) {
        Some(placed) => &placed.slug,
        None if node.parent.is_none() => "root",
        None => &node.key,
    }
}

fn execution(node: &Node, placed: Option<&GraphNode>, drawn: Option<&Drawn>, next: Option<&str>) -> Execution {
    let status = status(node.state, node.shortfall);
    let what = what(node, drawn);
    Execution {
        node_uuid: placed.map_or_else(|| node.id.uuid().to_string(), |placed| placed.key.clone()),
        node_slug: match placed {
            Some(placed) => placed.slug.clone(),
            None if node.parent.is_none() => "root".to_owned(),
            None => node.key.clone(),
        },
        node_batch_uuid: None,
        node_run_uuid: wire::sub_run(node).map(|run| run.uuid().to_string()),
        node_message_uuid: None,
        node_child_index: placed.and_then(|placed| way(node, placed, status, next)),
        next_node_uuid: next.map(str::to_owned),
        status,
        error_message: match status {
            ExecutionStatus::Error => node.error.as_ref().map(wire::reason),
            // Of a node that is tried again: why the last attempt failed.
            ExecutionStatus::Pending => node.attempt_error.as_ref().map(wire::reason),
            ExecutionStatus::Success => None,
        },
        title: attempts(node, status).or_else(|| title(node, status)),
        icon_url: None,
        // Nothing is billed here.
        credits_used_count: 0.0,
        started_at: node.started_at_ms.map(time),
        updated_at: node.ended_at_ms.or(node.attempt_at_ms).or(node.started_at_ms).map(time),
        finished_at: node.ended_at_ms.map(time),
        node_kind: what.kind,
        node_action_slug: what.action,
        node_connector_uuid: drawn.and_then(|drawn| drawn.connector_uuid.clone()),
        node_integration_slug: what.integration,
        node_tool_uuid: drawn.and_then(|drawn| drawn.tool_uuid.clone()),
        node_agent_uuid: drawn.and_then(|drawn| drawn.agent_uuid.clone()),
        node_release_uuid: drawn.and_then(|drawn| drawn.release_uuid.clone()),
        node_wait_until_finished: drawn.and_then(|drawn| drawn.wait_until_finished),
    }
}

/// Which way was taken, from 0. None, where the walk ended or is not there yet, or where a fallback is no way.
fn way(node: &Node, placed: &GraphNode, status: ExecutionStatus, next: Option<&str>) -> Option<i64> {
    if placed.ways.is_empty() {
        return None;
    }
    match (status, node.route) {
        (ExecutionStatus::Pending, _) | (_, Some(Route::Stop)) => None,
        (ExecutionStatus::Success, Some(Route::Way(way))) => Some(i64::from(way)),
        (ExecutionStatus::Success, None) => Some(0),
        // What was passed over goes on by the first way; a fallback that is a way of its own counts as that one.
        (ExecutionStatus::Error, _) => {
            next.map(|_| 0).filter(|_| placed.fallback == runyard_engine::graph::Fallback::GoOn)
        }
    }
}

/// What a node is, in the owner's words.
struct What {
    kind: Kind,
    action: Option<String>,
    integration: Option<String>,
}

fn what(node: &Node, drawn: Option<&Drawn>) -> What {
    if let Some(drawn) = drawn {
        let (action, integration) = (drawn.action_slug.clone(), drawn.integration_slug.clone());
        return What { kind: drawn.kind, action, integration };
    }
    let id = node.node_type.id.as_str();
    match id.strip_prefix("integration.").and_then(|rest| rest.split_once('.')) {
        Some((integration, action)) => {
            What { kind: Kind::Connector, action: Some(action.to_owned()), integration: Some(integration.to_owned()) }
        }
        None => {
            What { kind: Kind::Native, action: Some(native::slug_of(id).unwrap_or(id).to_owned()), integration: None }
        }
    }
}

/// At which attempt a node is that is tried again.
fn attempts(node: &Node, status: ExecutionStatus) -> Option<String> {
    node.attempt_error.as_ref().filter(|_| status == ExecutionStatus::Pending)?;
    let of = node.policy.retry.as_ref().map(|retry| format!(" of {}", retry.attempts_max)).unwrap_or_default();
    Some(match node.state {
        NodeState::Waiting(Wait::Timer { until_ms }) => {
            format!("attempt {}{of} failed; the next is at {}", node.attempt, time(until_ms))
        }
        _ => format!("attempt {}{of}", node.attempt),
    })
}

/// In a line what came of a node.
fn title(node: &Node, status: ExecutionStatus) -> Option<String> {
    let outputs = node.outputs.as_ref().filter(|outputs| status == ExecutionStatus::Success && !outputs.is_empty())?;
    let text = serde_json::to_string(outputs).ok()?;
    Some(text.chars().take(TITLE_CHARACTERS_MAX).collect())
}

/// Every node that was reached, by its identifier.
pub(super) fn by_uuid(state: &State) -> impl Iterator<Item = (String, &Node)> {
    nodes(state).into_iter().map(|node| {
        let uuid = graph_node(state, node).map_or_else(|| node.id.uuid().to_string(), |placed| placed.key.clone());
        (uuid, node)
    })
}
