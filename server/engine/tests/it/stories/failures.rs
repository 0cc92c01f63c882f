//! What a failure means for siblings: it is ignored, a fallback runs, or the plan fails.

use std::sync::Arc;

use runyard_engine::event::FinalState;
use runyard_engine::plan::{Form, Step};
use runyard_engine::{ChildSpec, NodeKind, Plan, Policy, RunOutcome, Start};
use serde_json::{Value, json};

use crate::make::{binding, child, go_to, node_type, object, passed_over, plan, source, start, step, tries};
use crate::story::{Story, golden};

fn with(policy: Policy, step: Step) -> Step {
    Step { policy, ..step }
}

fn planned(steps: Vec<Step>) -> Story {
    Story::new().start(start(NodeKind::Plan)).planned("root", plan(steps))
}

/// A step with an input from the outputs of `from`.
fn reader(id: &str, from: &str, after: &[&str]) -> Step {
    Step { bindings: vec![binding("text", from, "/made")], ..step(id, after) }
}

fn outcome(story: &Story) -> RunOutcome {
    match story.world.state.status {
        runyard_engine::RunStatus::Final(outcome) => outcome,
        other => panic!("it has not ended: {other:?}"),
    }
}

fn result(story: &Story) -> Value {
    story.node("root").outputs.as_ref().unwrap()["result"].clone()
}

#[test]
fn a_failure_that_is_passed_over_leaves_null_and_makes_the_run_partial() {
    planned(vec![with(passed_over(), step("a", &[])), reader("b", "a", &["a"])])
        .fail("root/a")
        .complete("root/b")
        .matches_transcript("passed_over");
}

#[test]
fn null_is_put_into_a_text_as_null() {
    let mut second = reader("b", "a", &["a"]);
    second.bindings[0].form = Form::Text { before: "<".into(), after: ">".into() };
    let story = planned(vec![with(passed_over(), step("a", &[])), second]).fail("root/a");
    assert_eq!(*story.node("root/b").inputs, object(json!({ "text": "<null>" })));
}

#[test]
fn nothing_achieved_is_said_as_that() {
    let both = vec![with(passed_over(), step("a", &[])), with(passed_over(), step("b", &[]))];
    planned(both).fail("root/a").fail("root/b").matches_transcript("nothing_achieved");
}

#[test]
fn a_failure_that_is_not_passed_over_ends_the_run_whatever_was_before() {
    let steps = vec![with(passed_over(), step("a", &[])), step("b", &[]), step("c", &[])];
    let story = planned(steps).fail("root/a").complete("root/b").fail("root/c");
    assert_eq!(outcome(&story), RunOutcome::Failed);
}

#[test]
fn a_canceled_run_is_canceled_and_not_partial() {
    let story = planned(vec![with(passed_over(), step("a", &[])), step("b", &[])]).fail("root/a").cancel();
    assert_eq!(outcome(&story), RunOutcome::Canceled);
}

#[test]
fn a_fallback_runs_instead_and_its_result_stands_for_the_failed_ones() {
    planned(vec![with(go_to("spare"), step("a", &[])), step("spare", &[]), reader("b", "a", &["a"])])
        .fail("root/a")
        .complete("root/spare")
        .complete("root/b")
        .matches_transcript("fallback_runs");
}

#[test]
fn a_fallback_that_is_not_needed_is_skipped_with_what_follows_it() {
    let steps = vec![
        with(go_to("spare"), step("a", &[])),
        reader("b", "a", &["a"]),
        step("spare", &[]),
        step("after", &["spare"]),
    ];
    planned(steps).complete("root/a").complete("root/b").matches_transcript("fallback_not_needed");
}

#[test]
fn a_fallback_that_fails_fails_the_plan_unless_it_has_one_too() {
    let steps = || vec![with(go_to("b"), step("a", &[])), step("b", &[]), step("c", &["a"])];
    planned(steps()).fail("root/a").fail("root/b").matches_transcript("fallback_fails");
    let mut chain = steps();
    chain[1].policy = go_to("d");
    chain.push(step("d", &[]));
    let story = planned(chain).fail("root/a").fail("root/b").complete("root/d").complete("root/c");
    assert_eq!((outcome(&story), result(&story)), (RunOutcome::Succeeded, json!("root/c")));
}

