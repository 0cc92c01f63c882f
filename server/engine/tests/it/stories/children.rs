//! Children from outside: keys, dependencies, and which node runs may have children.

use runyard_engine::event::FinalState;
use runyard_engine::{ChildSpec, Command, NodeKind, Rejected};
use serde_json::json;

use crate::make::{child, limits, object, plan, start, step, unnamed};
use crate::story::Story;

fn external() -> Story {
    Story::new().start(start(NodeKind::External))
}

#[test]
fn children_come_with_what_their_owner_decided() {
    let decided = ChildSpec {
        candidate_set_id: Some("set_1".into()),
        binding_decision: Some(json!({ "subtask_id": "T1", "chosen_node_type_ref": {} })),
        inputs: object(json!({ "text": "a" })),
        ..child("a", NodeKind::Call)
    };
    let story = external().create("root", vec![decided, child("b", NodeKind::Sleep), unnamed(NodeKind::Plan)]);
    story.matches_transcript("children_with_decisions");
}

#[test]
fn the_same_key_is_the_same_child() {
    let a = || ChildSpec { inputs: object(json!({ "n": 1, "m": 2 })), ..child("a", NodeKind::Call) };
    let turned = ChildSpec { inputs: object(json!({ "m": 2, "n": 1 })), ..a() };
    let mut newer = a();
    newer.node_type.version = "1.0.1".into();
    external()
        .create("root", vec![a(), a()])
        .create("root", vec![turned])
        .create("root", vec![newer])
        .create("root", vec![child("b", NodeKind::Call), a()])
        .complete("root/a")
        .complete("root/b")
        .create("root", vec![a()])
        .end("root", FinalState::Succeeded)
        .create("root", vec![child("b", NodeKind::Call), a()])
        .create("root", vec![a(), child("new", NodeKind::Call)])
        .matches_transcript("same_key");
}

#[test]
fn the_same_key_with_something_else_is_refused_whole() {
    let a = || child("a", NodeKind::Call);
    let mut other_type = a();
    other_type.node_type.asked.version = "1".into();
    external()
        .create("root", vec![a(), child("z", NodeKind::Call)])
        .create("root", vec![child("new", NodeKind::Call), other_type])
        .create("root", vec![ChildSpec { inputs: object(json!({ "n": 1 })), ..a() }])
        .create("root", vec![ChildSpec { binding_decision: Some(json!({})), ..a() }])
        .create("root", vec![ChildSpec { candidate_set_id: Some("set".into()), ..a() }])
        .create("root", vec![ChildSpec { constraints: limits(json!({ "budgets": { "max_steps": 1 } })), ..a() }])
        .create("root", vec![ChildSpec { depends_on: vec!["z".into()], ..a() }])
        .create("root", vec![child("new", NodeKind::Call), child("new", NodeKind::Sleep)])
        .matches_transcript("same_key_other_child");
}

#[test]
fn derived_keys_and_given_ones_never_meet() {
    let story = external().create("root", vec![unnamed(NodeKind::External), child("#2", NodeKind::External)]);
    let story = story.create("root", vec![child("##2", NodeKind::External), unnamed(NodeKind::External)]);
    let keys: Vec<&str> =
        story.node("root").children.iter().map(|id| story.world.state.node(*id).unwrap().key.as_str()).collect();
    assert_eq!(keys, ["#1", "##2", "###2", "#4"]);
}

#[test]
fn children_wait_for_the_siblings_they_depend_on() {
    let after = |key: &str, siblings: &[&str]| ChildSpec {
        depends_on: siblings.iter().map(|key| (*key).to_owned()).collect(),
        ..child(key, NodeKind::Call)
    };
    external()
        .create("root", vec![after("b", &["a"])])
        .create("root", vec![after("a", &["a"])])
        .create("root", vec![after("b", &["a"]), child("a", NodeKind::Call)])
        .create(
            "root",
            vec![child("a", NodeKind::Call), after("b", &["a", "a"]), after("c", &["a", "b"]), after("d", &["b"])],
        )
        .create("root", vec![after("e", &["c"])])
        .complete("root/a")
        .fail("root/b")
        .create("root", vec![after("f", &["a"]), after("g", &["e"]), after("h", &["g", "f"])])
        .end("root", FinalState::Succeeded)
        .complete("root/f")
        .end("root", FinalState::Succeeded)
        .matches_transcript("children_depend");
}

#[test]
fn only_external_composites_that_live_are_given_children() {
    let a = || vec![child("a", NodeKind::Call)];
    let story = Story::new().start(start(NodeKind::Plan)).planned("root", plan(vec![step("S1", &[])]));
    let stranger = story.id("root/stranger");
    let story = story
        .create("root", a())
        .create("root/S1", a())
        .tell("create in a stranger", Command::CreateChildren { parent: stranger, children: a() })
        .cancel()
        .create("root", a());
    story.matches_transcript("children_refused");
}

#[test]
fn a_composite_that_has_not_begun_is_not_moved_from_outside() {
    let waiting = ChildSpec { depends_on: vec!["a".into()], ..child("b", NodeKind::External) };
    external()
        .create("root", vec![child("a", NodeKind::Call), waiting])
        .create("root/b", vec![child("c", NodeKind::Call)])
        .end("root/b", FinalState::Failed)
        .complete("root/a")
        .end("root/b", FinalState::Failed)
        .matches_transcript("not_begun");
}

#[test]
fn no_children_are_no_children() {
    let mut story = external();
    let parent = story.id("root");
    assert_eq!(story.world.create(parent, vec![]), Ok(vec![]));
    assert_eq!(story.world.state.version, 3);
    let unknown = story.id("root/x");
    assert_eq!(story.world.create(unknown, vec![]), Err(Rejected::UnknownNodeRun { node_run: unknown }));
}
