//! Lists of items.

use std::sync::Arc;

use runyard_engine::event::FinalState;
use runyard_engine::graph::OnItemFailure;
use runyard_engine::{Content, Items, NodeKind, RunOutcome, RunStatus, Start};
use serde_json::{Value, json};

use crate::make::{child, drawn, graph, items, limits, node_type, object, start};
use crate::story::Story;

fn list(items: Items) -> Story {
    Story::new().start(start(NodeKind::Each)).loaded("root", Content::Items(Arc::new(items)))
}

fn letters(letters: &str) -> Vec<Value> {
    letters.split(' ').map(|letter| json!(letter)).collect()
}

#[test]
fn items_go_through_a_few_at_once_and_their_results_keep_their_order() {
    let story = list(items(letters("a b c")));
    story.complete("root/#2").complete("root/#3").complete("root/#1").matches_transcript("each");
}

#[test]
fn one_failed_item_fails_the_list_and_stops_what_is_at_work() {
    list(items(letters("a b c d"))).complete("root/#1").fail("root/#3").matches_transcript("each_fails");
}

#[test]
fn failures_are_collected_where_that_is_asked_for() {
    let asked = Items { on_item_failure: OnItemFailure::Collect, ..items(letters("a b c")) };
    let story = list(asked.clone()).fail("root/#1").complete("root/#2").complete("root/#3");
    story.matches_transcript("each_partial");
    let nothing = list(asked).fail("root/#1").fail("root/#2").fail("root/#3");
    assert_eq!(nothing.world.state.status, RunStatus::Final(RunOutcome::NothingAchieved));
}

#[test]
fn an_empty_list_is_through_at_once() {
    let story = list(items(Vec::new()));
    assert_eq!(story.world.state.outputs, Some(object(json!({ "results": [], "errors": [] }))));
}

#[test]
fn items_that_are_objects_may_be_the_inputs() {
    let inputs = object(json!({ "greeting": "hello", "name": "Grace" }));
    let asked = Items { item_as: None, inputs, ..items(vec![json!({ "name": "Ada" })]) };
    let story = list(asked.clone());
    assert_eq!(*story.node("root/#1").inputs, object(json!({ "greeting": "hello", "name": "Ada" })));
    let story = list(Items { items: vec![json!({}), json!(3)], ..asked });
    let error = story.world.state.error.clone().unwrap();
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("items_invalid", "item 1 is no object, and nothing says in which input it is put")
    );
}

#[test]
fn each_item_may_walk_a_graph() {
    let walked = graph(vec![drawn("a", &[Some(1)]), drawn("b", &[])]);
    let asked = Items {
        node_type: node_type(NodeKind::Graph),
        item_as: Some("data".into()),
        graph: Some(walked),
        ..items(letters("x y"))
    };
    let story = list(asked).complete("root/#1/a").complete("root/#2/a").complete("root/#2/b");
    story.complete("root/#1/b").matches_transcript("each_graph");
}

#[test]
fn a_list_that_is_too_long_never_begins() {
    let constraints = limits(json!({ "structural": { "max_children_per_composite": 2 } }));
    let story = Story::new().start(Start { constraints, ..start(NodeKind::Each) });
    let story = story.loaded("root", Content::Items(Arc::new(items(letters("a b c")))));
    let error = story.world.state.error.clone().unwrap();
    assert_eq!(error.code.as_str(), "constraint_violation");
    assert_eq!(story.world.state.nodes.len(), 1);
}

#[test]
fn a_list_whose_run_has_grown_elsewhere_fails_with_the_limit_that_its_next_item_would_break() {
    let constraints = limits(json!({ "structural": { "max_total_nodes_per_run": 5 } }));
    let asked = Items { node_type: node_type(NodeKind::External), ..items(letters("a b c")) };
    let story = Story::new()
        .start(Start { constraints, ..start(NodeKind::Each) })
        .loaded("root", Content::Items(Arc::new(asked)))
        .create("root/#1", vec![child("x", NodeKind::External), child("y", NodeKind::External)])
        .end("root/#2", FinalState::Succeeded);
    let error = story.world.state.error.clone().unwrap();
    assert_eq!((error.code.as_str(), story.world.state.nodes.len()), ("constraint_violation", 5));
    assert!(error.message.contains("max_total_nodes_per_run"), "{}", error.message);
    assert!(!story.world.state.nodes.values().any(|node| node.is_live()), "what was at work is stopped");
}

#[test]
fn canceling_stops_what_is_at_work_and_takes_no_other_item() {
    list(items(letters("a b c d"))).complete("root/#1").cancel().matches_transcript("each_canceled");
}
