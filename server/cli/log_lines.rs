//! The events of a run's own log, as the Runyard API shows them, as lines for people: each attempt, wait and retry by the name of its
//! step, questions and approval requests with the command that answers them.
//!
//! Pure: an event in, lines out. It remembers only what names steps: their keys, their node types, their inputs in one line.
//! [`steps`](super::steps) does the same for what any run gateway shows.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use runyard_client::AnyEvent;
use runyard_engine::Wait;
use runyard_engine::event::{EvaluationStatus, FinalState};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::inputs;
use super::lengths::length;
use super::output::{bad, faint, one_line, padded, strong};
use super::steps::{ElapsedColumn, WORD_WIDTH, message};
use super::tone::{self, Tone, Toned};

/// The longest question, characters.
const QUESTION_CHARS_MAX: usize = 400;

/// A node run, as far as lines name it.
#[derive(Debug, Clone, Default)]
struct NodeRunLabel {
    /// Its key with those above it, for example `S2/#3`; empty for the root.
    path: String,
    node_type: String,
    inputs: String,
    question: Option<String>,
}

impl NodeRunLabel {
    fn text(&self) -> String {
        if self.path.is_empty() { self.node_type.clone() } else { format!("{} {}", self.path, self.node_type) }
    }

    fn learn(&mut self, given: &Map<String, Value>) {
        self.inputs = inputs::shown(given);
        self.question = given.get("question").and_then(Value::as_str).map(str::to_owned).or(self.question.take());
    }
}

/// What lines were made of so far.
#[derive(Debug, Default)]
pub(super) struct LogLines {
    /// How the run is named on the command line.
    run_id: String,
    elapsed: ElapsedColumn,
    root: String,
    named: HashMap<String, NodeRunLabel>,
    /// Node runs about which a failed evaluation says nothing new: those that were shown as failed, and the root, whose failure is
    /// the run's.
    shown_as_failed: HashSet<String>,
}

impl LogLines {
    /// Lines about the run that is named like this on the command line.
    pub(super) fn of(run_id: &str) -> Self {
        Self { run_id: run_id.to_owned(), ..Self::default() }
    }

    /// The lines for an event.
    pub(super) fn lines(&mut self, event: &AnyEvent) -> Vec<String> {
        let nothing = Map::new();
        let data = event.data().unwrap_or(&nothing);
        let time = event.time().and_then(|time| time.parse::<Timestamp>().ok());
        let elapsed = self.elapsed.at(time);
        let node_run = event.node_run_id().unwrap_or_default();
        let lines = self.of_event(event.kind(), node_run, data, time);
        let blank = " ".repeat(ElapsedColumn::WIDTH);
        let prefix = |index: usize| if index == 0 { elapsed.as_str() } else { blank.as_str() };
        lines.iter().enumerate().map(|(index, line)| format!("{}{line}", prefix(index))).collect()
    }

    fn of_event(
        &mut self,
        kind: &str,
        node_run: &str,
        data: &Map<String, Value>,
        time: Option<Timestamp>,
    ) -> Vec<String> {
        match kind {
            "started" => self.started(data),
            "child_created" => self.created(node_run, data),
            "decomposed" => vec![planned(data)],
            "node_started" => self.attempt(node_run, data),
            "attempt_failed" => vec![self.attempt_failed(node_run, data, time)],
            "node_waiting" => self.waiting(node_run, data, time),
            "node_delayed" => vec![self.sleeping(node_run, data.get("until_ms"), time)],
            "launched" => {
                let run = one_line(text(data, "run").unwrap_or_default());
                vec![self.about(word("waiting"), node_run, &format!(" for run {run}"))]
            }
            "approval_asked" => self.approval(node_run, data),
            "approval_decided" => vec![self.decided(node_run, data)],
            "paused" => vec![format!("{}{}", word("paused"), one_line(&by_whom(data, "reason")))],
            "resumed" => vec![format!("{}{}", word("resumed"), one_line(&by_whom(data, "reason")))],
            "node_finished" if node_run != self.root => vec![self.finished(node_run, data)],
            "evaluated" => self.evaluated(node_run, data),
            "recovery_applied" => {
                let action = data.get("action").and_then(|action| action.get("type")).and_then(Value::as_str);
                vec![self.about(word(action.unwrap_or("recovery")), node_run, "")]
            }
            // What later versions add, and what another line says already.
            _ => Vec::new(),
        }
    }

