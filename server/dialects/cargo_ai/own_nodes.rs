//! The nodes that a run brings, in their stored form. The graph that the engine executes is stored beside them and has
//! most of their configurations: a node whose configuration equals the inputs of its graph node is stored without it.
//! Nodes of groups and tools, and configurations with fields that their action does not read, differ from the graph and
//! keep theirs.

use std::collections::HashMap;

use runyard_api::cargo::types::Node;
use runyard_engine::large::MARK;
use runyard_engine::{Graph, Object, State};
use serde_json::{Value, json};

/// The note that stores the nodes of a run that brought its own.
pub(super) const NODES: &str = "cargo.nodes";

/// The member of a node that is stored only in the graph.
const CONFIG: &str = "config";

/// Nodes as the note of a run. `inline_bytes`: longer values may be stored elsewhere, with a reference in the graph.
pub(super) fn stored(nodes: &[Node], graph: Option<&Graph>, inline_bytes: u64) -> Value {
    let inputs = inputs(graph);
    let is_in_graph = |node: &Node| {
        let Some(inputs) = inputs.get(node.uuid.as_str()) else { return false };
        let (config, inputs) = (json!(node.config).to_string(), json!(inputs).to_string());
        // Compared as text: objects with members in another order are equal, but would not be shown as the client sent
        // them.
        config == inputs && (config.len() as u64) <= inline_bytes / 2 && !config.contains(MARK)
    };
    let store = |node: &Node| {
        let mut stored = json!(node);
        if let Some(members) = stored.as_object_mut().filter(|_| is_in_graph(node)) {
            members.shift_remove(CONFIG);
        }
        stored
    };
    nodes.iter().map(store).collect()
}

/// The nodes that a run brought, as the client sent them.
pub(super) fn read(state: &State) -> Option<Vec<Node>> {
    let start = state.start.as_deref()?;
    filled(start.notes.get(NODES)?.clone(), start.graph.as_deref())
}

/// Adds the configurations from the graph to the stored nodes.
fn filled(mut nodes: Value, graph: Option<&Graph>) -> Option<Vec<Node>> {
    let inputs = inputs(graph);
    for node in nodes.as_array_mut()?.iter_mut().filter_map(Value::as_object_mut) {
        let inputs = node.get("uuid").and_then(Value::as_str).and_then(|uuid| inputs.get(uuid));
        if let Some(inputs) = inputs.filter(|_| !node.contains_key(CONFIG)) {
            node.insert(CONFIG.to_owned(), Value::Object(Object::clone(inputs)));
        }
    }
    serde_json::from_value(nodes).ok()
}

fn inputs(graph: Option<&Graph>) -> HashMap<&str, &Object> {
    graph.map(|graph| graph.nodes.iter().map(|node| (node.key.as_str(), &node.inputs)).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use runyard_engine::NodeTypeRef;
    use runyard_engine::graph::GraphNode;

    use super::*;
    use crate::catalog::Catalog;

    const INLINE_BYTES: u64 = 1_024;

    fn node(uuid: &str, config: &Value) -> Node {
        let node = json!({
            "uuid": uuid, "slug": uuid, "kind": "native", "actionSlug": "variables", "config": config, "childrenUuids": [null],
            "fallbackOnFailure": false, "position": { "x": 1, "y": 2 }
        });
        serde_json::from_value(node).unwrap()
    }

    fn in_graph(key: &str, inputs: &Value) -> GraphNode {
        let asked = NodeTypeRef { id: "runyard.graph.variables".to_owned(), version: "latest".to_owned() };
        GraphNode {
            key: key.to_owned(),
            slug: key.to_owned(),
            node_type: Catalog::builtin().resolve(&asked).unwrap(),
            inputs: inputs.as_object().cloned().unwrap(),
            ways: Vec::new(),
            policy: Default::default(),
            fallback: Default::default(),
            graph: None,
        }
    }

    #[test]
    fn a_configuration_is_stored_in_the_nodes_only_where_the_graph_has_another() {
        let (same, long) = (json!({ "variables": [] }), json!({ "variables": ["x".repeat(600)] }));
        let reference = json!({ "variables": { MARK: 1 } });
        let cases = [
            ("same", &same, &same, false),
            ("more", &json!({ "variables": [], "note": 1 }), &same, true),
            ("order", &json!({ "b": 1, "a": 2 }), &json!({ "a": 2, "b": 1 }), true),
            ("long", &long, &long, true),
            ("reference", &reference, &reference, true),
        ];
        let nodes: Vec<Node> = cases.iter().map(|(uuid, config, ..)| node(uuid, config)).collect();
        let graph = Graph { entry: 0, nodes: cases.iter().map(|(key, _, inputs, _)| in_graph(key, inputs)).collect() };
        let note = stored(&nodes, Some(&graph), INLINE_BYTES);
        for (node, (uuid, .., expected)) in note.as_array().unwrap().iter().zip(&cases) {
            assert_eq!(node.get(CONFIG).is_some(), *expected, "{uuid}");
        }
        assert_eq!(filled(note, Some(&graph)), Some(nodes.clone()));
        assert_eq!(filled(json!(nodes), Some(&graph)), Some(nodes), "an older build stored every configuration");
    }
}