#[test]
fn a_fallback_that_is_passed_over_makes_the_run_partial() {
    let steps = vec![with(go_to("b"), step("a", &[])), with(passed_over(), step("b", &[])), reader("c", "a", &["a"])];
    let story = planned(steps).fail("root/a").fail("root/b");
    assert_eq!(*story.node("root/c").inputs, object(json!({ "text": null })));
    assert_eq!(outcome(&story.complete("root/c")), RunOutcome::Partial);
}

#[test]
fn one_fallback_serves_several_and_runs_once() {
    let steps = vec![
        with(go_to("spare"), step("a", &[])),
        with(go_to("spare"), step("b", &[])),
        step("spare", &[]),
        reader("c", "a", &["a", "b"]),
    ];
    planned(steps)
        .fail("root/b")
        .complete("root/spare")
        .fail("root/a")
        .complete("root/c")
        .matches_transcript("fallback_for_two");
}

#[test]
fn a_fallback_that_can_never_begin_is_none() {
    // `spare` waits for a dependant of `b`'s fallback, which is not needed.
    let steps = vec![
        with(go_to("spare"), step("a", &[])),
        with(go_to("other"), step("b", &[])),
        step("other", &[]),
        step("spare", &["other"]),
    ];
    let story = planned(steps.clone()).fail("root/a").complete("root/b");
    assert_eq!(outcome(&story), RunOutcome::Failed);
    assert_eq!(story.world.state.error.as_ref().unwrap().message, "step `a` failed: it was broken");
    let story = planned(steps).complete("root/b").fail("root/a");
    assert_eq!(outcome(&story), RunOutcome::Failed);
}

#[test]
fn a_fallback_begins_only_after_what_it_depends_on() {
    let steps = vec![with(go_to("spare"), step("a", &[])), step("b", &[]), step("spare", &["b"])];
    let story = planned(steps).fail("root/a");
    assert_eq!(story.node("root/spare").attempt, 0);
    let story = story.complete("root/b");
    assert_eq!(story.node("root/spare").attempt, 1);
}

#[test]
fn a_failure_before_it_began_is_a_failure_too() {
    let mut sleeper = with(go_to("spare"), step("a", &[]));
    sleeper.node_type = node_type(NodeKind::Sleep);
    sleeper.inputs = object(json!({ "seconds": "soon" }));
    let story = planned(vec![sleeper, step("spare", &[])]).complete("root/spare");
    assert_eq!((outcome(&story), result(&story)), (RunOutcome::Succeeded, json!("root/spare")));
}

#[test]
fn a_result_that_is_read_from_what_was_passed_over_is_null() {
    let steps = vec![with(passed_over(), step("a", &[])), step("b", &[])];
    let asked = Plan { result: Some(source("a", "/made").into()), ..plan(steps) };
    let story = Story::new().start(start(NodeKind::Plan)).planned("root", asked).fail("root/a").complete("root/b");
    assert_eq!((outcome(&story), result(&story)), (RunOutcome::Partial, json!(null)));
}

#[test]
fn a_partial_composite_below_is_a_failure_that_its_own_policy_speaks_of() {
    let nested = || Step { node_type: node_type(NodeKind::Plan), ..step("a", &[]) };
    let inner = || plan(vec![with(passed_over(), step("x", &[])), step("y", &[])]);
    let outer_run = |outer: Step| {
        planned(vec![outer, reader("b", "a", &["a"])]).planned("root/a", inner()).fail("root/a/x").complete("root/a/y")
    };
    assert_eq!(outcome(&outer_run(nested())), RunOutcome::Failed);
    let mut outer = with(passed_over(), nested());
    outer.goal = "go on".into();
    let story = planned(vec![outer, Step { bindings: vec![binding("text", "a", "/result")], ..step("b", &["a"]) }])
        .planned("root/a", inner())
        .fail("root/a/x")
        .complete("root/a/y");
    assert_eq!(*story.node("root/b").inputs, object(json!({ "text": "root/a/y" })), "it made something");
    let story = story.fail("root/b");
    assert_eq!(outcome(&story), RunOutcome::Failed);
}

