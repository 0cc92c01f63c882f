//! Questions, and goals that refer to answers of earlier runs of the thread.

use runyard_engine::Constraints;
use serde_json::json;

use super::golden::keep;
use super::{plan_of, planner, request, transcript};
use crate::runs::answer::Answer;

#[test]
fn questions() {
    let goals = [
        "Ask \"What is your name?\", then say it.",
        "Ask which color to paint it",
        "Ask \"Who?\" and hash the answer, then return the hash.",
        "Ask.",
        "Don't ask.",
    ];
    let transcripts: Vec<String> =
        goals.iter().map(|goal| format!("{goal:?}\n{}", transcript(&plan_of(goal)))).collect();
    keep("questions", &transcripts.join("\n"));
}

#[test]
fn goals_may_refer_to_earlier_answers() {
    let said = |value, node_type: &str| Answer { value, node_type: Some(node_type.to_owned()) };
    let earlier = vec![
        said(json!("0d5f5fda-7b5c-4d4e-8e1f-2f3a1c2b4d5e"), "runyard.core.uuid4"),
        said(json!({ "slept_seconds": 2 }), "runyard.core.sleep"),
        said(json!("hello"), "runyard.core.echo"),
    ];
    let goals = [
        "Hash it.",
        "Hash the UUID with SHA-256, then return the hash.",
        "Return the previous answer.",
        "Generate a UUID, then hash it.",
        "Hash the uuid and generate a uuid.",
        "Say the hash.",
        "Return the result of step 1.",
        "hash",
    ];
    let transcripts = goals.iter().map(|goal| {
        let mut request = request(json!({ "goal": goal }), Constraints::default());
        request.earlier = earlier.clone();
        format!("{goal:?}\n{}", transcript(&planner().plan_now(&request)))
    });
    keep("threads", &transcripts.collect::<Vec<_>>().join("\n"));
}
