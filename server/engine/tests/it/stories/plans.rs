//! Goals split into steps.

use runyard_engine::plan::{Form, PlanResult};
use runyard_engine::{Command, NodeKind, Outcome, Plan, Start};
use serde_json::json;

use crate::make::{binding, node_type, object, plan, run, source, start, step};
use crate::story::{Story, golden};

fn planned(plan: Plan) -> Story {
    Story::new().start(start(NodeKind::Plan)).planned("root", plan)
}

#[test]
fn a_plan_runs_step_by_step_and_answers_with_the_last() {
    let mut second = step("S2", &["S1"]);
    second.bindings = vec![binding("text", "S1", "/made")];
    planned(plan(vec![step("S1", &[]), second])).complete("root/S1").complete("root/S2").matches_transcript("plan");
}

#[test]
fn what_is_ready_runs_side_by_side_up_to_the_bound() {
    let mut sleeper = step("S3", &[]);
    sleeper.node_type = node_type(NodeKind::Sleep);
    let steps = vec![step("S1", &[]), step("S2", &[]), sleeper, step("S4", &[]), step("S5", &["S1", "S2", "S1"])];
    let ask = Start { parallel_max: 1, ..start(NodeKind::Plan) };
    Story::new()
        .start(ask)
        .planned("root", plan(steps))
        .complete("root/S1")
        .complete("root/S2")
        .wake("root/S3", "sleep")
        .complete("root/S4")
        .complete("root/S5")
        .matches_transcript("plan_bounded");
}

#[test]
fn a_bound_of_none_is_a_bound_of_one() {
    let ask = Start { parallel_max: 0, ..start(NodeKind::Plan) };
    let story = Story::new().start(ask).planned("root", plan(vec![step("S1", &[]), step("S2", &[])]));
    assert_eq!(story.world.wanted.len(), 1);
}

#[test]
fn a_failed_child_fails_its_composite_once() {
    let steps = vec![step("a", &[]), step("b", &[]), step("c", &["a"])];
    planned(plan(steps)).fail("root/b").fail("root/b").complete("root/a").matches_transcript("plan_child_fails");
}

#[test]
fn a_child_that_cannot_begin_fails_its_composite_before_the_world_hears_of_its_siblings() {
    let mut sleeper = step("b", &[]);
    sleeper.node_type = node_type(NodeKind::Sleep);
    sleeper.inputs = object(json!({ "seconds": "soon" }));
    planned(plan(vec![step("a", &[]), sleeper])).matches_transcript("plan_child_cannot_begin");
}

#[test]
fn values_find_their_way() {
    let mut second = step("S2", &["S1"]);
    second.inputs = object(json!({ "kept": 1, "whole": "overwritten" }));
    let text = |before: &str, after: &str| Form::Text { before: before.into(), after: after.into() };
    second.bindings = vec![
        binding("whole", "S1", ""),
        binding("odd", "S1", "/a~1b~0c/1/x"),
        runyard_engine::plan::Binding { form: text("say ", "!"), ..binding("text", "S1", "/word") },
        runyard_engine::plan::Binding { form: text("n=", ""), ..binding("list", "S1", "/a~1b~0c/0") },
    ];
    let plan = Plan { result: Some(source("S1", "/a~1b~0c/1").into()), ..plan(vec![step("S1", &[]), second]) };
    planned(plan)
        .complete_with("root/S1", json!({ "a/b~c": [[1, 2], { "x": null }], "word": "hi" }))
        .complete("root/S2")
        .matches_transcript("plan_values");
}

#[test]
fn a_value_that_is_not_there_fails_the_step_that_wants_it() {
    let mut second = step("S2", &["S1"]);
    second.bindings = vec![binding("text", "S1", "/mode")];
    planned(plan(vec![step("S1", &[]), second])).complete("root/S1").matches_transcript("plan_binding_fails");
}

#[test]
fn a_result_that_is_not_there_fails_the_composite() {
    let plan = Plan { result: Some(source("S1", "/a/0").into()), ..plan(vec![step("S1", &[])]) };
    planned(plan).complete_with("root/S1", json!({ "a": [] })).matches_transcript("plan_result_fails");
}