#[test]
fn what_is_said_for_all_steps_holds_of_those_that_say_nothing_else() {
    let mut sleeper = step("c", &["a"]);
    (sleeper.node_type, sleeper.inputs) = (node_type(NodeKind::Sleep), object(json!({ "seconds": -1 })));
    let for_all = Policy { retry: tries(2).retry, timeout_ms: Some(50), ..passed_over() };
    Story::new()
        .start(Start { steps: for_all, ..start(NodeKind::Plan) })
        .planned("root", plan(vec![with(tries(1), step("a", &[])), step("b", &["a"]), sleeper]))
        .fail("root/a")
        .fail("root/b")
        .after_ms(100)
        .wake("root/b", "retry")
        .complete("root/b")
        .matches_transcript("for_all_steps");
}

#[test]
fn children_from_outside_go_on_too() {
    let spec = |key: &str, policy: Policy, after: &[&str]| ChildSpec {
        policy,
        depends_on: after.iter().map(|key| (*key).to_owned()).collect(),
        ..child(key, NodeKind::Call)
    };
    let none = Policy::default;
    Story::new()
        .start(start(NodeKind::External))
        .create(
            "root",
            vec![
                spec("a", go_to("#spare"), &[]),
                spec("#spare", none(), &[]),
                spec("b", none(), &["a"]),
                spec("c", passed_over(), &[]),
                spec("d", none(), &["c"]),
            ],
        )
        .fail("root/a")
        .fail("root/c")
        .complete("root/##spare")
        .complete("root/b")
        .complete("root/d")
        .end("root", FinalState::Succeeded)
        .matches_transcript("children_go_on");
}

#[test]
fn a_key_that_was_used_with_another_policy_is_refused() {
    let story = Story::new().start(start(NodeKind::External)).create("root", vec![child("a", NodeKind::Call)]);
    let again = ChildSpec { policy: passed_over(), ..child("a", NodeKind::Call) };
    story.create("root", vec![again]).matches_transcript("same_key_other_policy");
}

#[test]
fn what_would_go_nowhere_or_wait_for_ever_is_refused_by_name() {
    let plans = [
        vec![with(go_to("missing"), step("a", &[]))],
        vec![with(go_to("a"), step("a", &[]))],
        vec![step("a", &[]), with(go_to("a"), step("b", &[]))],
        vec![with(go_to("b"), step("a", &[])), step("b", &["a"])],
        vec![with(go_to("c"), step("a", &[])), step("b", &["a"]), step("c", &["b"])],
        vec![with(go_to("b"), step("a", &[])), with(go_to("d"), step("b", &[])), step("c", &["a"]), step("d", &["c"])],
    ];
    let mut text = String::new();
    for steps in plans {
        let mut specs = Vec::new();
        for step in &steps {
            let depends_on = step.depends_on.clone();
            specs.push(ChildSpec { depends_on, policy: step.policy.clone(), ..child(&step.id, NodeKind::Call) });
        }
        let story = planned(steps);
        text.push_str(&format!("{}\n", story.world.state.error.as_ref().unwrap().message));
        let mut world = Story::new().start(start(NodeKind::External)).world;
        let parent = runyard_engine::NodeRunId::root(world.state.run);
        text.push_str(&format!("{}\n", world.create(parent, specs).unwrap_err()));
    }
    let at_root = |policy| Start { policy, ..start(NodeKind::Call) };
    let for_all = |steps| Start { steps, ..start(NodeKind::Plan) };
    let timeout = Policy { timeout_ms: Some(0), ..Policy::default() };
    let starts =
        [at_root(passed_over()), at_root(go_to("a")), for_all(go_to("a")), for_all(tries(0)), for_all(timeout)];
    for asked in starts {
        let refused = crate::world::World::new().submit(runyard_engine::Command::Start(Arc::new(asked))).unwrap_err();
        text.push_str(&format!("{refused}\n"));
    }
    golden("go_to_refused", &text);
}
