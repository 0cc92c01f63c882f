//! Projects the log to this API's events: messages, and log entries for the work that a run does.
//!
//! A pure fold. An event's id consists of the run's id and the position in its log, so it never changes. A message has
//! a role. A log entry has the role `execution_log`, a type and a level.

use std::collections::BTreeMap;

use runyard_api::acp::types::{EventRole, ItemType, LogLevel, RunEvent, StreamItem};
use runyard_engine::event::{Failure, FinalState};
use runyard_engine::plan::as_text;
use runyard_engine::{Event, NodeKind, NodeRunId, NodeType, Object, Recorded, RunId, RunOutcome, Start, Verdict, Wait};
use serde_json::Value;

use super::wire;
use crate::clock::rfc3339;
use crate::dialects::common::time::time;
use crate::feed::ProjectionError;

/// The fold's state.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    run: RunId,
    root: Option<NodeRunId>,
    known: BTreeMap<NodeRunId, NodeFacts>,
}

/// The state that the fold keeps for a node run.
#[derive(Debug, Clone)]
pub(super) struct NodeFacts {
    kind: NodeKind,
    /// The id of its node type.
    tool: String,
    /// The clause that it serves, or its node type.
    title: String,
    inputs: Object,
}

/// What this API shows for one stored event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    role: EventRole,
    content: String,
    log: Option<(&'static str, LogLevel)>,
    /// The step that ended.
    step: Option<Step>,
}

/// A step that ended.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    tool: String,
    inputs: String,
    state: FinalState,
}

impl Projection {
    /// The projection of a run, before its first event.
    pub(super) fn of(run: RunId) -> Self {
        Projection { run, root: None, known: BTreeMap::new() }
    }

    /// Projects one stored event.
    ///
    /// # Errors
    /// The event is about a node run that does not exist then.
    pub(super) fn project(&mut self, recorded: &Recorded) -> Result<Option<Shown>, ProjectionError> {
        let run = self.run;
        let unknown = |node_run| move || ProjectionError::unknown_node_run(run, recorded, node_run);
        let shown = match &recorded.event {
            Event::Started { start, root, .. } => Some(self.started(start, *root)),
            Event::Decomposed { children, summary, .. } => {
                let steps = if *children == 1 { "1 step".to_owned() } else { format!("{children} steps") };
                Some(log("plan", LogLevel::Info, summary.clone().unwrap_or(steps)))
            }
            Event::ChildCreated(child) => {
                let known = NodeFacts::new(&child.node_type, child.goal.as_deref(), &child.inputs);
                self.known.insert(child.node_run, known);
                None
            }
            Event::NodeStarted { node_run, attempt, inputs } => {
                let known = self.known.get_mut(node_run).ok_or_else(unknown(*node_run))?;
                if let Some(inputs) = inputs {
                    known.inputs = inputs.clone();
                }
                let shown = *attempt == 1 && self.root != Some(*node_run) && known.kind != NodeKind::Ask;
                shown.then(|| log("step", LogLevel::Info, format!("Started: {}", known.title)))
            }
            Event::AttemptFailed { node_run, attempt, error, retry_at_ms } => {
                let (who, at) = (self.title(recorded, *node_run)?, rfc3339(*retry_at_ms));
                let text = format!("Try {attempt} failed: {who}: {}; the next is at {at}", error.message);
                Some(log("retry", LogLevel::Warn, text))
            }
            Event::NodeWaiting { node_run, wait: Wait::Input } => {
                let known = self.known(recorded, *node_run)?;
                let question = known.inputs.get("question").map(as_text);
                Some(said(EventRole::Assistant, question.unwrap_or_default()))
            }
            Event::ApprovalAsked { node_run, .. } => {
                let who = self.title(recorded, *node_run)?;
                Some(log("approval", LogLevel::Warn, format!("Waits for an approval: {who}")))
            }
            Event::ApprovalDecided { node_run, verdict, comment, .. } => {
                let who = self.title(recorded, *node_run)?;
                let (level, word) = match verdict {
                    Verdict::Approved => (LogLevel::Success, "Approved"),
                    Verdict::Denied => (LogLevel::Error, "Denied"),
                };
                let said = comment.as_ref().map(|comment| format!(" ({comment})")).unwrap_or_default();
                Some(log("approval", level, format!("{word}: {who}{said}")))
            }
            Event::Paused { reason, .. } => {
                let why = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                Some(log("pause", LogLevel::Warn, format!("Paused{why}")))
            }
            Event::Resumed { .. } => Some(log("pause", LogLevel::Info, "Resumed".to_owned())),
            Event::NodeFinished { node_run, state, outputs, error, .. } => {
                self.node_finished(recorded, *node_run, *state, outputs.as_ref(), error.as_ref())?
            }
            Event::Finished { outcome, outputs, error } => {
                Some(finished(*outcome, outputs.as_ref(), error.as_ref(), self.root_kind()))
            }
            // Candidates, choices and judgements are internal to the planner. A wait that no message can end shows as
            // running.
            Event::CandidatesGenerated { .. }
            | Event::SubtaskMapped { .. }
            | Event::NodeQueued { .. }
            | Event::NodeWaiting { .. }
            | Event::NodeDelayed { .. }
            | Event::Launched { .. }
            | Event::Loaded { .. }
            | Event::Evaluated { .. }
            | Event::RecoveryApplied { .. } => None,
        };
        Ok(shown)
    }

