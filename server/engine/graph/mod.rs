//! Static graphs, and lists of items that run the same node type.
//!
//! A graph is read, resolved and checked outside the engine, then recorded once. `check` is in this module, so that
//! every API reports the same faults. The engine executes the graph: a node becomes a node run when it is reached, and
//! the end of the node run selects one outgoing edge. Only one node runs at a time. As there are no cycles, each node
//! runs at most once. Parallel work is a list of [`Items`].
//!
//! Places are indexes into [`Graph::nodes`]. Names are only for people and for readers of the state.

mod check;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::policy::{self, Invalid};
use crate::{NodeType, Object, OnFailure, Policy};

pub use check::{Fault, Outline, Reason, Ways, check};

/// A graph, ready to be executed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// The index of the first node.
    pub entry: u32,
    /// The nodes; at least one.
    pub nodes: Vec<GraphNode>,
}

/// A node of a graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GraphNode {
    /// Unique in the graph; the key of its node run.
    pub key: String,
    /// The name under which expressions read its outputs. Unique in the graph.
    pub slug: String,
    /// The pinned node type.
    pub node_type: NodeType,
    /// Its inputs as written; the driver evaluates them.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The outgoing edges, as places. An edge without a target ends the graph.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<Option<u32>>,
    /// Retries and the timeout of an attempt. `fallback` says what follows a failure.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// What follows after its last attempt failed.
    #[serde(default, skip_serializing_if = "Fallback::is_none")]
    pub fallback: Fallback,
    /// Its own graph, or the graph of each of its items, if it is such a composite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Arc<Graph>>,
}

/// What follows after the last attempt of a graph's node failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The graph fails.
    #[default]
    None,
    /// The failure is ignored, and the graph follows the first edge.
    GoOn,
    /// The graph continues at this place, and the failure no longer counts.
    GoTo(u32),
}

/// Where a graph continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Follow the edge with this index. If there is no such edge, the graph ends.
    Way(u32),
    /// The graph ends here, without a failure.
    Stop,
}

/// A list of items that run the same node type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Items {
    /// The items.
    pub items: Vec<Value>,
    /// The node type of each item, pinned.
    pub node_type: NodeType,
    /// Inputs that all items share.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The input field for the item. If absent, each item is an object, and its members are inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_as: Option<String>,
    /// Retries and the timeout of an attempt, for each item.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// The most items that run at once; 0 counts as 1.
    pub at_once: u32,
    /// What one failed item does.
    #[serde(default)]
    pub on_item_failure: OnItemFailure,
    /// The graph of each item, if the graph around the list does not define it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Arc<Graph>>,
}

/// What one failed item does to the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnItemFailure {
    /// The list fails at once, and its running items are canceled.
    #[default]
    Fail,
    /// The other items continue; the result of the failed item is null, and its error is listed.
    Collect,
}

/// The content of a composite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A graph to execute.
    Graph(Arc<Graph>),
    /// A list of items.
    Items(Arc<Items>),
}

impl Fallback {
    fn is_none(&self) -> bool {
        *self == Fallback::None
    }
}

impl Graph {
    /// The node at a place, if there is one.
    pub fn node(&self, place: u32) -> Option<&GraphNode> {
        self.nodes.get(place as usize)
    }

    /// The first fault of a graph from outside, nested graphs included. Linear in the number of nodes and edges, except
    /// for name lookups.
    pub fn fault(&self) -> Option<String> {
        let mut open = vec![self];
        while let Some(graph) = open.pop() {
            if let Some(fault) = graph.fault_here() {
                return Some(fault);
            }
            open.extend(graph.nodes.iter().filter_map(|node| node.graph.as_deref()));
        }
        None
    }

    /// Every node type in this graph and its nested graphs.
    pub(crate) fn node_types(&self) -> Vec<(&str, &NodeType)> {
        let mut open = vec![self];
        let mut found = Vec::new();
        while let Some(graph) = open.pop() {
            found.extend(graph.nodes.iter().map(|node| (node.key.as_str(), &node.node_type)));
            open.extend(graph.nodes.iter().filter_map(|node| node.graph.as_deref()));
        }
        found
    }

    fn fault_here(&self) -> Option<String> {
        for node in &self.nodes {
            let wrong = match &node.policy.on_failure {
                OnFailure::Fail => policy::check(&node.policy, &node.node_type).err(),
                OnFailure::Continue | OnFailure::GoTo(_) => Some(Invalid {
                    field: "on_failure",
                    reason: "in a graph a fallback says what follows a failure".to_owned(),
                }),
            };
            if let Some(Invalid { field, reason }) = wrong {
                return Some(format!("node `{}`: {field}: {reason}", node.key));
            }
        }
        let entry = self.node(self.entry).map(|node| node.key.as_str());
        check(entry, &self.outlines()).first().map(ToString::to_string)
    }

    /// The graph in the form that `check` takes. An invalid place gets a name that no node can have.
    fn outlines(&self) -> Vec<Outline<'_>> {
        let key = |place: u32| self.node(place).map_or("", |node| node.key.as_str());
        let fallback = |node: &GraphNode| match node.fallback {
            Fallback::GoTo(place) => Some(key(place)),
            Fallback::None | Fallback::GoOn => None,
        };
        let outlines = self.nodes.iter().map(|node| Outline {
            key: &node.key,
            slug: &node.slug,
            children: node.ways.iter().map(|way| way.map(key)).collect(),
            fallback: fallback(node),
            ways: Ways::Any,
        });
        outlines.collect()
    }
}
