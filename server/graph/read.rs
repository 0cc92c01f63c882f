//! Converts a written graph or list of items for the engine: resolves node types, turns names into indices, and
//! reports everything that is wrong, with its node.

use std::collections::BTreeMap;
use std::sync::Arc;

use runyard_engine::graph::{EdgeCount, Fallback, OnItemFailure, Outline, check};
use runyard_engine::{Graph, GraphNode, Items, NodeKind, NodeType, NodeTypeRef, Object, Policy};
use serde_json::Value;

use super::written::{dialect, explicit, faults, has_expressions, set_apart};
use super::{AT_ONCE, DEPTH_MAX, ITEMS_MAX, NODES_MAX};
use crate::catalog::{Catalog, Violation};
use crate::expressions::{Compiler, has_braces, is_expression};
use crate::nodes::each::{EachInputs, ItemFailure};
use crate::nodes::graph::{TextForm, WrittenFallback, WrittenGraph, WrittenNode, WrittenType};

/// The most faults that are listed; the others are counted.
const FAULTS_MAX: usize = 32;

/// The graph in a node type's inputs, if it has one and the node type executes graphs.
///
/// # Errors
/// Every fault, field by field, each with its node.
pub fn within(catalog: &Catalog, node_type: &NodeType, inputs: &Object) -> Result<Option<Arc<Graph>>, Vec<Violation>> {
    let walks = node_type.kind.facts().takes_graph;
    match inputs.get("graph").filter(|graph| walks && !graph.is_null()) {
        Some(graph) => read(catalog, graph).map(Some),
        None => Ok(None),
    }
}

/// Checks the inputs of a composite, as far as possible before it begins, and returns its graph. The inputs match
/// their schemas.
///
/// # Errors
/// Every fault, field by field.
pub fn check_inputs(
    catalog: &Catalog,
    node_type: &NodeType,
    inputs: &Object,
) -> Result<Option<Arc<Graph>>, Vec<Violation>> {
    let graph = within(catalog, node_type, inputs)?;
    if node_type.kind == NodeKind::Graph && graph.is_none() {
        return Err(vec![missing()]);
    }
    if node_type.kind == NodeKind::Each && inputs.get("items").is_some_and(Value::is_array) {
        items(catalog, inputs, graph.clone())?;
    }
    Ok(graph)
}

/// The fault of a missing graph.
pub fn missing() -> Violation {
    Violation::at("graph", "is required")
}

/// Reads a graph.
///
/// # Errors
/// Every fault, field by field, each with its node.
pub fn read(catalog: &Catalog, written: &Value) -> Result<Arc<Graph>, Vec<Violation>> {
    let mut reader = Reader { catalog, compiler: Compiler::default(), nodes: 0, faults: Vec::new(), more: 0 };
    let graph = reader.graph(written, "/graph", (1, TextForm::Braces));
    if reader.more > 0 {
        let more = format!("has {} more faults", reader.more);
        reader.faults.push(Violation { field: "/graph".to_owned(), reason: more });
    }
    match graph {
        Some(graph) if reader.faults.is_empty() => match graph.fault() {
            // The engine checks the rest: retries and times.
            Some(fault) => Err(vec![Violation { field: "/graph".to_owned(), reason: format!("is wrong: {fault}") }]),
            None => Ok(graph),
        },
        _ => Err(reader.faults),
    }
}

