//! The events of a run as a run gateway shows them, as lines for people: what was planned, what each step became.
//!
//! Pure: an event in, at most one line out. It remembers only what names things: which node type stands behind which
//! node run, and when the run began. The Runyard API shows more: `log_lines`.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use runyard_api::arp::schemas::{EvaluationStatus, NodeRunTerminalState, PolicyDecisionOutcome, RunEventType as Type};
use runyard_client::AnyEvent;
use serde_json::{Map, Value};

use super::output::{bad, faint, one_line, padded, strong};
use super::tone::{Tone, Toned};

/// The width of the column for how long a run has been going: up to a day in seconds.
const ELAPSED_WIDTH: usize = 10;
/// The width of the column for what happened.
pub(super) const WORD_WIDTH: usize = 11;

/// The column for how long a run had been going at an event.
#[derive(Debug, Default)]
pub(super) struct ElapsedColumn {
    begun: Option<Timestamp>,
}

impl ElapsedColumn {
    /// The width of the column, with what separates it from the next.
    pub(super) const WIDTH: usize = ELAPSED_WIDTH + 2;

    /// The column at this time, right-aligned. The first time is the run's beginning.
    pub(super) fn at(&mut self, time: Option<Timestamp>) -> String {
        self.begun = self.begun.or(time);
        let elapsed = match (self.begun, time) {
            (Some(begun), Some(time)) => format!("{:.3}s", time.duration_since(begun).as_secs_f64()),
            _ => String::new(),
        };
        let missing = ELAPSED_WIDTH.saturating_sub(elapsed.len());
        format!("{:missing$}{}  ", "", faint(&elapsed))
    }
}

/// What lines were made of so far.
#[derive(Debug, Default)]
pub struct Steps {
    elapsed: ElapsedColumn,
    names: HashMap<String, String>,
    /// Node runs about which a failed evaluation says nothing new: those that were shown as failed, and the root, whose failure is
    /// the run's.
    shown_as_failed: HashSet<String>,
}

impl Steps {
    /// The line for an event, if it means something to people.
    pub fn line(&mut self, event: &AnyEvent) -> Option<String> {
        let nothing = Map::new();
        let data = event.data().unwrap_or(&nothing);
        let time = event.time().and_then(|time| time.parse::<Timestamp>().ok());
        let elapsed = self.elapsed.at(time);
        let line = self.of_event(event, data)?;
        Some(format!("{elapsed}{line}"))
    }

    fn of_event(&mut self, event: &AnyEvent, data: &Map<String, Value>) -> Option<String> {
        let node_run = event.node_run_id().unwrap_or_default();
        // A server elsewhere may be of a later standard: what it adds has no line.
        match event.kind().parse::<Type>().ok()? {
            Type::CompositeDecomposed => {
                let count = data.get("node_run_count").and_then(Value::as_u64).unwrap_or_default();
                let steps = if count == 1 { "step" } else { "steps" };
                let summary = field(data, "summary").map(remark).unwrap_or_default();
                Some(format!("{}{count} {steps}{summary}", word("planned")))
            }
            Type::SubtaskMapped => {
                let node_type = data.get("chosen_node_type_ref").map(reference)?;
                let name = match field(data, "subtask_id") {
                    Some(subtask) => format!("{subtask} {node_type}"),
                    None => node_type,
                };
                let reason = field(data, "rationale").map(remark).unwrap_or_default();
                let line = format!("{}{}{reason}", word("chose"), one_line(&name));
                self.names.insert(node_run.to_owned(), name);
                Some(line)
            }
            Type::NodeRunAssigned => {
                let named = self.names.contains_key(node_run);
                if data.contains_key("root") {
                    self.shown_as_failed.insert(node_run.to_owned());
                }
                let node_type = data.get("node_type_ref").map(reference)?;
                self.names.entry(node_run.to_owned()).or_insert_with(|| node_type.clone());
                let is_root = data.get("root").and_then(Value::as_bool).unwrap_or(false);
                (!named && !is_root).then(|| format!("{}{}", word("created"), one_line(&node_type)))
            }
            Type::AtomicExecuted => {
                let ended = field(data, "state").unwrap_or("ended");
                let state: Option<NodeRunTerminalState> = ended.parse().ok();
                if state != Some(NodeRunTerminalState::Succeeded) {
                    self.shown_as_failed.insert(node_run.to_owned());
                }
                let reason =
                    data.get("error").map(|error| format!(": {}", one_line(&message(error)))).unwrap_or_default();
                Some(format!(
                    "{}{}{reason}",
                    padded(ended, WORD_WIDTH, state.map_or(Tone::Neutral, |state| state.tone()).paint()),
                    one_line(&self.name(node_run))
                ))
            }
            Type::NodeEvaluated
                if parsed(data, "status") == Some(EvaluationStatus::Fail)
                    && !self.shown_as_failed.contains(node_run) =>
            {
                let reason =
                    field(data, "message").or_else(|| field(data, "reason_code")).unwrap_or("no reason is given");
                Some(format!("{}{}: {}", word("rejected"), one_line(&self.name(node_run)), one_line(reason)))
            }
            Type::RecoveryApplied => {
                let action = field(data, "type").unwrap_or("recovery");
                Some(format!("{}{}", word(action), one_line(&self.name(node_run))))
            }
            // What a later standard adds to the decisions is shown, because it does not allow.
            Type::PolicyDecided
                if field(data, "decision")
                    .is_some_and(|_| parsed(data, "decision") != Some(PolicyDecisionOutcome::Allow)) =>
            {
                let reason =
                    field(data, "message").or_else(|| field(data, "reason_code")).unwrap_or("no reason is given");
                Some(format!("{}by policy: {}", padded("failed", WORD_WIDTH, bad), one_line(reason)))
            }
            Type::RunStarted
            | Type::CandidateSetGenerated
            | Type::NodeEvaluated
            | Type::PolicyDecided
            | Type::RunCompleted => None,
        }
    }

