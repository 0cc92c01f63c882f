//! Static graphs: what a composite walks that was drawn beforehand, and lists of items that each go through the same.
//!
//! A graph is read, resolved and checked outside (`check` is here, so that every API says the same of the same mistake), then
//! recorded once. The engine walks it: a node of the graph becomes a node run when it is reached, and when that one has ended, the
//! walk follows one way on. It never is in two places at once, and as there are no circles, it reaches a node at most once. What
//! is to run side by side is a list of [`Items`].
//!
//! Places are positions in [`Graph::nodes`]; names are only for people and for those who read the state.

mod check;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::policy::{self, Invalid};
use crate::{NodeType, Object, OnFailure, Policy};

pub use check::{Fault, Outline, Reason, Ways, check};

/// A graph, ready to be walked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Where the walk begins.
    pub entry: u32,
    /// At least one.
    pub nodes: Vec<GraphNode>,
}

/// A node of a graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GraphNode {
    /// Unique in the graph; the key of its node run.
    pub key: String,
    /// What it is called by those who read its outputs. Unique in the graph.
    pub slug: String,
    /// Pinned.
    pub node_type: NodeType,
    /// Its inputs as written; whoever performs it works out what they come to.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The ways on. One that leads nowhere ends the walk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<Option<u32>>,
    /// What is tried again, and how long a try may take. What follows a failure is in `fallback`.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// What follows when it has failed for good.
    #[serde(default, skip_serializing_if = "Fallback::is_none")]
    pub fallback: Fallback,
    /// What it walks, or what each of its items walks, where it is such a composite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Arc<Graph>>,
}

/// What follows when a node of a graph has failed for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The graph fails.
    #[default]
    None,
    /// It is passed over: the walk goes on by the first way.
    GoOn,
    /// The walk goes on at this place, which makes the failure good.
    GoTo(u32),
}

/// Where a walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// By this way. One that is not there ends the walk.
    Way(u32),
    /// Nowhere: the walk ends here, without fault.
    Stop,
}

/// A list of which each item goes through the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Items {
    /// What there is to do.
    pub items: Vec<Value>,
    /// What is done with each, pinned.
    pub node_type: NodeType,
    /// Inputs that all have.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The input in which each finds its item. Absent: an item is an object, and its members are inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_as: Option<String>,
    /// How a try is repeated and how long it may take, for each.
    #[serde(default, skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// At most this many at once; 0 counts as 1.
    pub at_once: u32,
    /// What one failed item means.
    #[serde(default)]
    pub on_item_failure: OnItemFailure,
    /// What each walks, where that is not known from the graph around the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Arc<Graph>>,
}

/// What one failed item means to the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnItemFailure {
    /// The list fails at once, and what is at work for it is stopped.
    #[default]
    Fail,
    /// The others go on; its result is null, and the error is listed.
    Collect,
}

/// What a composite turned out to be made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A graph to walk.
    Graph(Arc<Graph>),
    /// Items, each of which goes through the same.
    Items(Arc<Items>),
}

impl Fallback {
    fn is_none(&self) -> bool {
        *self == Fallback::None
    }
}

impl Graph {
    /// The node at a place.
    pub fn node(&self, place: u32) -> Option<&GraphNode> {
        self.nodes.get(place as usize)
    }

    /// What is wrong with a graph that was made outside, graphs within it included, if anything: the first node of which something
    /// does not hold, and what. Linear in the number of nodes and ways, but for the names.
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

    /// Every node type in it and within it.
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

    /// The graph as `check` looks at it. A place that is not there has a name that no node can have.
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