    fn started(&mut self, start: &Start, root: NodeRunId) -> Shown {
        self.root = Some(root);
        self.known.insert(root, NodeFacts::new(&start.node_type, None, &start.inputs));
        said(EventRole::User, wire::input(start))
    }

    fn node_finished(
        &mut self,
        recorded: &Recorded,
        node_run: NodeRunId,
        state: FinalState,
        outputs: Option<&Object>,
        error: Option<&Failure>,
    ) -> Result<Option<Shown>, ProjectionError> {
        let unknown = || ProjectionError::unknown_node_run(self.run, recorded, node_run);
        let known = self.known.remove(&node_run).ok_or_else(unknown)?;
        let is_root = self.root == Some(node_run);
        if is_root {
            // The end of the root is shown with the end of the run. The output of a run depends on the type of its
            // root.
            self.known.insert(node_run, known.clone());
        }
        if known.kind == NodeKind::Ask && state == FinalState::Succeeded {
            let answer = outputs.and_then(|outputs| outputs.get("answer")).map(as_text);
            return Ok(Some(said(EventRole::User, answer.unwrap_or_default())));
        }
        let why = || error.map(|error| format!(": {}", error.message)).unwrap_or_default();
        let (level, word) = match state {
            FinalState::Succeeded => (LogLevel::Success, "Finished"),
            FinalState::Failed => (LogLevel::Error, "Failed"),
            FinalState::Canceled => (LogLevel::Warn, "Cancelled"),
            FinalState::Skipped => (LogLevel::Info, "Skipped"),
        };
        let step = Step { tool: known.tool.clone(), inputs: known.input(), state };
        let shown = log("step", level, format!("{word}: {}{}", known.title, why()));
        Ok((!is_root).then_some(Shown { step: Some(step), ..shown }))
    }

    /// The state of a node run that has not ended.
    ///
    /// # Errors
    /// There is no such node run.
    pub(super) fn known(&self, recorded: &Recorded, node_run: NodeRunId) -> Result<&NodeFacts, ProjectionError> {
        let unknown = || ProjectionError::unknown_node_run(self.run, recorded, node_run);
        self.known.get(&node_run).ok_or_else(unknown)
    }

    fn title(&self, recorded: &Recorded, node_run: NodeRunId) -> Result<&str, ProjectionError> {
        Ok(&self.known(recorded, node_run)?.title)
    }

    fn root_kind(&self) -> Option<NodeKind> {
        Some(self.known.get(&self.root?)?.kind)
    }
}

