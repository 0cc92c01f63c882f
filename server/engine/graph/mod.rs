//! Static graphs, and lists of items that run the same node type.
//!
//! A graph is read, resolved and checked outside the engine, then recorded once. `check` is in this module, so that
//! every API reports the same faults. The engine executes the graph: a node becomes a node run when it is reached, and
//! the end of the node run selects one outgoing edge. Only one node runs at a time. As there are no cycles, each node
//! runs at most once. Parallel work is a list of [`Items`].
//!
//! Places are indexes into [`Graph::nodes`]. Names are only for people and for readers of the state.

mod check;

use crate::policy::{self, Invalid};
use crate::{NodeType, OnFailure};

pub use crate::record::graph::{Content, Fallback, Graph, GraphNode, Items, OnItemFailure, Route};
pub use check::{EdgeCount, Fault, Outline, Reason, check};

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
            ways: EdgeCount::Any,
        });
        outlines.collect()
    }
}
