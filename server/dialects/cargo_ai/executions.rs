//! The executions of a run: the nodes that it has reached, in order, with their current state.
//!
//! For a run of a graph they are the graph's nodes, for another composite its children, and for a single node run that
//! one. Runs for the items of a group are not listed: the group's output has their results.

use std::collections::HashMap;

use runyard_api::cargo::types::{Execution, ExecutionStatus, Node as Drawn, NodeKind as Kind};
use runyard_engine::event::{Failure, FinalState};
use runyard_engine::{GraphNode, Node, NodeKind, NodeState, Route, RunId, Shortfall, State, Wait};

use super::native;
use crate::dialects::common::time::time;

/// The most characters of a node's output in an execution's title.
const TITLE_CHARACTERS_MAX: usize = 100;

/// All executions. `drawn`: the nodes as the client drew them, if known.
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

/// Every node that the run has reached, by its slug.
pub(super) fn reached(state: &State) -> impl Iterator<Item = (&str, &Node)> {
    nodes(state).into_iter().map(|node| (slug(state, node), node))
}

/// The status of an execution.
pub(super) fn status(state: NodeState, shortfall: Option<Shortfall>) -> ExecutionStatus {
    match state {
        NodeState::Pending | NodeState::Queued | NodeState::Running | NodeState::Waiting(_) => ExecutionStatus::Pending,
        NodeState::Final(FinalState::Succeeded | FinalState::Skipped) => ExecutionStatus::Success,
        // A group of which some items failed has succeeded: its node allows that.
        NodeState::Final(FinalState::Failed) if shortfall == Some(Shortfall::Partial) => ExecutionStatus::Success,
        NodeState::Final(FinalState::Failed | FinalState::Canceled) => ExecutionStatus::Error,
    }
}

/// The run that a node started, whether the node waits for it or not.
pub(super) fn sub_run(node: &Node) -> Option<RunId> {
    let left = || node.outputs.as_ref().filter(|_| node.node_type.kind == NodeKind::Run)?.get("run_id")?.as_str();
    node.sub_run.or_else(|| RunId::parse(left()?))
}

/// The reason of a failure: the code, then the message.
pub(super) fn reason(failure: &Failure) -> String {
    format!("{}: {}", failure.code, failure.message)
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
        node_run_uuid: sub_run(node).map(|run| run.uuid().to_string()),
        node_message_uuid: None,
        node_child_index: placed.and_then(|placed| way(node, placed, status, next)),
        next_node_uuid: next.map(str::to_owned),
        status,
        error_message: match status {
            ExecutionStatus::Error => node.error.as_ref().map(reason),
            // The error of the last attempt, for a node that is retried.
            ExecutionStatus::Pending => node.attempt_error.as_ref().map(reason),
            ExecutionStatus::Success => None,
        },
        title: attempts(node, status).or_else(|| title(node, status)),
        icon_url: None,
        // Runyard bills nothing.
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

/// The index of the edge that was taken, from 0. `None` if the run ended here, has not got further yet, or took a
/// fallback that is not an edge.
fn way(node: &Node, placed: &GraphNode, status: ExecutionStatus, next: Option<&str>) -> Option<i64> {
    if placed.ways.is_empty() {
        return None;
    }
    match (status, node.route) {
        (ExecutionStatus::Pending, _) | (_, Some(Route::Stop)) => None,
        (ExecutionStatus::Success, Some(Route::Way(way))) => Some(i64::from(way)),
        (ExecutionStatus::Success, None) => Some(0),
        // A skipped node continues by its first edge. A fallback edge of its own counts as the first edge.
        (ExecutionStatus::Error, _) => {
            next.map(|_| 0).filter(|_| placed.fallback == runyard_engine::graph::Fallback::GoOn)
        }
    }
}

/// The node's kind in the vendor's terms.
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

/// The number of attempts of a node that is retried.
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

/// The result of a node in one line.
fn title(node: &Node, status: ExecutionStatus) -> Option<String> {
    let outputs = node.outputs.as_ref().filter(|outputs| status == ExecutionStatus::Success && !outputs.is_empty())?;
    let text = serde_json::to_string(outputs).ok()?;
    Some(text.chars().take(TITLE_CHARACTERS_MAX).collect())
}

/// Every node that the run has reached, by its identifier.
pub(super) fn by_uuid(state: &State) -> impl Iterator<Item = (String, &Node)> {
    nodes(state).into_iter().map(|node| {
        let uuid = graph_node(state, node).map_or_else(|| node.id.uuid().to_string(), |placed| placed.key.clone());
        (uuid, node)
    })
}