impl NodeFacts {
    fn new(node_type: &NodeType, goal: Option<&str>, inputs: &Object) -> Self {
        let title = goal.unwrap_or(&node_type.id).to_owned();
        NodeFacts { kind: node_type.kind, tool: node_type.id.clone(), title, inputs: inputs.clone() }
    }

    /// The tool that a step calls; `plan` for all steps of a plan.
    pub(super) fn tool(&self) -> &str {
        if self.kind == NodeKind::Plan { PLAN } else { &self.tool }
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Its inputs as JSON text.
    pub(super) fn input(&self) -> String {
        Value::Object(self.inputs.clone()).to_string()
    }
}

/// The tool name in a permission request for all steps of a plan.
pub(super) const PLAN: &str = "plan";

impl Shown {
    /// The event in the document's form.
    pub(super) fn event(self, run: RunId, recorded: &Recorded) -> RunEvent {
        let (log_type, log_level) = self.log.map(|(kind, level)| (kind.to_owned(), level)).unzip();
        RunEvent {
            id: Some(format!("evt_{}_{}", run.uuid().simple(), recorded.position)),
            role: Some(self.role),
            content: Some(self.content),
            log_type,
            log_level,
            created_at: Some(time(recorded.at_ms)),
        }
    }
}

impl Shown {
    /// The text alone.
    pub(super) fn into_content(self) -> String {
        self.content
    }

    /// As a part of a response. `None` for a message of the user.
    pub(super) fn item(self) -> Option<StreamItem> {
        if let Some(Step { tool, inputs, state }) = self.step {
            let status = match state {
                FinalState::Succeeded => "completed",
                FinalState::Failed => "failed",
                FinalState::Canceled => "cancelled",
                FinalState::Skipped => "skipped",
            };
            return Some(StreamItem {
                arguments: Some(inputs),
                content: Some(self.content),
                name: Some(tool),
                status: Some(status.to_owned()),
                type_: ItemType::ToolCall,
            });
        }
        let kind = match self.role {
            EventRole::User | EventRole::System => return None,
            EventRole::Assistant => ItemType::Text,
            EventRole::ExecutionLog => ItemType::Reasoning,
        };
        Some(StreamItem { content: Some(self.content), ..item(kind) })
    }
}

/// The role of a message, or the type and level of a log entry.
pub(super) fn kind(shown: &Shown) -> String {
    match &shown.log {
        Some((kind, level)) => format!("{kind}: {level}"),
        None => shown.role.to_string(),
    }
}

/// An empty item of this type.
pub(super) fn item(kind: ItemType) -> StreamItem {
    StreamItem { arguments: None, content: None, name: None, status: None, type_: kind }
}

fn said(role: EventRole, content: String) -> Shown {
    Shown { role, content, log: None, step: None }
}

fn log(kind: &'static str, level: LogLevel, content: String) -> Shown {
    Shown { role: EventRole::ExecutionLog, content, log: Some((kind, level)), step: None }
}

/// The output of the run, or its error. A partial run has both in one text: the output says so first.
fn finished(outcome: RunOutcome, outputs: Option<&Object>, error: Option<&Failure>, root: Option<NodeKind>) -> Shown {
    let why = wire::error(error);
    match outcome {
        RunOutcome::Succeeded => said(EventRole::Assistant, answer(outputs, root)),
        RunOutcome::Partial | RunOutcome::NothingAchieved | RunOutcome::Failed => log("error", LogLevel::Error, why),
        RunOutcome::Canceled => log("cancelled", LogLevel::Warn, why),
    }
}

fn answer(outputs: Option<&Object>, root: Option<NodeKind>) -> String {
    let Some(outputs) = outputs else { return String::new() };
    let only = || outputs.values().next().filter(|_| outputs.len() == 1);
    let value = if root == Some(NodeKind::Plan) { outputs.get("result") } else { only() };
    value.map_or_else(|| Value::Object(outputs.clone()).to_string(), as_text)
}
