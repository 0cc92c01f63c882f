//! Limits: steps, depth, size, and which node types may be chosen.

use std::collections::BTreeSet;

use runyard_engine::{Constraints, Plan};
use serde_json::{Value, json};

use super::{planner, request};
use crate::catalog::Catalog;
use crate::limits::Limits;
use crate::planner::{LexicalPlanner, Planner};

const THREE: &str = "Generate a UUID, hash it, say 'done'";

fn refused(inputs: Value, constraints: Constraints) -> (String, String) {
    let failure = planner().plan_now(&request(inputs, constraints)).unwrap_err();
    (failure.code.to_string(), failure.message)
}

fn planned(inputs: Value, constraints: Constraints) -> Plan {
    planner().plan_now(&request(inputs, constraints)).unwrap()
}

fn ids(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

#[test]
fn more_steps_than_any_limit_allows_are_refused_by_name() {
    let none = Constraints::default;
    let mut budget = none();
    budget.budgets.max_steps = Some(2);
    let mut children = none();
    children.structural.max_children_per_composite = Some(1);
    let mut total = none();
    total.structural.max_total_nodes_per_run = Some(3);
    let table = [
        (json!({ "goal": THREE, "max_steps": 2 }), none(), "max_steps is 2, but the goal needs 3"),
        (json!({ "goal": THREE }), budget, "max_steps is 2, but the goal needs 3"),
        (json!({ "goal": THREE }), children, "max_children_per_composite is 1, but the goal needs 3"),
        (json!({ "goal": THREE }), total, "max_total_nodes_per_run is 3, but the goal needs 4"),
        (json!({ "goal": "say a twice. ".repeat(40) }), none(), "the goal needs 66 steps and one plan has at most 64"),
        (json!({ "goal": "say a. ".repeat(5000) }), none(), "the goal needs 5000 steps and one plan has at most 64"),
    ];
    for (inputs, constraints, message) in table {
        let (code, found) = refused(inputs, constraints);
        let own = message.starts_with("the goal needs");
        assert_eq!(code, if own { "goal_too_long" } else { "constraint_violation" });
        assert!(found.starts_with(message), "{found}");
    }
    assert_eq!(planned(json!({ "goal": THREE, "max_steps": 3 }), none()).steps.len(), 3);
    assert_eq!(planned(json!({ "goal": "say a. ".repeat(64) }), none()).steps.len(), 64);
}

#[test]
fn no_step_can_be_below_the_greatest_depth() {
    let mut flat = Constraints::default();
    flat.structural.max_depth = Some(0);
    let table = [
        (json!({ "goal": THREE, "max_depth": 0 }), Constraints::default(), "max_depth is 0"),
        (
            json!({ "goal": THREE, "max_depth": 2, "depth": 2 }),
            Constraints::default(),
            "max_depth is 2, but the goal needs 3",
        ),
        (json!({ "goal": THREE }), flat, "max_depth is 0"),
    ];
    for (inputs, constraints, message) in table {
        let (code, found) = refused(inputs, constraints);
        assert_eq!(code, "constraint_violation");
        assert!(found.starts_with(message), "{found}");
    }
    assert_eq!(planned(json!({ "goal": THREE, "max_depth": 1 }), Constraints::default()).steps.len(), 3);
}

#[test]
fn inputs_are_validated_and_the_prompt_replaces_a_missing_goal() {
    let refused = |inputs| refused(inputs, Constraints::default());
    for inputs in [json!({}), json!({ "goal": null, "prompt": " " }), json!({ "goal": "" })] {
        assert_eq!(refused(inputs).0, "goal_missing");
    }
    for inputs in [json!({ "goal": 7 }), json!({ "goal": "x", "colour": 1 }), json!({ "goal": THREE, "max_steps": 0 })]
    {
        assert_eq!(refused(inputs).0, "invalid_inputs");
    }
    let (code, message) = refused(json!({ "goal": THREE, "context": "not json" }));
    assert_eq!(code, "invalid_inputs");
    assert!(message.contains("/context must be a JSON object"), "{message}");
    let plan = planned(json!({ "goal": " ", "prompt": THREE, "context": "", "depth": 1 }), Constraints::default());
    assert_eq!(plan.steps.len(), 3);
}

#[test]
fn a_huge_goal_is_refused_and_a_large_one_is_planned() {
    assert_eq!(refused(json!({ "goal": "a".repeat(100_001) }), Constraints::default()).0, "goal_too_long");
    let text = "x".repeat(99_000);
    let plan = planned(json!({ "goal": format!("say '{text}', then hash it") }), Constraints::default());
    assert_eq!(plan.steps[0].inputs["echo"], json!(text));
}

#[test]
fn the_limits_of_goals_and_plans_are_settings() {
    let limits = Limits { goal_bytes: 1_000, goal_words: 100, plan_steps: 2, ..Limits::default() };
    let planner = LexicalPlanner::with_limits(Catalog::builtin(), &limits);
    let refused = |goal: String| {
        let request = request(json!({ "goal": goal }), Constraints::default());
        let failure = planner.plan_now(&request).unwrap_err();
        (failure.code.to_string(), failure.message)
    };
    let limit = "goal_too_long".to_owned();
    let split = "; split it into several runs";
    for (goal, message) in [
        (format!("say '{}'", "x".repeat(1_000)), "the goal has 1006 bytes and at most 1000 are read"),
        ("say ".repeat(101), "the goal has 101 words and at most 100 are read"),
        ("Generate 3 UUIDs".to_owned(), "the goal needs 3 steps and one plan has at most 2"),
    ] {
        assert_eq!(refused(goal), (limit.clone(), format!("{message}{split}")));
    }
}

#[test]
fn a_goal_with_too_many_words_is_refused_before_it_is_planned() {
    let (code, message) = refused(json!({ "goal": "a ".repeat(50_000) }), Constraints::default());
    assert_eq!((code.as_str(), message.contains("50000 words")), ("goal_too_long", true), "{message}");
}

#[test]
fn failures_name_no_setting_that_does_not_exist_and_no_candidate_without_a_score() {
    for goal in ["Book a flight to Paris", "Generate a random number", "wait", "say 'a' and 'b'", "Return it", "!!!"] {
        let failure = planner().plan_now(&request(json!({ "goal": goal }), Constraints::default())).unwrap_err();
        assert!(!failure.message.contains("[planner]") && !failure.message.contains("model"), "{}", failure.message);
        let details = failure.details.unwrap();
        let scores: Vec<f64> =
            details["nearest"].as_array().unwrap().iter().map(|one| one["score"].as_f64().unwrap()).collect();
        assert!(scores.iter().all(|score| *score > 0.0), "{goal}: {scores:?}");
        assert!(scores.is_empty() || !failure.message.contains("no node type"), "{}", failure.message);
    }
}

#[test]
fn a_denied_node_type_is_not_chosen_under_any_name() {
    for name in ["runyard.core.uuid4", "jarvis.core.uuid4"] {
        let mut constraints = Constraints::default();
        constraints.candidates.denied_node_type_ids = ids(&[name]);
        let (code, message) = refused(json!({ "goal": "Generate a UUID" }), constraints);
        assert_eq!(code, "clause_unmapped");
        assert!(
            message.contains("runyard.core.uuid4 would serve it, but the run's constraints do not allow it"),
            "{message}"
        );
    }
}

#[test]
fn only_allowed_node_types_are_candidates() {
    for name in ["runyard.core.uuid4", "jarvis.core.uuid4"] {
        let mut constraints = Constraints::default();
        constraints.candidates.allowed_node_type_ids = Some(ids(&[name, "no.such.type"]));
        let plan = planned(json!({ "goal": "Generate a new random UUID now" }), constraints.clone());
        let considered: Vec<&str> =
            plan.steps[0].candidates.candidates.iter().map(|one| one.node_type.id.as_str()).collect();
        assert_eq!(considered, ["runyard.core.uuid4"]);
        assert_eq!(refused(json!({ "goal": "Say 'x'" }), constraints).0, "clause_unmapped");
    }
}

#[test]
fn a_candidate_set_is_cut_to_its_limit() {
    let size = |most: Option<u64>| {
        let mut constraints = Constraints::default();
        constraints.candidates.max_candidates_per_subtask = most;
        let plan = planned(json!({ "goal": "Generate a new random UUID of text" }), constraints);
        plan.steps[0].candidates.candidates.len()
    };
    assert_eq!((size(Some(1)), size(Some(2)), size(None)), (1, 2, 4));
}

#[tokio::test]
async fn the_interface_plans_as_the_planner_does() {
    let planner: &dyn Planner = planner();
    let request = request(json!({ "goal": THREE }), Constraints::default());
    assert_eq!(planner.plan(request.clone()).await, super::planner().plan_now(&request));
}