    fn name(&self, node_run: &str) -> String {
        self.names.get(node_run).cloned().unwrap_or_else(|| node_run.to_owned())
    }
}

fn word(word: &str) -> String {
    padded(word, WORD_WIDTH, strong)
}

fn remark(remark: &str) -> String {
    format!("  {}", faint(remark))
}

fn field<'a>(data: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A field as an enum of the standard, if it is one of its values.
fn parsed<T: std::str::FromStr>(data: &Map<String, Value>, name: &str) -> Option<T> {
    field(data, name)?.parse().ok()
}

/// A node type reference as it is written on the command line. `latest` says nothing new.
fn reference(node_type: &Value) -> String {
    let part = |name: &str| node_type.get(name).and_then(Value::as_str).unwrap_or_default();
    match (part("node_type_id"), part("version")) {
        (id, "" | "latest") => id.to_owned(),
        (id, version) => format!("{id}@{version}"),
    }
}

/// An error object in one line.
pub fn message(error: &Value) -> String {
    let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    match (part("message"), part("code")) {
        ("", code) => code.to_owned(),
        (message, "") => message.to_owned(),
        (message, code) => format!("{message} ({code})"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn transcript(events: Value) -> String {
        let mut steps = Steps::default();
        let Value::Array(events) = events else { panic!("a list") };
        let lines = events.into_iter().enumerate().filter_map(|(index, mut body)| {
            body["time"] = json!(format!("2026-01-01T00:00:00.{index:03}Z"));
            steps.line(&AnyEvent { seq: 1, body })
        });
        anstream::adapter::strip_str(&lines.collect::<Vec<_>>().join("\n")).to_string()
    }

    #[test]
    fn a_planned_run_reads_as_a_story() {
        let uuid4 = json!({ "node_type_id": "runyard.core.uuid4", "version": "1.0.0" });
        let lines = transcript(json!([
            { "type": "run_started", "data": { "root_node_run_id": "n0" } },
            { "type": "node_run_assigned", "node_run_id": "n0", "data": { "root": true, "node_type_ref": uuid4 } },
            { "type": "composite_decomposed", "node_run_id": "n0", "data": { "node_run_count": 1, "summary": "one clause" } },
            { "type": "candidate_set_generated", "node_run_id": "n1", "data": { "candidate_set_id": "c" } },
            { "type": "subtask_mapped", "node_run_id": "n1", "data": { "subtask_id": "S1", "chosen_node_type_ref": uuid4, "rationale": "best" } },
            { "type": "node_run_assigned", "node_run_id": "n1", "data": { "parent_node_run_id": "n0", "node_type_ref": uuid4 } },
            { "type": "atomic_executed", "node_run_id": "n1", "data": { "state": "succeeded" } },
            { "type": "node_evaluated", "node_run_id": "n1", "data": { "status": "success" } },
            { "type": "run_completed", "data": { "state": "succeeded" } },
        ]));
        insta::assert_snapshot!(lines, @r"
            0.002s  planned    1 step  one clause
            0.004s  chose      S1 runyard.core.uuid4@1.0.0  best
            0.006s  succeeded  S1 runyard.core.uuid4@1.0.0
        ");
    }

    #[test]
    fn what_goes_wrong_is_shown_with_its_reason() {
        let lines = transcript(json!([
            { "type": "node_run_assigned", "node_run_id": "n1", "data": { "node_type_ref": { "node_type_id": "a.b", "version": "latest" } } },
            { "type": "atomic_executed", "node_run_id": "n1", "data": { "state": "failed", "error": { "code": "broken", "message": "it\nbroke" } } },
            { "type": "node_evaluated", "node_run_id": "n1", "data": { "status": "fail", "message": "it broke" } },
            { "type": "node_evaluated", "node_run_id": "n2", "data": { "status": "fail", "message": "no use" } },
            { "type": "recovery_applied", "node_run_id": "n1", "data": { "type": "retry" } },
            { "type": "policy_decided", "node_run_id": "n1", "data": { "decision": "deny", "reason_code": "not_yours" } },
            { "type": "a_kind_of_the_future", "node_run_id": "n1" },
        ]));
        insta::assert_snapshot!(lines, @r"
            0.000s  created    a.b
            0.001s  failed     a.b: it broke (broken)
            0.003s  rejected   n2: no use
            0.004s  retry      a.b
            0.005s  failed     by policy: not_yours
        ");
    }
}
