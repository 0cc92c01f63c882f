//! Projects the log to the Runtime's six event types, with a `seq` that is gap-free from 1 over a whole run.
//!
//! A pure fold, in its first version. A run whose first event names no projection always uses this one. Goldens pin its
//! output for stored logs. The standard leaves `data` open: a tool call and its result have the fields of the
//! standard's `ToolInvocationRequest` and `ToolInvocationResult`, and the last event has those of `RunResult`. `token`
//! comes only from a model, and no model is supported yet.

use std::collections::BTreeMap;

use runyard_api::arp::runtime::types::{RunEvent, RunEventType};
use runyard_engine::event::{ChildCreated, Failure, FinalState};
use runyard_engine::{Event, NodeRunId, NodeType, Object, Recorded, RunId, RunOutcome, Start, State};
use serde_json::{Value, json};

use super::wire;
use crate::dialects::arp::wire::{ended_as, failure_value, run_ended, run_id};
use crate::dialects::common::time::time;
use crate::feed::{self, Frame, ProjectionError};
use crate::runs::cache;

/// The size of a remembered node run without its texts, bytes.
const NODE_FACTS_BYTES: usize = 192;

/// The fold's state.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    run: RunId,
    run_id: String,
    seq: u64,
    root: Option<NodeRunId>,
    known: BTreeMap<NodeRunId, NodeFacts>,
}

/// The state that the fold keeps for a node run.
#[derive(Debug, Clone)]
struct NodeFacts {
    composite: bool,
    tool_id: String,
    goal: Option<String>,
    /// The inputs of its creation; taken when it starts.
    inputs: Object,
    started_at_ms: Option<i64>,
}

/// What this API shows for one stored event, if anything.
type Shown = Result<Option<(RunEventType, Object)>, ProjectionError>;

impl feed::Projection for Projection {
    /// A frame's id is its event's `seq`.
    type Shown = Frame<RunEvent>;

    fn of(state: &State) -> Self {
        Projection { run: state.run, run_id: run_id(state), seq: 0, root: None, known: BTreeMap::new() }
    }

    fn project(&mut self, recorded: &Recorded) -> Result<Vec<Frame<RunEvent>>, ProjectionError> {
        Ok(self.frame(recorded)?.into_iter().collect())
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn seq_of(frame: &Frame<RunEvent>) -> u64 {
        frame.id
    }

    fn bytes(&self) -> usize {
        let known = |known: &NodeFacts| NODE_FACTS_BYTES + known.tool_id.len() + cache::object(&known.inputs);
        self.known.values().map(known).sum()
    }
}

impl Projection {
    fn frame(&mut self, recorded: &Recorded) -> Result<Option<Frame<RunEvent>>, ProjectionError> {
        let Some((kind, data)) = self.shown(recorded)? else { return Ok(None) };
        self.seq += 1;
        let event = RunEvent {
            data: Some(data),
            extensions: None,
            run_id: self.run_id.clone(),
            seq: self.seq,
            time: time(recorded.at_ms),
            type_: kind,
        };
        Ok(Some(Frame { id: self.seq, name: None, data: event }))
    }