/// Reads a list of items, and how each is processed. `graph` is each item's graph, if it was read before.
///
/// # Errors
/// Every fault, field by field.
pub fn items(catalog: &Catalog, inputs: &Object, graph: Option<Arc<Graph>>) -> Result<Items, Vec<Violation>> {
    let wrong = |field: &str, reason: String| vec![Violation::at(field, reason)];
    let mut inputs = inputs.clone();
    // Read before, and the largest part of the inputs.
    inputs.shift_remove("graph");
    let list: EachInputs = serde_json::from_value(Value::Object(inputs))
        .map_err(|error| wrong("items", format!("cannot be read: {error}")))?;
    let Value::Array(all) = list.items else { return Err(wrong("items", "must be a list".to_owned())) };
    if all.len() > ITEMS_MAX {
        return Err(wrong("items", format!("has {} items; there may be {ITEMS_MAX}", all.len())));
    }
    let (node_type, item_as) = match (&list.node_type_ref, &graph) {
        (Some(_), Some(_)) => return Err(wrong("graph", "and /node_type_ref must not both be given".to_owned())),
        (None, None) => return Err(wrong("node_type_ref", "or /graph is required".to_owned())),
        (Some(written), None) => {
            (resolve(catalog, written).map_err(|reason| wrong("node_type_ref", reason))?, list.item_as)
        }
        (None, Some(_)) => (walker(catalog).map_err(|reason| wrong("graph", reason))?, Some("data".to_owned())),
    };
    if let Some(place) = all.iter().position(|item| item_as.is_none() && !item.is_object()) {
        return Err(wrong("item_as", format!("is required, because item {place} is no object")));
    }
    Ok(Items {
        items: all,
        node_type,
        inputs: list.inputs,
        item_as,
        policy: Policy { retry: list.retry.map(Into::into), timeout_ms: list.timeout_ms, ..Policy::default() },
        at_once: list.at_once.unwrap_or(AT_ONCE),
        on_item_failure: match list.on_item_failure {
            ItemFailure::Fail => OnItemFailure::Fail,
            ItemFailure::Collect => OnItemFailure::Collect,
        },
        graph,
    })
}

/// The node type that executes a graph.
fn walker(catalog: &Catalog) -> Result<NodeType, String> {
    resolve(catalog, &WrittenType { node_type_id: "runyard.composite.graph".to_owned(), version: None })
}

fn resolve(catalog: &Catalog, written: &WrittenType) -> Result<NodeType, String> {
    let version = written.version.clone().unwrap_or_else(|| "latest".to_owned());
    let asked = NodeTypeRef { id: written.node_type_id.clone(), version };
    catalog.resolve(&asked).map_err(|error| format!("is wrong: {error}"))
}

/// Reads a graph with its nested graphs.
struct Reader<'a> {
    catalog: &'a Catalog,
    compiler: Compiler,
    nodes: usize,
    faults: Vec<Violation>,
    more: usize,
}

