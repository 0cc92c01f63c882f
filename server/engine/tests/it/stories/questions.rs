//! Questions: a node run that waits for input continues once the input is delivered.

use runyard_engine::{Command, NodeKind, Start};
use serde_json::json;

use crate::make::{binding, limits, node_type, object, plan, start, step};
use crate::story::Story;

fn deliver(story: Story, path: &str, input: &str) -> Story {
    let node_run = story.id(path);
    story.tell(&format!("deliver {path}: {input}"), Command::Deliver { node_run, input: input.to_owned() })
}

#[test]
fn an_answer_goes_where_it_is_needed() {
    let mut question = step("S1", &[]);
    (question.node_type, question.inputs) = (node_type(NodeKind::Ask), object(json!({ "question": "Which color?" })));
    let mut painting = step("S2", &["S1"]);
    painting.bindings = vec![binding("text", "S1", "/answer")];
    let story = Story::new().start(start(NodeKind::Plan)).planned("root", plan(vec![question, painting]));
    let story = deliver(story, "root/S2", "green");
    let story = deliver(deliver(story, "root/S1", "red"), "root/S1", "red");
    deliver(story, "root/S1", "blue").complete("root/S2").matches_transcript("question_answered");
}

#[test]
fn a_question_ends_with_its_time_and_with_its_run() {
    let timed = limits(json!({ "budgets": { "max_wall_time_ms": 50 } }));
    let late = Story::new().start(Start { constraints: timed, ..start(NodeKind::Ask) });
    deliver(late.after_ms(50).wake("root", "wall_time"), "root", "too late").matches_transcript("question_timed_out");
    let canceled = Story::new().start(start(NodeKind::Ask)).cancel();
    deliver(canceled, "root", "too late").matches_transcript("question_canceled");
}

#[test]
fn only_a_question_takes_input() {
    for kind in NodeKind::ALL.into_iter().filter(|kind| *kind != NodeKind::Ask) {
        let mut story = Story::new().start(start(kind));
        let node_run = story.id("root");
        let refused = story.world.submit(Command::Deliver { node_run, input: "x".into() }).unwrap_err();
        assert!(
            refused.to_string().ends_with("does not wait for input") || kind == NodeKind::Sleep,
            "{kind:?}: {refused}"
        );
    }
}
