//! What a node can read of the graph around it. Nothing is copied: it reads the run's state, in which large values are
//! references.

use std::borrow::Cow;
use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{Graph, Node, NodeKind, NodeRunId, State};
use serde_json::Value;

use crate::catalog::seen_run;
use crate::expressions::list_of_results;
use crate::nodes::perform::Around;
use crate::nodes::perform::around::unread;

/// A running graph, as one of its nodes sees it.
#[derive(Clone)]
pub struct Nodes {
    state: Arc<State>,
    walk: NodeRunId,
    /// The context that reads large values; without one they stay references.
    around: Option<Around>,
    /// The graph's inputs, if they had to be read.
    data: Option<Arc<Value>>,
}

impl Nodes {
    /// The graph around a node run; `None` if it is no node of a graph.
    pub fn around(state: &Arc<State>, node_run: NodeRunId) -> Option<Nodes> {
        let parent = state.node(state.node(node_run)?.parent?)?;
        let is_graph = parent.node_type.kind == NodeKind::Graph && parent.graph.is_some();
        is_graph.then(|| Nodes { state: state.clone(), walk: parent.id, around: None, data: None })
    }

    /// With the context that reads large values.
    #[must_use]
    pub fn reading(self, around: &Around) -> Nodes {
        Nodes { around: Some(around.clone()), ..self }
    }

    /// Puts the large values of a part of the graph in place.
    ///
    /// # Errors
    /// As [`Around::whole`].
    pub async fn whole(&self, value: &mut Value) -> Result<(), Failure> {
        let Some(around) = &self.around else { return Ok(()) };
        around.runs.whole_value(&around.tenant, around.run, value).await.map_err(unread)
    }

    /// Puts the outputs of nodes that are sub-runs in place, because what expressions see of them depends on their
    /// content.
    ///
    /// # Errors
    /// As [`Around::whole`].
    pub async fn with_runs(mut self) -> Result<Nodes, Failure> {
        let (Some(around), Some(walk)) = (self.around.clone(), self.state.node(self.walk)) else { return Ok(self) };
        let started = |id: &NodeRunId| {
            let node = self.state.node(*id).filter(|node| node.node_type.kind == NodeKind::Run)?;
            Some((*id, node.outputs.clone()?))
        };
        let mut whole = Vec::new();
        for (id, outputs) in walk.children.iter().filter_map(started) {
            if let Cow::Owned(read) = around.whole(&outputs).await? {
                whole.push((id, read));
            }
        }
        if !whole.is_empty() {
            let state = Arc::make_mut(&mut self.state);
            for (id, outputs) in whole {
                if let Some(node) = state.nodes.get_mut(&id) {
                    Arc::make_mut(node).outputs = Some(outputs);
                }
            }
        }
        Ok(self)
    }

    /// Reads the graph's inputs.
    ///
    /// # Errors
    /// As [`Around::whole`].
    pub async fn read_data(&mut self) -> Result<(), Failure> {
        let mut data = self.data().clone();
        self.whole(&mut data).await?;
        self.data = Some(Arc::new(data));
        Ok(())
    }

    /// The next graph around this one.
    pub fn outer(&self) -> Option<Nodes> {
        let mut at = self.walk;
        loop {
            if let Some(found) = Nodes::around(&self.state, at) {
                return Some(Nodes { around: self.around.clone(), ..found });
            }
            at = self.state.node(at)?.parent?;
        }
    }

    /// The run.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// The graph's inputs. They may have references, unless they were read.
    pub fn data(&self) -> &Value {
        if let Some(data) = &self.data {
            return data;
        }
        self.walk().and_then(|walk| walk.inputs.get("data")).unwrap_or(&Value::Null)
    }

    /// The outputs of the node with this slug as expressions see them, if it was reached and has outputs.
    pub fn seen(&self, slug: &str) -> Option<Value> {
        let walk = self.walk()?;
        // A linear search: graphs are short, and comparing names is fast.
        let node = walk.graph.as_deref()?.nodes.iter().find(|node| node.slug == slug)?;
        // The id of the node's run, if it was reached.
        shown(self.state.node(NodeRunId::child(self.state.run, walk.id, &node.key))?)
    }

    /// Every node with outputs, in the order of execution, by slug.
    pub fn reached(&self) -> impl Iterator<Item = (&str, Value)> {
        let walk = self.walk();
        let children = walk.map(|walk| walk.children.iter()).into_iter().flatten();
        let graph: Option<&Graph> = walk.and_then(|walk| walk.graph.as_deref());
        children.filter_map(move |id| {
            let child = self.state.node(*id)?;
            let slug = graph?.node(child.place?)?.slug.as_str();
            Some((slug, shown(child)?))
        })
    }

    fn walk(&self) -> Option<&Node> {
        self.state.node(self.walk)
    }
}

/// The outputs of a node. Of a list of items, the results themselves, with their metadata.
fn shown(node: &Node) -> Option<Value> {
    let outputs = node.outputs.as_ref()?;
    match (node.node_type.kind, outputs.get("results"), outputs.get("errors")) {
        (NodeKind::Each, Some(results), Some(errors)) => Some(list_of_results(results, errors)),
        (NodeKind::Run, ..) => Some(seen_run(&node.inputs, outputs)),
        _ => Some(Value::Object(outputs.clone())),
    }
}
