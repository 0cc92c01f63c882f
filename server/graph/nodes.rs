//! What a node sees of the graph around it. Nothing is copied: it looks into the run's state, where large values are references.

use std::borrow::Cow;
use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{Graph, Node, NodeKind, NodeRunId, State};
use serde_json::Value;

use crate::catalog::seen_run;
use crate::expressions::list_of_results;
use crate::nodes::perform::Around;
use crate::nodes::perform::around::unread;

/// A graph that is being walked, as a node of it sees it.
#[derive(Clone)]
pub struct Nodes {
    state: Arc<State>,
    walk: NodeRunId,
    /// Who reads its large values; they stay references without one.
    around: Option<Around>,
    /// What the graph was given, where that had to be read.
    data: Option<Arc<Value>>,
}

impl Nodes {
    /// What a node run sees; nothing where it is no node of a graph.
    pub fn around(state: &Arc<State>, node_run: NodeRunId) -> Option<Nodes> {
        let parent = state.node(state.node(node_run)?.parent?)?;
        let is_graph = parent.node_type.kind == NodeKind::Graph && parent.graph.is_some();
        is_graph.then(|| Nodes { state: state.clone(), walk: parent.id, around: None, data: None })
    }

    /// With large values as this one reads them.
    #[must_use]
    pub fn reading(self, around: &Around) -> Nodes {
        Nodes { around: Some(around.clone()), ..self }
    }

    /// Puts the large values of a part of what is seen in place.
    ///
    /// # Errors
    /// As [`Around::whole`].
    pub async fn whole(&self, value: &mut Value) -> Result<(), Failure> {
        let Some(around) = &self.around else { return Ok(()) };
        around.runs.whole_value(&around.tenant, around.run, value).await.map_err(unread)
    }

    /// With the outputs of runs that nodes have started in place: what is seen of those depends on what is in them.
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

    /// Reads what the graph was given.
    ///
    /// # Errors
    /// As [`Around::whole`].
    pub async fn read_data(&mut self) -> Result<(), Failure> {
        let mut data = self.data().clone();
        self.whole(&mut data).await?;
        self.data = Some(Arc::new(data));
        Ok(())
    }

    /// The graph around this one: the nearest above it.
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

    /// What the graph was given. It may hold references, unless it was read.
    pub fn data(&self) -> &Value {
        if let Some(data) = &self.data {
            return data;
        }
        self.walk().and_then(|walk| walk.inputs.get("data")).unwrap_or(&Value::Null)
    }

    /// What the node with this slug has put out, if it was reached and has, as expressions see it.
    pub fn seen(&self, slug: &str) -> Option<Value> {
        let walk = self.walk()?;
        // No index is kept for that: a graph is seldom long, and looking through names is fast.
        let node = walk.graph.as_deref()?.nodes.iter().find(|node| node.slug == slug)?;
        // Where it was reached, that is its id.
        shown(self.state.node(NodeRunId::child(self.state.run, walk.id, &node.key))?)
    }

    /// Every node that was reached and has put something out, in the order of the walk, by slug.
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

/// The outputs of a node; of a list of items, the results themselves, with what else is known of them.
fn shown(node: &Node) -> Option<Value> {
    let outputs = node.outputs.as_ref()?;
    match (node.node_type.kind, outputs.get("results"), outputs.get("errors")) {
        (NodeKind::Each, Some(results), Some(errors)) => Some(list_of_results(results, errors)),
        (NodeKind::Run, ..) => Some(seen_run(&node.inputs, outputs)),
        _ => Some(Value::Object(outputs.clone())),
    }
}
