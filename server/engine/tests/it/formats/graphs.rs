//! Added by format 3: graphs and lists of items.

use std::sync::Arc;

use runyard_engine::event::{ChildCreated, FinalState};
use runyard_engine::graph::{Fallback, OnItemFailure};
use runyard_engine::{
    Constraints, Content, Event, GraphNode, Items, NodeKind, NodeRunId, Object, Policy, Route, Start,
};
use serde_json::json;

use crate::make::{drawn, graph, items, node_type, object, run, start, tries};

/// Every event and field.
pub(super) fn events() -> Vec<Event> {
    let root = NodeRunId::hashed_root(run());
    let within = graph(vec![drawn("inner", &[])]);
    let full = GraphNode {
        inputs: object(json!({ "text": "{{nodes.start.text}}" })),
        policy: tries(2),
        fallback: Fallback::GoTo(2),
        graph: Some(within.clone()),
        ..drawn("first", &[Some(1), None])
    };
    let passed_over = GraphNode { fallback: Fallback::GoOn, ..drawn("second", &[Some(2)]) };
    let walked = graph(vec![full, passed_over, drawn("third", &[])]);
    let through = Items {
        inputs: object(json!({ "n": 1 })),
        policy: tries(2),
        on_item_failure: OnItemFailure::Collect,
        graph: Some(within),
        ..items(vec![json!(1), json!({ "a": null })])
    };
    let plain = Items { item_as: None, ..items(vec![json!({})]) };
    let started = Start { graph: Some(walked.clone()), ..start(NodeKind::Graph) };
    let loaded = |inputs, content| Event::Loaded { node_run: root, inputs, content };
    let node_run = NodeRunId::child(run(), root, "first");
    let created = ChildCreated {
        node_run,
        parent: root,
        key: "first".into(),
        key_given: true,
        node_type: node_type(NodeKind::Call),
        inputs: Object::new(),
        bindings: Vec::new(),
        depends_on: Vec::new(),
        fallback_for: Vec::new(),
        place: Some(0),
        policy: Policy::default(),
        asked: Constraints::default(),
        constraints: Constraints::default(),
        goal: None,
        candidate_set_id: None,
        binding_decision: None,
        notes: Object::new(),
    };
    let went = |route| Event::NodeFinished {
        node_run,
        state: FinalState::Succeeded,
        outputs: Some(Object::new()),
        artifacts: Vec::new(),
        error: None,
        shortfall: None,
        inputs: Some(object(json!({ "text": "hi" }))),
        route: Some(route),
    };
    let until_ms = 1_700_000_000_000;
    vec![
        Event::Started { start: Arc::new(started), root, constraints: Constraints::default() },
        loaded(Some(object(json!({ "data": 1 }))), Content::Graph(walked)),
        loaded(None, Content::Items(Arc::new(through))),
        loaded(None, Content::Items(Arc::new(plain))),
        Event::ChildCreated(Box::new(created)),
        went(Route::Way(1)),
        went(Route::Stop),
        Event::NodeDelayed {
            node_run,
            until_ms,
            outputs: object(json!({ "made": 1 })),
            inputs: Some(object(json!({ "minutes": 5 }))),
            route: Some(Route::Way(0)),
        },
        Event::NodeDelayed { node_run, until_ms, outputs: Object::new(), inputs: None, route: None },
    ]
}
