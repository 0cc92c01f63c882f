//! The native actions: each one's node type in the engine, its number of outgoing edges, and its required
//! configuration.

use runyard_api::cargo::types::Node;
use runyard_engine::Object;
use runyard_engine::graph::EdgeCount;
use serde_json::Value;

/// An action of the orchestration itself.
#[derive(Debug)]
pub(super) struct Native {
    /// The name in nodes.
    pub(super) slug: &'static str,
    /// The node type that executes it.
    pub(super) node_type: &'static str,
    /// Required fields of the configuration.
    pub(super) needed: &'static [&'static str],
    /// Optional fields. Other fields have no effect and are dropped.
    pub(super) optional: &'static [&'static str],
}

/// The action that a graph begins with.
pub(super) const START: &str = "start";
/// The action with inner nodes, which starts one run of them for each item.
pub(super) const GROUP: &str = "group";
/// The action whose program is its one input.
const SCRIPT: &str = "script";

/// Every native action.
pub(super) const NATIVES: [Native; 10] = [
    Native { slug: START, node_type: "runyard.graph.start", needed: &[], optional: &[] },
    Native { slug: "end", node_type: "runyard.graph.end", needed: &[], optional: &["variables"] },
    Native { slug: "branch", node_type: "runyard.graph.branch", needed: &["condition"], optional: &[] },
    Native { slug: "filter", node_type: "runyard.graph.filter", needed: &["filter"], optional: &[] },
    Native { slug: "switch", node_type: "runyard.graph.switch", needed: &["routes"], optional: &[] },
    Native { slug: "split", node_type: "runyard.graph.split", needed: &["percentage"], optional: &[] },
    Native { slug: "variables", node_type: "runyard.graph.variables", needed: &["variables"], optional: &[] },
    Native { slug: "delay", node_type: "runyard.graph.delay", needed: &["minutes"], optional: &[] },
    Native { slug: GROUP, node_type: "runyard.composite.each", needed: &["items", "_nodes"], optional: &[] },
    Native { slug: SCRIPT, node_type: "runyard.graph.script", needed: &["script"], optional: &[] },
];

/// Actions of Cargo that are not supported, with the reason.
const REFUSED: [(&str, &str); 4] = [
    ("python", "this server runs no Python; write it as `script`, which is JavaScript"),
    ("agent", "this server has no models; use a node of kind `agent`, whose prompt is a goal for the planner"),
    ("modelInsert", "this server keeps no records"),
    ("modelUpsert", "this server keeps no records"),
];

/// The action of a node.
///
/// # Errors
/// There is no such action: a message for people.
pub(super) fn action(node: &Node) -> Result<&'static Native, String> {
    let Some(slug) = node.action_slug.as_deref() else { return Err("a native node needs an actionSlug".to_owned()) };
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == slug) {
        return Err(format!("the action `{slug}` is not served: {why}"));
    }
    NATIVES.iter().find(|native| native.slug == slug).ok_or_else(|| format!("there is no native action `{slug}`"))
}

/// The action of a node type, for a run that was started without nodes of Cargo.
pub(super) fn slug_of(node_type: &str) -> Option<&'static str> {
    NATIVES.iter().find(|native| native.node_type == node_type).map(|native| native.slug)
}

/// The outgoing edges of such a node.
pub(super) fn ways(native: &Native, config: &Object) -> EdgeCount {
    match native.slug {
        "end" => EdgeCount::Exactly(0),
        "branch" | "split" => EdgeCount::Exactly(2),
        "switch" => EdgeCount::Exactly(config.get("routes").and_then(Value::as_array).map_or(0, Vec::len)),
        _ => EdgeCount::AtMost(1),
    }
}

/// The inputs of such a node, without a group's graph.
///
/// # Errors
/// A required field is missing: a message for people.
pub(super) fn inputs(native: &Native, config: &Object) -> Result<Object, String> {
    let mut inputs = Object::new();
    for name in native.needed {
        let value = config.get(*name).filter(|value| !value.is_null());
        let value = value.ok_or_else(|| format!("the action `{}` needs `{name}` in its config", native.slug))?;
        inputs.insert((*name).to_owned(), value.clone());
    }
    let given = |name: &&&str| config.get(**name).is_some_and(|value| !value.is_null());
    for name in native.optional.iter().filter(given) {
        inputs.insert((*name).to_owned(), config[*name].clone());
    }
    if native.slug == GROUP {
        inputs.shift_remove("_nodes");
        // Absent is false, as everywhere in a configuration.
        let fails = config.get("failOnItemFailure").and_then(Value::as_bool).unwrap_or(false);
        inputs.insert("on_item_failure".to_owned(), Value::from(if fails { "fail" } else { "collect" }));
    }
    if native.slug == "switch" && !inputs["routes"].is_array() {
        return Err("the routes of a switch must be a list, because each of them is an outgoing edge".to_owned());
    }
    Ok(inputs)
}
