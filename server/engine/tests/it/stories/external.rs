//! External composites, which their owner evaluates and completes.

use runyard_engine::event::{Artifact, EvaluationStatus, FinalState, RecoveryAction};
use runyard_engine::{Command, Completion, NodeKind};
use serde_json::json;

use crate::make::{child, completion, evaluation, object, plan, recovery, start, step};
use crate::story::Story;

fn external() -> Story {
    Story::new().start(start(NodeKind::External))
}

fn evaluate(story: Story, path: &str, status: EvaluationStatus, recovery: Option<RecoveryAction>) -> Story {
    let node_run = story.id(path);
    let command = Command::Evaluate { node_run, evaluation: evaluation(status), recovery };
    story.tell(&format!("evaluate {path}"), command)
}

#[test]
fn its_owner_gives_children_judges_and_finishes() {
    let story = external().create("root", vec![child("a", NodeKind::Call)]).fail("root/a");
    let story = evaluate(story, "root", EvaluationStatus::Fail, Some(recovery("retry")));
    let story =
        story.create("root", vec![child("a2", NodeKind::Call)]).end("root", FinalState::Succeeded).complete("root/a2");
    let story = evaluate(story, "root", EvaluationStatus::Success, None);
    let made = Completion {
        state: FinalState::Succeeded,
        outputs: Some(object(json!({ "text": "done" }))),
        artifacts: vec![Artifact(object(json!({ "type": "file", "id": "f1" })))],
        error: None,
    };
    story.end_with("root", made).matches_transcript("external");
}

#[test]
fn a_final_word_is_final_and_may_be_repeated() {
    external()
        .end("root", FinalState::Succeeded)
        .end("root", FinalState::Succeeded)
        .end("root", FinalState::Failed)
        .end_with("root", Completion { outputs: Some(object(json!({}))), ..completion(FinalState::Succeeded) })
        .matches_transcript("external_final");
}

#[test]
fn failing_stops_what_lives_below_first() {
    external()
        .create("root", vec![child("a", NodeKind::External), child("b", NodeKind::Sleep), child("p", NodeKind::Plan)])
        .create("root/a", vec![child("c", NodeKind::Call), child("d", NodeKind::External)])
        .create("root/a/d", vec![child("e", NodeKind::Call)])
        .planned("root/p", plan(vec![step("S1", &[]), step("S2", &["S1"])]))
        .complete("root/a/c")
        .end("root", FinalState::Failed)
        .matches_transcript("external_fails");
}

#[test]
fn giving_up_a_part_leaves_the_rest() {
    external()
        .create("root", vec![child("a", NodeKind::External), child("b", NodeKind::Call)])
        .create("root/a", vec![child("c", NodeKind::Call)])
        .end("root/a", FinalState::Canceled)
        .end("root/a", FinalState::Canceled)
        .matches_transcript("external_part_canceled");
}

#[test]
fn only_external_composites_are_finished_or_judged_from_outside() {
    let story = external().create("root", vec![child("a", NodeKind::Call), child("p", NodeKind::Plan)]);
    let story =
        story.end("root/a", FinalState::Succeeded).end("root/p", FinalState::Canceled).end("root", FinalState::Skipped);
    let story = evaluate(story, "root/p", EvaluationStatus::Success, None);
    let story = evaluate(story, "root/a", EvaluationStatus::Success, None);
    story.matches_transcript("external_refused");
}

#[test]
fn the_same_judgement_again_changes_nothing() {
    let story = evaluate(external(), "root", EvaluationStatus::Fail, Some(recovery("retry")));
    let story = evaluate(story, "root", EvaluationStatus::Fail, Some(recovery("retry")));
    let story = evaluate(story, "root", EvaluationStatus::Fail, None);
    let story = evaluate(story, "root", EvaluationStatus::Fail, Some(recovery("retry")));
    let story = evaluate(story, "root", EvaluationStatus::Unknown, None);
    let story = evaluate(story, "root", EvaluationStatus::Unknown, None).end("root", FinalState::Failed);
    let story = evaluate(story, "root", EvaluationStatus::Unknown, None);
    let story = evaluate(story, "root", EvaluationStatus::Success, None);
    assert_eq!(story.node("root").recoveries.len(), 2);
    story.matches_transcript("evaluations");
}
