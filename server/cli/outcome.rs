//! A run's end for the shell: what it made, or why not, and the exit code.

use runyard_api::arp::schemas::{Run, RunState};
use serde_json::{Map, Value, json};

use super::failure::{Exit, facts};
use super::output::{self, Output};
use super::steps::message;
use crate::codes::FailureCode;

/// Whether nothing more will happen to it.
pub fn is_final(run: &Run) -> bool {
    match run.state {
        RunState::Succeeded | RunState::Failed | RunState::Canceled => true,
        RunState::Queued | RunState::Running => false,
    }
}

/// The exit code of a run that has ended.
pub fn exit(run: &Run) -> Exit {
    match run.state {
        RunState::Succeeded => Exit::Success,
        RunState::Failed | RunState::Canceled | RunState::Queued | RunState::Running => Exit::Failed,
    }
}

/// Tells how a run ended: for people its result last, so that the last lines are what was asked for. `quiet` is the result
/// and nothing around it.
pub fn tell(output: &mut Output, run: &Run, quiet: bool) -> Exit {
    let extensions = extensions(run);
    let (outputs, error) = (extensions.get("runyard.outputs"), extensions.get("runyard.error"));
    output.object(&json!({ "kind": "result", "run": run, "outputs": outputs, "error": error }));
    let took = match (run.started_at, run.ended_at) {
        (Some(started), Some(ended)) => format!(" after {:.3}s", ended.duration_since(started).as_secs_f64()),
        _ => String::new(),
    };
    if !(quiet && run.state == RunState::Succeeded) {
        output.line(&format!("run {}{took}", output::state(&run.state.to_string())));
    }
    match (error, outputs) {
        // That it was canceled is all there is to say.
        (Some(error), _)
            if error.get("code").and_then(Value::as_str).and_then(FailureCode::parse)
                == Some(FailureCode::Canceled) => {}
        (Some(error), _) => tell_error(output, error),
        (None, Some(outputs)) => {
            if !quiet {
                output.line("");
            }
            output.line(&output::value(result(outputs)));
        }
        (None, None) if run.state == RunState::Succeeded => {
            output.line("The gateway does not tell results; ask its run coordinator for the root node run.");
        }
        (None, None) if run.state == RunState::Failed => {
            output.line("The gateway does not tell why; ask its run coordinator for the root node run.");
        }
        (None, None) => {}
    }
    exit(run)
}

/// Whether a run failed, and its gateway does not say why: the standard has no field for it.
pub fn failed_without_a_reason(run: &Run) -> bool {
    run.state == RunState::Failed && !extensions(run).contains_key("runyard.error")
}

fn tell_error(output: &mut Output, error: &Value) {
    output.line(&output::one_line(&message(error)));
    for fact in error.get("details").and_then(Value::as_object).map(facts).unwrap_or_default() {
        output.line(&format!("  {}", output::one_line(&fact)));
    }
}

/// What a planner was asked to return; of anything else the outputs as they are.
fn result(outputs: &Value) -> &Value {
    let planned = outputs.get("planner_summary").is_some();
    outputs.get("result").filter(|result| planned && !result.is_null()).unwrap_or(outputs)
}

fn extensions(run: &Run) -> Map<String, Value> {
    match serde_json::to_value(&run.extensions) {
        Ok(Value::Object(extensions)) => extensions,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::pages;
    use super::*;

    fn told(state: &str, extensions: Value) -> (Exit, String) {
        let run = json!({
            "run_id": "run_1", "root_node_run_id": "n0", "state": state, "extensions": extensions,
            "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:01.5Z",
        });
        let (mut output, page, _) = pages(false);
        let exit = tell(&mut output, &serde_json::from_value(run).unwrap(), false);
        (exit, page.text())
    }

    #[test]
    fn a_planned_result_is_the_last_thing_that_is_said() {
        let outputs = json!({ "planner_summary": "s", "child_node_runs": [], "result": "0b2f" });
        let (exit, text) = told("succeeded", json!({ "runyard.outputs": outputs }));
        assert_eq!((exit, text.as_str()), (Exit::Success, "run succeeded after 1.500s\n\n0b2f\n"));
    }

    #[test]
    fn outputs_of_anything_else_are_shown_whole() {
        let (_, text) = told("succeeded", json!({ "runyard.outputs": { "result": 1 } }));
        assert_eq!(text, "run succeeded after 1.500s\n\n{\n  \"result\": 1\n}\n");
    }

    #[test]
    fn a_failed_run_says_why_and_exits_with_one() {
        let error = json!({ "code": "unmapped", "message": "no node type fits", "details": { "clause": "fly" } });
        let (exit, text) = told("failed", json!({ "runyard.error": error }));
        assert_eq!(exit, Exit::Failed);
        assert_eq!(text, "run failed after 1.500s\nno node type fits (unmapped)\n  clause: fly\n");
        assert_eq!(told("canceled", json!({})).0, Exit::Failed);
    }

    #[test]
    fn a_gateway_of_others_may_not_tell_results() {
        assert!(told("succeeded", json!({})).1.contains("run coordinator"));
        assert!(told("failed", json!({})).1.contains("does not tell why"));
    }
}
