//! The view of a run that a node has started: the run itself, or its output.

use runyard_engine::Object;
use serde_json::{Value, json};

/// The value that expressions see for such a node with these inputs and outputs, as its input `seen_as` selects
/// ([`SeenAs`](crate::nodes::run::SeenAs)). If the node does not wait for the run's end, it is the run itself.
pub fn seen_run(inputs: &Object, outputs: &Object) -> Value {
    let run = || Value::Object(outputs.clone());
    let Some(made) = outputs.get("outputs") else { return run() };
    let answer = || made.get("result").map_or_else(|| made.clone(), |result| json!({ "answer": result }));
    match inputs.get("seen_as").and_then(Value::as_str) {
        Some("outputs") => made.clone(),
        Some("answer") => answer(),
        Some("outputs_and_run") => with_run(outputs, made.clone()),
        Some("answer_and_run") => with_run(outputs, answer()),
        _ => run(),
    }
}

/// The run's output, merged over the data of the run.
fn with_run(run: &Object, made: Value) -> Value {
    let mut seen = run.clone();
    seen.extend(made.as_object().cloned().unwrap_or_default());
    Value::Object(seen)
}
