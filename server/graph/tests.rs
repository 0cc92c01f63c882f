//! Mutated graphs: none makes the reader panic or loop, and each is read or refused field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::read;
use crate::catalog::Catalog;

fn whole() -> Value {
    let typed = |id: &str| json!({ "node_type_id": format!("runyard.{id}") });
    let inner = json!({ "nodes": [
        { "key": "start", "node_type_ref": typed("graph.start"), "inputs": {}, "children": ["end"] },
        { "key": "end", "node_type_ref": typed("graph.end"), "inputs": { "variables": [] }, "children": [] },
    ] });
    json!({ "entry": "start", "nodes": [
        { "key": "start", "slug": "start", "node_type_ref": typed("graph.start"), "inputs": {}, "children": ["branch"] },
        { "key": "branch", "node_type_ref": typed("graph.branch"),
          "inputs": { "condition": "{{ nodes.start.n > 1 }}" }, "children": ["script", "each"] },
        { "key": "script", "node_type_ref": typed("graph.script"),
          "inputs": { "script": "return nodes.start.n + 1" }, "children": [null], "on_failure": "continue" },
        { "key": "each", "node_type_ref": typed("composite.each"), "on_failure": { "go_to": "end" },
          "inputs": { "items": "{{ nodes.start.items }}", "graph": inner }, "children": ["end"] },
        { "key": "end", "node_type_ref": typed("graph.end"), "children": [], "timeout_ms": 1000,
          "inputs": { "variables": [{ "name": "a", "value": "{{ nodes.start.a.b }} and {{ 1 + 1 }}" }] },
          "retry": { "max_attempts": 3, "initial_interval_ms": 10, "backoff_coefficient": 2.0 } },
    ] })
}

/// How many values a value has in it.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Replaces the value with this number, or removes it.
fn mutate(value: &mut Value, left: &mut usize, by: Option<&Value>) -> bool {
    let mut child = |value: &mut Value| {
        *left = left.wrapping_sub(1);
        if *left == 0 {
            if let Some(by) = by {
                *value = by.clone();
            }
            return true;
        }
        mutate(value, left, by)
    };
    match value {
        Value::Array(items) => {
            let found = items.iter_mut().position(&mut child);
            if by.is_none()
                && let Some(place) = found.filter(|_| *left == 0)
            {
                items.remove(place);
                *left = usize::MAX;
            }
            found.is_some()
        }
        Value::Object(members) => {
            let mut found = None;
            for (name, value) in members.iter_mut() {
                if child(value) {
                    found = Some(name.clone());
                    break;
                }
            }
            if by.is_none()
                && let Some(name) = found.as_ref().filter(|_| *left == 0)
            {
                members.shift_remove(name);
                *left = usize::MAX;
            }
            found.is_some()
        }
        _ => false,
    }
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(7)),
        Just(json!("")),
        Just(json!("start")),
        Just(json!("end")),
        Just(json!("each")),
        Just(json!([])),
        Just(json!({})),
        Just(json!(["end", "end"])),
        Just(json!("{{ ( }}")),
        Just(json!("{{ nodes.a }}")),
        Just(json!({ "go_to": "start" })),
        Just(json!({ "kind": "jsExpression", "expression": "1 +" })),
        Just(json!({ "node_type_id": "runyard.composite.graph" })),
        Just(json!({ "node_type_id": "runyard.core.run" })),
        Just(whole()),
        "[ -~]{0,12}".prop_map(Value::String),
    ]
}

#[test]
fn the_graph_that_is_mutated_is_valid() {
    read(&Catalog::builtin(), &whole()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn no_mutated_graph_panics_or_is_refused_without_a_field(
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(anything())), 1..4),
    ) {
        let catalog = Catalog::builtin();
        let mut graph = whole();
        for (at, by) in changes {
            let mut left = 1 + at.index(count(&graph).saturating_sub(1).max(1));
            mutate(&mut graph, &mut left, by.as_ref());
        }
        match read(&catalog, &graph) {
            Ok(graph) => prop_assert!(graph.fault().is_none()),
            Err(violations) => {
                prop_assert!(!violations.is_empty() && violations.len() <= 33);
                for violation in violations {
                    prop_assert!(violation.field.starts_with("/graph") && !violation.reason.is_empty());
                    prop_assert!(violation.reason.len() < 4_000);
                }
            }
        }
    }
}
