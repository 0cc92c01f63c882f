//! Laws for every goal: no panic, the same plan every time, and a plan that the engine accepts.

use std::collections::BTreeSet;

use proptest::prelude::*;
use runyard_engine::plan::PlanResult;
use runyard_engine::{Constraints, Plan};
use serde_json::{Value, json};

use super::{planner, request};

/// Pieces of goals, so that random goals are not only noise.
const PIECES: [&str; 60] = [
    "generate",
    "a",
    "the",
    "uuid",
    "UUIDs",
    "two",
    "3",
    "1.",
    "2)",
    "then",
    ", then",
    "and",
    ",",
    ".",
    ";",
    "\n",
    "\n- ",
    "\n1. ",
    "\n2. ",
    "say",
    "'hello'",
    "\"x",
    "it's",
    "hash",
    "it",
    "that",
    "of",
    "return",
    "give me",
    "result",
    "first",
    "second",
    "step",
    "2's",
    "wait",
    "2 seconds",
    "half",
    "ms",
    "-5",
    "1,5",
    "time",
    "current",
    "after",
    "before",
    "waiting",
    "both",
    "followed by",
    "'",
    "“",
    "”",
    "if",
    "not",
    "times",
    "twice",
    "→",
    "for",
    "S1",
    "the order",
    "e.g.",
    "http://a.b/c",
];

fn goals() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24).prop_map(|pieces| pieces.join(" "));
    prop_oneof![4 => pieces, 1 => any::<String>(), 1 => "[ -~\\n]{0,200}", 1 => "\\PC{0,200}"]
}

/// The laws that the engine relies on.
fn check(plan: &Plan) {
    let catalog = planner().catalog();
    let mut seen = BTreeSet::new();
    assert!(!plan.steps.is_empty() && plan.steps.len() <= 64);
    for step in &plan.steps {
        assert!(step.depends_on.iter().all(|id| seen.contains(id)), "{} depends on what is not earlier", step.id);
        assert!(seen.insert(step.id.clone()), "{} is there twice", step.id);
        let chosen = step.candidates.candidates.iter().any(|one| one.node_type.id == step.node_type.id);
        assert!(chosen, "{} was chosen without being a candidate", step.node_type.id);
        let mut inputs = step.inputs.clone();
        for binding in &step.bindings {
            assert!(
                step.depends_on.contains(&binding.source.step),
                "{} is bound to a step it does not wait for",
                step.id
            );
            assert!(inputs.insert(binding.field.clone(), Value::String("bound".to_owned())).is_none());
        }
        let entry = catalog.entry(&step.node_type.id, &step.node_type.version).unwrap();
        assert_eq!(entry.validate_inputs(&inputs), Ok(()), "{}", step.id);
    }
    for source in plan.result.iter().flat_map(PlanResult::sources) {
        assert!(seen.contains(&source.step), "the result comes from {}, which is no step", source.step);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_goal_gives_a_valid_plan_or_a_named_failure(goal in goals()) {
        let request = request(json!({ "goal": goal, "context": r#"{"order":"o-1"}"# }), Constraints::default());
        let first = planner().plan_now(&request);
        prop_assert_eq!(&first, &planner().plan_now(&request));
        match first {
            Ok(plan) => check(&plan),
            Err(failure) => {
                let codes = ["goal_missing", "constraint_violation", "clause_unmapped", "arguments_missing", "arguments_invalid"];
                prop_assert!(codes.contains(&failure.code.as_str()), "{}", failure.code);
                prop_assert!(failure.message.len() < 4000);
            }
        }
    }
}

#[test]
fn goals_made_to_be_slow_are_planned_in_time() {
    let nasty = [
        "“".repeat(30_000),
        "'a".repeat(50_000),
        "after ".repeat(16_000),
        "then ".repeat(20_000),
        "1. ".repeat(33_000),
        "a ".repeat(50_000),
        "and say ".repeat(12_000),
        "the first of the ".repeat(5_000),
        ",".repeat(100_000),
        "(".repeat(100_000),
        "step 1 ".repeat(14_000),
        "9".repeat(100_000),
        "half a ".repeat(14_000),
        "1 and a half ".repeat(7_000),
        "\n".repeat(100_000),
        "wait 1 second ".repeat(7_000),
        "x.".repeat(50_000),
        "if ".repeat(33_000),
        "hash it ".repeat(12_000),
        "say a after ".repeat(8_000),
    ];
    for goal in nasty {
        let request = request(json!({ "goal": goal }), Constraints::default());
        if let Ok(plan) = planner().plan_now(&request) {
            check(&plan);
        }
    }
}
