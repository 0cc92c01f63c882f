//! Static graphs, and lists of items, as they are recorded. Places are indexes into [`Graph::nodes`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Object;
use super::agent::Agent;
use super::node_type::NodeType;
use super::policy::Policy;

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
    /// An agent.
    Agent(Arc<Agent>),
}

impl Fallback {
    fn is_none(&self) -> bool {
        *self == Fallback::None
    }
}