    fn shown(&mut self, recorded: &Recorded) -> Shown {
        let shown = match &recorded.event {
            Event::Started { start, root, .. } => Some(self.run_started(start, *root)),
            Event::Decomposed { node_run, children, summary, .. } => {
                let mut data = step("decomposed", *node_run);
                data.insert("node_run_count".to_owned(), json!(children));
                put(&mut data, "summary", summary.as_deref());
                Some((RunEventType::Step, data))
            }
            Event::ChildCreated(child) => {
                self.child_created(child);
                None
            }
            // A tool is shown as one call, however many attempts it had.
            Event::NodeStarted { attempt: 2.., .. } => None,
            Event::NodeStarted { node_run, inputs, .. } => self.node_started(recorded, *node_run, inputs.as_ref())?,
            Event::NodeFinished { node_run, state, outputs, error, .. } => {
                self.node_finished(recorded, *node_run, *state, outputs.as_ref(), error.as_ref())?
            }
            Event::RecoveryApplied { node_run, action } => {
                let mut data = step("recovery_applied", *node_run);
                data.insert("action".to_owned(), Value::Object(action.0.clone()));
                Some((RunEventType::Step, data))
            }
            Event::Finished { outcome, outputs, error } => Some(finished(*outcome, outputs.as_ref(), error.as_ref())),
            // Candidates, choices and judgements are internal to the planner. A waiting node run shows as running.
            Event::CandidatesGenerated { .. }
            | Event::SubtaskMapped { .. }
            | Event::AttemptFailed { .. }
            | Event::NodeQueued { .. }
            | Event::NodeWaiting { .. }
            | Event::NodeDelayed { .. }
            | Event::Launched { .. }
            | Event::Loaded { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalDecided { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::Evaluated { .. } => None,
        };
        Ok(shown)
    }

    fn run_started(&mut self, start: &Start, root: NodeRunId) -> (RunEventType, Object) {
        self.root = Some(root);
        self.known.insert(root, NodeFacts::new(&start.node_type, None, &start.inputs));
        let mut data = object(json!({ "step": "run_started", "root_node_run_id": root.to_string() }));
        let goal = ["goal", "prompt"].iter().find_map(|key| start.inputs.get(*key)?.as_str());
        put(&mut data, "goal", goal);
        (RunEventType::Step, data)
    }

    fn child_created(&mut self, child: &ChildCreated) {
        self.known.insert(child.node_run, NodeFacts::new(&child.node_type, child.goal.clone(), &child.inputs));
    }

    /// The start of the root is shown with the start of the run.
    fn node_started(&mut self, recorded: &Recorded, node_run: NodeRunId, resolved: Option<&Object>) -> Shown {
        let unknown = || ProjectionError::unknown_node_run(self.run, recorded, node_run);
        let known = self.known.get_mut(&node_run).ok_or_else(unknown)?;
        known.started_at_ms = Some(recorded.at_ms);
        let created = std::mem::take(&mut known.inputs);
        if known.composite {
            let mut data = step("composite_started", node_run);
            put(&mut data, "goal", known.goal.as_deref());
            return Ok((self.root != Some(node_run)).then_some((RunEventType::Step, data)));
        }
        let args = resolved.cloned().unwrap_or(created);
        let mut data = object(json!({ "invocation_id": node_run.to_string(), "tool_id": known.tool_id, "args": args }));
        put(&mut data, "goal", known.goal.as_deref());
        Ok(Some((RunEventType::ToolCall, data)))
    }

    /// A node run that never started is not shown. The end of the root is shown with the end of the run, unless the
    /// root is a tool.
    fn node_finished(
        &mut self,
        recorded: &Recorded,
        node_run: NodeRunId,
        state: FinalState,
        outputs: Option<&Object>,
        error: Option<&Failure>,
    ) -> Shown {
        let unknown = || ProjectionError::unknown_node_run(self.run, recorded, node_run);
        let known = self.known.remove(&node_run).ok_or_else(unknown)?;
        let Some(started_at_ms) = known.started_at_ms else { return Ok(None) };
        if known.composite {
            let mut data = step("composite_ended", node_run);
            put(&mut data, "state", Some(ended_as(state)));
            put_error(&mut data, error);
            return Ok((self.root != Some(node_run)).then_some((RunEventType::Step, data)));
        }
        let mut data = object(json!({
            "invocation_id": node_run.to_string(),
            "tool_id": known.tool_id,
            "ok": state == FinalState::Succeeded,
        }));
        if let Some(outputs) = outputs {
            data.insert("result".to_owned(), json!(outputs));
        }
        put_error(&mut data, error);
        data.insert("duration_ms".to_owned(), json!(recorded.at_ms - started_at_ms));
        Ok(Some((RunEventType::ToolResult, data)))
    }
}

/// An event's type as text; for a step, also which kind.
pub(super) fn kind(frame: &Frame<RunEvent>) -> String {
    let kind = frame.data.type_;
    let step = frame.data.data.as_ref().and_then(|data| data.get("step")?.as_str());
    step.map_or_else(|| kind.to_string(), |step| format!("{kind}: {step}"))
}

impl NodeFacts {
    fn new(node_type: &NodeType, goal: Option<String>, inputs: &Object) -> Self {
        NodeFacts {
            composite: node_type.kind.is_composite(),
            tool_id: node_type.id.clone(),
            goal,
            inputs: inputs.clone(),
            started_at_ms: None,
        }
    }
}

/// The end of the run, with the fields of its result.
fn finished(outcome: RunOutcome, outputs: Option<&Object>, error: Option<&Failure>) -> (RunEventType, Object) {
    match wire::error(outcome, error) {
        None => (RunEventType::Final, object(json!({ "ok": true, "output": wire::output(outputs) }))),
        Some(error) => {
            (RunEventType::Error, object(json!({ "ok": false, "state": run_ended(outcome), "error": error })))
        }
    }
}

fn step(name: &str, node_run: NodeRunId) -> Object {
    object(json!({ "step": name, "node_run_id": node_run.to_string() }))
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn put(object: &mut Object, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), Value::String(value.to_owned()));
    }
}

fn put_error(object: &mut Object, error: Option<&Failure>) {
    if let Some(error) = error {
        object.insert("error".to_owned(), failure_value(error));
    }
}

#[cfg(test)]
mod tests;
