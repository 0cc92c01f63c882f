//! A run's end for the shell: its result on standard output, everything else on standard error, and the exit code.

use runyard_api::arp::schemas::{Run, RunState};
use runyard_api::runyard::types as own;
use serde_json::{Map, Value, json};

use super::connection::Connection;
use super::failure::{Exit, Failure, facts};
use super::lengths;
use super::output::{self, Output, bad, one_line};
use super::steps::message;
use super::{tone, tree};
use crate::codes::FailureCode;

/// The most failed steps that are named.
const FAILED_STEPS_MAX: usize = 20;

/// A run that has ended, as the gateway has it and, where the peer has the Runyard API, with its tree.
#[derive(Debug)]
pub struct FinishedRun {
    /// As the gateway has it.
    pub run: Run,
    /// As the Runyard API has it.
    pub whole: Option<own::Run>,
}

impl FinishedRun {
    /// Reads it.
    ///
    /// # Errors
    /// No such run, or the peer cannot be reached.
    pub(super) async fn read(connection: &Connection, run_id: &str) -> Result<Self, Failure> {
        let run = connection.gateway().get_run(run_id).await?.into_inner();
        let whole = match connection.runyard_if_served() {
            // A gateway that forwards knows runs that its own server does not have.
            Some(client) => tree::whole(&client, run_id).await.ok(),
            None => None,
        };
        Ok(Self { run, whole })
    }
}

/// Whether the run is final.
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

/// Shows how a run ended. `quiet`: of a run that succeeded the result alone.
pub fn show(output: &mut Output, ended: &FinishedRun, quiet: bool) -> Exit {
    let run = &ended.run;
    let extensions = extensions(run);
    let whole = ended.whole.as_ref().and_then(|whole| whole.outputs.as_ref()).map(|outputs| json!(outputs));
    // A run that succeeded in part has outputs, for which ARP has no place.
    let outputs = extensions.get("runyard.outputs").or(whole.as_ref());
    let error = extensions.get("runyard.error");
    output.object(&json!({ "kind": "result", "run": run, "outputs": outputs, "error": error }));
    if !(quiet && run.state == RunState::Succeeded) {
        output.progress(&headline(ended));
    }
    let is_canceled = error.and_then(|error| error.get("code")).and_then(Value::as_str).and_then(FailureCode::parse)
        == Some(FailureCode::Canceled);
    if let Some(error) = error.filter(|_| !is_canceled) {
        show_error(output, error);
        ended.whole.iter().for_each(|whole| show_failed_steps(output, whole));
    }
    match outputs {
        Some(outputs) => output.line(&output::value(result(outputs))),
        None if run.state == RunState::Succeeded => {
            output.remark("this gateway does not show results; read the root node run from its run coordinator");
        }
        None if failed_without_a_reason(run) => {
            output.remark("this gateway does not show why; read the root node run from its run coordinator");
        }
        None => {}
    }
    exit(run)
}

/// In which state it ended, and after how long.
fn headline(ended: &FinishedRun) -> String {
    let run = &ended.run;
    let took = match (run.started_at, run.ended_at) {
        (Some(started), Some(ended)) => format!(" after {}", lengths::between(started, ended)),
        _ => String::new(),
    };
    let state = match &ended.whole {
        Some(whole) => tone::state(&whole.state),
        None => tone::state(&run.state),
    };
    format!("run {state}{took}")
}

/// Whether a run failed, and its gateway does not say why: the standard has no field for it.
pub fn failed_without_a_reason(run: &Run) -> bool {
    run.state == RunState::Failed && !extensions(run).contains_key("runyard.error")
}

fn show_error(output: &mut Output, error: &Value) {
    output.progress(&one_line(&message(error)));
    for fact in error.get("details").and_then(Value::as_object).map(facts).unwrap_or_default() {
        output.progress(&format!("  {}", one_line(&fact)));
    }
}

/// The steps that failed by themselves, each with its reason.
fn show_failed_steps(output: &mut Output, whole: &own::Run) {
    let failed = tree::failed_steps(whole);
    for (name, error) in failed.iter().take(FAILED_STEPS_MAX) {
        output.progress(&format!("  {} {}: {}", bad("failed"), one_line(name), one_line(error)));
    }
    if failed.len() > FAILED_STEPS_MAX {
        let more = failed.len() - FAILED_STEPS_MAX;
        output.remark(&format!("  and {more} more: `runyard get {} --tree` shows all", whole.run_id));
    }
}

/// The result of a plan; of anything else the outputs as they are.
pub(super) fn result(outputs: &Value) -> &Value {
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

    /// The exit code, and what is on standard output and on standard error.
    fn shown(state: &str, extensions: Value) -> (Exit, String, String) {
        let run = json!({
            "run_id": "run_1", "root_node_run_id": "n0", "state": state, "extensions": extensions,
            "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:01.5Z",
        });
        let (mut output, out, err) = pages(false);
        let ended = FinishedRun { run: serde_json::from_value(run).unwrap(), whole: None };
        let exit = show(&mut output, &ended, false);
        (exit, out.text(), err.text())
    }

    #[test]
    fn standard_output_has_the_result_of_a_plan_and_nothing_else() {
        let outputs = json!({ "planner_summary": "s", "child_node_runs": [], "result": "0b2f" });
        let (exit, out, err) = shown("succeeded", json!({ "runyard.outputs": outputs }));
        assert_eq!((exit, out.as_str(), err.as_str()), (Exit::Success, "0b2f\n", "run succeeded after 1.5 s\n"));
    }

    #[test]
    fn outputs_of_anything_else_are_shown_whole() {
        let (_, out, _) = shown("succeeded", json!({ "runyard.outputs": { "result": 1 } }));
        assert_eq!(out, "{\n  \"result\": 1\n}\n");
    }

    #[test]
    fn a_failed_run_says_why_on_standard_error_and_exits_with_one() {
        let error = json!({ "code": "unmapped", "message": "no node type fits", "details": { "clause": "fly" } });
        let (exit, out, err) = shown("failed", json!({ "runyard.error": error }));
        assert_eq!((exit, out.as_str()), (Exit::Failed, ""));
        assert_eq!(err, "run failed after 1.5 s\nno node type fits (unmapped)\n  clause: fly\n");
        assert_eq!(shown("canceled", json!({})).0, Exit::Failed);
    }

    #[test]
    fn a_gateway_of_another_vendor_may_not_show_results() {
        assert!(shown("succeeded", json!({})).2.contains("run coordinator"));
        assert!(shown("failed", json!({})).2.contains("does not show why"));
    }
}