impl Reader<'_> {
    /// Returns `None` if the graph has faults, which have been reported.
    fn graph(&mut self, written: &Value, at: &str, (depth, text): (usize, TextForm)) -> Option<Arc<Graph>> {
        if depth > DEPTH_MAX {
            self.wrong(at, format!("is too deep: graphs may lie {DEPTH_MAX} deep within each other"));
            return None;
        }
        // Counted first, because reading costs more.
        self.nodes += written.get("nodes").and_then(Value::as_array).map_or(0, Vec::len);
        if self.nodes > NODES_MAX {
            self.wrong(at, format!("has more than {NODES_MAX} nodes"));
            return None;
        }
        let written: WrittenGraph = match serde_json::from_value(written.clone()) {
            Ok(written) => written,
            Err(error) => {
                self.wrong(at, format!("cannot be read: {error}"));
                return None;
            }
        };
        let text = written.text.unwrap_or(text);
        let outlines: Vec<Outline<'_>> = written.nodes.iter().map(outline).collect();
        let entry = written.entry.as_deref().or_else(|| written.nodes.first().map(|node| node.key.as_str()));
        for fault in check(entry, &outlines) {
            let field = fault.place.map_or_else(|| at.to_owned(), |place| format!("{at}/nodes/{place}"));
            self.wrong(&field, format!("is wrong: {fault}"));
        }
        let mut places = BTreeMap::new();
        for (place, node) in (0_u32..).zip(&written.nodes) {
            places.entry(node.key.as_str()).or_insert(place);
        }
        let entry = *places.get(entry?)?;
        let nodes: Vec<GraphNode> = written
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| self.node(node, &places, &format!("{at}/nodes/{index}"), (depth, text)))
            .collect();
        (nodes.len() == written.nodes.len()).then(|| Arc::new(Graph { entry, nodes }))
    }

    fn node(
        &mut self,
        written: &WrittenNode,
        places: &BTreeMap<&str, u32>,
        at: &str,
        (depth, text): (usize, TextForm),
    ) -> Option<GraphNode> {
        let node_type = match resolve(self.catalog, &written.node_type_ref) {
            Ok(node_type) => node_type,
            Err(reason) => {
                let key = &written.key;
                self.wrong(&format!("{at}/node_type_ref"), format!("{reason} (node `{key}`)"));
                return None;
            }
        };
        let mut inputs = written.inputs.clone();
        let walks = node_type.kind.facts().takes_graph;
        let within = inputs.get("graph").filter(|graph| walks && !graph.is_null() && !is_worked_out(graph, text));
        let graph = match within {
            Some(graph) => Some(self.graph(graph, &format!("{at}/inputs/graph"), (depth + 1, text))?),
            None => None,
        };
        if graph.is_some() {
            inputs.shift_remove("graph");
        }
        set_apart(&node_type.id, &mut inputs);
        if text == TextForm::Braces {
            explicit(&node_type.id, &mut inputs);
        }
        self.inputs(written, &node_type, &inputs, at);
        Some(GraphNode {
            key: written.key.clone(),
            slug: written.slug.clone().unwrap_or_else(|| written.key.clone()),
            node_type,
            inputs,
            ways: written.children.iter().map(|child| places.get(child.as_deref()?).copied()).collect(),
            policy: Policy {
                retry: written.retry.clone().map(Into::into),
                timeout_ms: written.timeout_ms,
                ..Policy::default()
            },
            fallback: match &written.on_failure {
                None | Some(WrittenFallback::Fail) => Fallback::None,
                Some(WrittenFallback::Continue) => Fallback::GoOn,
                Some(WrittenFallback::GoTo(key)) => Fallback::GoTo(places.get(key.as_str()).copied()?),
            },
            graph,
        })
    }

    /// Checks the inputs of a node, as far as possible before their expressions are evaluated.
    fn inputs(&mut self, written: &WrittenNode, node_type: &NodeType, inputs: &Object, at: &str) {
        let key = &written.key;
        for fault in faults(&mut self.compiler, &node_type.id, inputs) {
            self.wrong(&format!("{at}/inputs{}", fault.path), format!("{} (node `{key}`)", fault.reason));
        }
        if has_expressions(inputs, &dialect(&node_type.id)) {
            if !node_type.kind.facts().takes_expressions {
                self.wrong(
                    &format!("{at}/inputs"),
                    format!(
                        "hold an expression, and `{}` takes only values; let `runyard.core.run` start it (node `{key}`)",
                        node_type.id
                    ),
                );
            }
        } else if let Err(violations) = self.catalog.validate_inputs(node_type, inputs) {
            for violation in violations {
                let Violation { field, reason } = violation;
                self.wrong(&format!("{at}/inputs{field}"), format!("{reason} (node `{key}`)"));
            }
        }
    }

    fn wrong(&mut self, field: &str, reason: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Violation { field: field.to_owned(), reason });
        } else {
            self.more += 1;
        }
    }
}

/// Whether a nested graph is an expression, known only when its node is reached.
fn is_worked_out(graph: &Value, text: TextForm) -> bool {
    let braces = text == TextForm::Braces && graph.as_str().is_some_and(has_braces);
    braces || graph.as_object().is_some_and(is_expression)
}

fn outline(node: &WrittenNode) -> Outline<'_> {
    let fallback = match &node.on_failure {
        Some(WrittenFallback::GoTo(key)) => Some(key.as_str()),
        Some(WrittenFallback::Fail | WrittenFallback::Continue) | None => None,
    };
    Outline {
        key: &node.key,
        slug: node.slug.as_deref().unwrap_or(&node.key),
        children: node.children.iter().map(Option::as_deref).collect(),
        fallback,
        ways: ways(&node.node_type_ref.node_type_id, &node.inputs),
    }
}

/// How many outgoing edges a node of this type may have. Every node may be the last of its path, whether it is a
/// script or a call, unless it chooses an edge; then its outputs are the graph's.
pub fn ways(node_type_id: &str, inputs: &Object) -> EdgeCount {
    match node_type_id {
        "runyard.graph.end" => EdgeCount::Exactly(0),
        "runyard.graph.branch" | "runyard.graph.split" => EdgeCount::Exactly(2),
        "runyard.graph.switch" => match inputs.get("routes").and_then(Value::as_array) {
            Some(routes) => EdgeCount::Exactly(routes.len()),
            None => EdgeCount::Any,
        },
        _ => EdgeCount::AtMost(1),
    }
}