    fn started(&mut self, data: &Map<String, Value>) -> Vec<String> {
        let root = text(data, "root").unwrap_or_default().to_owned();
        let mut named = NodeRunLabel::default();
        if let Some(start) = data.get("start").and_then(Value::as_object) {
            named.node_type = node_type(start);
            if let Some(given) = start.get("inputs").and_then(Value::as_object) {
                named.learn(given);
            }
        }
        let line = format!("{}{}", word("started"), one_line(&named.node_type));
        self.named.insert(root.clone(), named);
        self.shown_as_failed.insert(root.clone());
        self.root = root;
        vec![line]
    }

    fn created(&mut self, node_run: &str, data: &Map<String, Value>) -> Vec<String> {
        let above = text(data, "parent").and_then(|parent| self.named.get(parent));
        let key = text(data, "key").unwrap_or_default();
        let path = match above {
            Some(above) if !above.path.is_empty() => format!("{}/{key}", above.path),
            _ => key.to_owned(),
        };
        let mut named = NodeRunLabel { path, node_type: node_type(data), ..NodeRunLabel::default() };
        if let Some(given) = data.get("inputs").and_then(Value::as_object) {
            named.learn(given);
        }
        // Of a plan; nodes of graphs and items of lists are named when they begin.
        let goal =
            text(data, "goal").map(|goal| vec![format!("{}{}{}", word("step"), one_line(&named.text()), remark(goal))]);
        self.named.insert(node_run.to_owned(), named);
        goal.unwrap_or_default()
    }

    fn attempt(&mut self, node_run: &str, data: &Map<String, Value>) -> Vec<String> {
        if let (Some(named), Some(given)) =
            (self.named.get_mut(node_run), data.get("inputs").and_then(Value::as_object))
        {
            named.learn(given);
        }
        let attempt = data.get("attempt").and_then(Value::as_u64).unwrap_or(1);
        match attempt {
            // The line about the run says it.
            1 if node_run == self.root => Vec::new(),
            1 => vec![self.about(word("running"), node_run, "")],
            again => vec![self.about(word("running"), node_run, &format!(", attempt {again}"))],
        }
    }

    fn attempt_failed(&self, node_run: &str, data: &Map<String, Value>, time: Option<Timestamp>) -> String {
        let attempt = data.get("attempt").and_then(Value::as_u64).unwrap_or(1);
        let again = match wait(data.get("retry_at_ms"), time) {
            Some(wait) => format!("; attempt {} in {wait}", attempt + 1),
            None => String::new(),
        };
        self.about(padded("failed", WORD_WIDTH, bad), node_run, &format!(", attempt {attempt}{}{again}", why(data)))
    }

    fn waiting(&self, node_run: &str, data: &Map<String, Value>, time: Option<Timestamp>) -> Vec<String> {
        match recorded(data, "wait") {
            Some(Wait::Timer { until_ms }) => vec![self.sleeping(node_run, Some(&until_ms.into()), time)],
            Some(Wait::Input) => self.question(node_run),
            Some(Wait::External) => vec![self.about(word("waiting"), node_run, " for an external worker")],
            // Composites wait for their children all the time; approvals and runs have lines of their own.
            Some(Wait::Children | Wait::Approval | Wait::Run) | None => Vec::new(),
        }
    }

    fn sleeping(&self, node_run: &str, until_ms: Option<&Value>, time: Option<Timestamp>) -> String {
        let wait = wait(until_ms, time).map(|wait| format!(" for {wait}")).unwrap_or_default();
        self.about(word("sleeping"), node_run, &wait)
    }

    fn question(&self, node_run: &str) -> Vec<String> {
        let question = self.named.get(node_run).and_then(|named| named.question.clone()).unwrap_or_default();
        let question = inputs::cut(&question, QUESTION_CHARS_MAX);
        let which = if node_run == self.root { String::new() } else { format!(" --node-run {}", one_line(node_run)) };
        vec![
            self.about(word("question"), node_run, &format!(": {}", one_line(&question))),
            format!("{}runyard answer {} TEXT{which}", word(""), one_line(&self.run_id)),
        ]
    }