#[test]
fn the_result_is_the_value_alone_where_there_is_one() {
    for (outputs, result) in [
        (json!({ "uuid": "u" }), json!("u")),
        (json!({ "a": 1, "b": 2 }), json!({ "a": 1, "b": 2 })),
        (json!({}), json!({})),
    ] {
        let story = planned(plan(vec![step("S1", &[])])).complete_with("root/S1", outputs);
        assert_eq!(story.world.state.outputs.as_ref().unwrap()["result"], result);
    }
}

#[test]
fn a_result_of_several_places_is_a_list_in_that_order() {
    let result = PlanResult::List(vec![source("S2", "/made"), source("S1", ""), source("S2", "/made")]);
    let plan = Plan { result: Some(result), ..plan(vec![step("S1", &[]), step("S2", &[])]) };
    let story = planned(plan)
        .complete_with("root/S1", json!({ "a": 1, "b": 2 }))
        .complete_with("root/S2", json!({ "made": "second" }));
    let outputs = story.world.state.outputs.as_ref().unwrap();
    assert_eq!(outputs["result"], json!(["second", { "a": 1, "b": 2 }, "second"]));
}

#[test]
fn a_list_of_results_of_which_one_is_not_there_fails_the_composite() {
    let result = PlanResult::List(vec![source("S1", "/a"), source("S1", "/none")]);
    let plan = Plan { result: Some(result), ..plan(vec![step("S1", &[])]) };
    let story = planned(plan).complete_with("root/S1", json!({ "a": 1 }));
    assert_eq!(story.world.state.error.as_ref().unwrap().code.as_str(), "binding_failed");
}

#[test]
fn a_plan_that_makes_no_sense_fails_its_composite() {
    let mut blind = step("S2", &[]);
    blind.bindings = vec![binding("text", "S1", "/made")];
    let mut odd = step("S1", &[]);
    odd.candidates.candidates[0].score = f64::NAN;
    let plans = [
        plan(vec![odd]),
        plan(vec![]),
        plan(vec![step("", &[])]),
        plan(vec![step("S1", &[]), step("S1", &[])]),
        plan(vec![step("S1", &["S2"]), step("S2", &[])]),
        plan(vec![step("S1", &["S1"])]),
        plan(vec![step("S1", &[]), blind]),
        Plan { result: Some(source("S9", "").into()), ..plan(vec![step("S1", &[])]) },
        Plan {
            result: Some(PlanResult::List(vec![source("S1", ""), source("S9", "")])),
            ..plan(vec![step("S1", &[])])
        },
        Plan { result: Some(PlanResult::List(Vec::new())), ..plan(vec![step("S1", &[])]) },
    ];
    let mut text = String::new();
    for plan in plans {
        let story = planned(plan);
        let error = story.world.state.error.clone().unwrap();
        text.push_str(&format!("{}: {}\n", error.code, error.message));
        assert_eq!(story.world.state.nodes.len(), 1, "nothing of it is recorded");
    }
    golden("plan_makes_no_sense", &text);
}

#[test]
fn a_planner_that_fails_fails_its_composite() {
    Story::new().start(start(NodeKind::Plan)).plan_fails("root").plan_fails("root").matches_transcript("planner_fails");
}

#[test]
fn an_answer_without_a_plan_fails_its_composite() {
    let story = Story::new().start(start(NodeKind::Plan));
    let (effect, node_run) = story.effect("root", "plan");
    let outcome = Outcome::Succeeded { outputs: object(json!({ "plan": "later" })) };
    let story = story.tell("settle", Command::Settle { effect, node_run, outcome });
    assert_eq!(story.world.state.error.unwrap().code.as_str(), "plan_invalid");
}

#[test]
fn a_second_plan_changes_nothing() {
    let story = planned(plan(vec![step("S1", &[])])).planned("root", plan(vec![step("S2", &[])]));
    assert_eq!(story.world.state.nodes.len(), 2);
    assert_eq!(story.world.state.run, run());
}
