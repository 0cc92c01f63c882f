//! Output schemas: results that fit or can be fitted, and runs that fail because theirs does not.

use runyard_engine::event::FinalState;
use runyard_engine::{Command, Completion, NodeKind, Rejected, RunOutcome, RunStatus, Start};
use serde_json::{Value, json};

use crate::make::{completion, failure, object, passed_over, plan, start, step};
use crate::story::Story;

fn wanting(kind: NodeKind, wanted: Value) -> Story {
    Story::new().start(Start { output_schema: Some(json!({ "const": wanted })), ..start(kind) })
}

/// The outcome of a run, with the result of a plan, the outputs of other kinds, or the code of its failure.
fn ended(story: &Story) -> (RunOutcome, Value) {
    let state = &story.world.state;
    let RunStatus::Final(outcome) = state.status else { panic!("it goes on: {:?}", state.status) };
    let shown = match (&state.outputs, &state.error) {
        (Some(outputs), _) => outputs.get("result").cloned().unwrap_or_else(|| json!(outputs)),
        (None, Some(error)) => json!(error.code),
        (None, None) => json!(null),
    };
    (outcome, shown)
}

#[test]
fn a_plans_result_is_made_to_fit_or_the_run_fails() {
    let two = || plan(vec![step("S1", &[]), step("S2", &["S1"])]);
    let run = |wanted| wanting(NodeKind::Plan, wanted).planned("root", two()).complete("root/S1").complete("root/S2");
    assert_eq!(ended(&run(json!("root/S2"))), (RunOutcome::Succeeded, json!("root/S2")));
    assert_eq!(ended(&run(json!("root/S1"))), (RunOutcome::Succeeded, json!("root/S1")), "what a step made");
    assert_eq!(ended(&run(json!("else"))), (RunOutcome::Failed, json!("unfit")));
    run(json!("else")).matches_transcript("result_unfit");
}

#[test]
fn what_a_run_made_in_part_has_to_fit_too() {
    let run = |wanted| {
        let mut lost = step("S1", &[]);
        lost.policy = passed_over();
        wanting(NodeKind::Plan, wanted)
            .planned("root", plan(vec![lost, step("S2", &[])]))
            .fail("root/S1")
            .complete("root/S2")
    };
    assert_eq!(ended(&run(json!("root/S2"))), (RunOutcome::Partial, json!("root/S2")));
    assert_eq!(ended(&run(json!("else"))), (RunOutcome::Failed, json!("unfit")));
}

#[test]
fn other_outputs_are_taken_as_they_are() {
    let run = |wanted| wanting(NodeKind::Call, wanted).complete("root");
    assert_eq!(ended(&run(json!({ "made": "root" }))), (RunOutcome::Succeeded, json!({ "made": "root" })));
    assert_eq!(ended(&run(json!("root"))), (RunOutcome::Failed, json!("unfit")));
}

#[test]
fn a_client_that_ends_a_run_may_correct_a_result_that_does_not_fit() {
    let right = Completion { outputs: Some(object(json!({ "a": 1 }))), ..completion(FinalState::Succeeded) };
    let mut story = wanting(NodeKind::External, json!({ "a": 1 }));
    let node_run = story.id("root");
    let wrong = Command::Complete { node_run, completion: completion(FinalState::Succeeded) };
    let refused = story.world.submit(wrong).unwrap_err();
    assert_eq!(refused, Rejected::ResultUnfit { code: failure("unfit").code, reason: "it was unfit".to_owned() });
    let story = story.end_with("root", right.clone()).end_with("root", right);
    assert_eq!(ended(&story), (RunOutcome::Succeeded, json!({ "a": 1 })));
    let asked = wanting(NodeKind::Ask, json!({ "answer": "red" }));
    let deliver = |input: &str| Command::Deliver { node_run: asked.id("root"), input: input.to_owned() };
    let (blue, red) = (deliver("blue"), deliver("red"));
    let asked = asked.tell("deliver blue", blue);
    assert!(asked.world.state.ended_at_ms.is_none(), "it may be asked again");
    assert_eq!(ended(&asked.tell("deliver red", red)).0, RunOutcome::Succeeded);
    let failed = wanting(NodeKind::External, json!({ "a": 1 })).end("root", FinalState::Failed);
    assert_eq!(ended(&failed).0, RunOutcome::Failed, "a failure has nothing that could fit");
}