    fn approval(&mut self, node_run: &str, data: &Map<String, Value>) -> Vec<String> {
        if let (Some(named), Some(given)) =
            (self.named.get_mut(node_run), data.get("inputs").and_then(Value::as_object))
        {
            named.learn(given);
        }
        let given = self.named.get(node_run).map(|named| named.inputs.as_str()).filter(|given| !given.is_empty());
        let given = given.map(|given| format!(" with {given}")).unwrap_or_default();
        let approval = one_line(text(data, "approval").unwrap_or_default());
        vec![
            self.about(word("approval"), node_run, &format!(" needs an approval{given}")),
            format!("{}runyard approve {approval}   or   runyard deny {approval}", word("")),
        ]
    }

    fn decided(&self, node_run: &str, data: &Map<String, Value>) -> String {
        let verdict = text(data, "verdict").unwrap_or("decided");
        let tone = recorded(data, "verdict").map_or(Tone::Neutral, tone::of_verdict);
        self.about(padded(verdict, WORD_WIDTH, tone.paint()), node_run, &by_whom(data, "comment"))
    }

    fn finished(&mut self, node_run: &str, data: &Map<String, Value>) -> String {
        let ended = text(data, "state").unwrap_or("ended");
        let state: Option<FinalState> = recorded(data, "state");
        if state != Some(FinalState::Succeeded) {
            self.shown_as_failed.insert(node_run.to_owned());
        }
        let tone = state.map_or(Tone::Neutral, |state| state.tone());
        self.about(padded(ended, WORD_WIDTH, tone.paint()), node_run, &why(data))
    }

    fn evaluated(&self, node_run: &str, data: &Map<String, Value>) -> Vec<String> {
        let Some(evaluation) = data.get("evaluation").and_then(Value::as_object) else { return Vec::new() };
        if recorded(evaluation, "status") != Some(EvaluationStatus::Fail) || self.shown_as_failed.contains(node_run) {
            return Vec::new();
        }
        let reason = text(evaluation, "message").or_else(|| text(evaluation, "reason_code"));
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        vec![self.about(word("rejected"), node_run, &reason)]
    }

    /// A word, the name of the node run, and what there is to say of it.
    fn about(&self, word: String, node_run: &str, rest: &str) -> String {
        let name = self.named.get(node_run).map_or_else(|| node_run.to_owned(), NodeRunLabel::text);
        format!("{word}{}", one_line(&format!("{name}{rest}")))
    }
}

/// A field as the type that the log records, if it is one of its values.
fn recorded<T: DeserializeOwned>(data: &Map<String, Value>, name: &str) -> Option<T> {
    T::deserialize(data.get(name)?).ok()
}

fn planned(data: &Map<String, Value>) -> String {
    let count = data.get("children").and_then(Value::as_u64).unwrap_or_default();
    let steps = if count == 1 { "step" } else { "steps" };
    let summary = text(data, "summary").map(remark).unwrap_or_default();
    format!("{}{count} {steps}{summary}", word("planned"))
}

fn word(word: &str) -> String {
    padded(word, WORD_WIDTH, strong)
}

fn remark(remark: &str) -> String {
    format!("  {}", faint(remark))
}

fn text<'a>(data: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn node_type(data: &Map<String, Value>) -> String {
    data.get("node_type")
        .and_then(|node_type| node_type.get("id"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn why(data: &Map<String, Value>) -> String {
    data.get("error").map(|error| format!(": {}", message(error))).unwrap_or_default()
}

fn by_whom(data: &Map<String, Value>, reason: &str) -> String {
    let by = text(data, "by").map(|by| format!(" by {by}")).unwrap_or_default();
    let reason = text(data, reason).map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{by}{reason}")
}

/// How long it is from an event to a time in milliseconds.
fn wait(until_ms: Option<&Value>, time: Option<Timestamp>) -> Option<String> {
    Some(length(until_ms?.as_i64()?.saturating_sub(time?.as_millisecond())))
}

#[cfg(test)]
mod tests;
