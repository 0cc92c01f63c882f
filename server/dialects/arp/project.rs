//! Projects the log to ARP's ten event types, with a `seq` that is gap-free from 1 over a whole run.
//!
//! A pure fold, in its first version. A run whose first event names no projection always uses this one. A golden pins
//! its output for stored logs. Where the standard leaves `data` open, the fields of the reference implementation come
//! first and Runyard's fields after them.

use std::collections::BTreeMap;

use runyard_api::arp::schemas::{RunEvent as WireEvent, RunEventType};
use runyard_engine::event::ChildCreated;
use runyard_engine::{Event, NodeRunId, Recorded, RunId, State};
use serde_json::{Map, Value, json};

use super::wire;
use crate::dialects::common::time::time;
use crate::feed::{self, ProjectionError};
use crate::runs::cache;

/// The size of a remembered node run, bytes.
const KNOWN_BYTES: usize = 48;

/// The fold's state.
#[derive(Debug, Clone)]
pub struct Projection {
    run: RunId,
    run_id: String,
    seq: u64,
    known: BTreeMap<NodeRunId, NodeFacts>,
    mapped: BTreeMap<NodeRunId, Map<String, Value>>,
}

/// The state that the fold keeps for a node run.
#[derive(Debug, Clone, Copy)]
struct NodeFacts {
    composite: bool,
    started: bool,
}

/// One projected event.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEvent {
    /// Absent for events of the run itself.
    pub node_run: Option<NodeRunId>,
    /// The event in an answer; its `seq` is gap-free from 1 over the whole run.
    pub event: WireEvent,
}

impl feed::Projection for Projection {
    type Shown = RunEvent;

    fn of(state: &State) -> Self {
        Projection {
            run: state.run,
            run_id: wire::run_id(state),
            seq: 0,
            known: BTreeMap::new(),
            mapped: BTreeMap::new(),
        }
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn seq_of(shown: &RunEvent) -> u64 {
        shown.event.seq
    }

    fn bytes(&self) -> usize {
        self.known.len() * KNOWN_BYTES + self.mapped.values().map(cache::object).sum::<usize>()
    }

    fn project(&mut self, recorded: &Recorded) -> Result<Vec<RunEvent>, ProjectionError> {
        let mut shown = Vec::new();
        let mut show = |kind: RunEventType, node_run: Option<NodeRunId>, data: Map<String, Value>| {
            self.seq += 1;
            shown.push(event(&self.run_id, self.seq, recorded.at_ms, kind, node_run, data));
        };
        match &recorded.event {
            Event::Started { start, root, .. } => {
                self.known.insert(*root, NodeFacts { composite: start.node_type.kind.is_composite(), started: false });
                show(RunEventType::RunStarted, None, object(json!({ "root_node_run_id": root.to_string() })));
                show(
                    RunEventType::NodeRunAssigned,
                    Some(*root),
                    object(json!({ "root": true, "node_type_ref": wire::type_ref(&start.node_type.asked) })),
                );
            }
            Event::Decomposed { node_run, children, summary, .. } => {
                let mut data = object(json!({ "node_run_count": children }));
                put(&mut data, "summary", summary.clone());
                show(RunEventType::CompositeDecomposed, Some(*node_run), data);
            }
            Event::CandidatesGenerated { node_run, subtask_id, set } => {
                let mut data = object(json!({ "candidate_set_id": set.id }));
                put(&mut data, "subtask_id", Some(subtask_id.clone()).filter(|id| !id.is_empty()));
                if !set.candidates.is_empty() {
                    let candidates = set.candidates.iter().map(candidate).collect();
                    data.insert("candidates".to_owned(), Value::Array(candidates));
                }
                show(RunEventType::CandidateSetGenerated, Some(*node_run), data);
            }
            // Reported with the child, which knows the chosen node type.
            Event::SubtaskMapped { node_run, subtask_id, candidate_set_id, rationale, decision } => {
                let data = match decision {
                    Some(Value::Object(decision)) => decision.clone(),
                    _ => {
                        let mut data = Map::new();
                        put(&mut data, "subtask_id", subtask_id.clone());
                        put(&mut data, "candidate_set_id", candidate_set_id.clone());
                        put(&mut data, "rationale", rationale.clone());
                        data
                    }
                };
                self.mapped.insert(*node_run, data);
            }
            Event::ChildCreated(child) => {
                self.known.insert(
                    child.node_run,
                    NodeFacts { composite: child.node_type.kind.is_composite(), started: false },
                );
                if let Some(mut data) = self.mapped.remove(&child.node_run) {
                    data.entry("chosen_node_type_ref").or_insert_with(|| wire::type_ref(&child.node_type.asked));
                    show(RunEventType::SubtaskMapped, Some(child.node_run), data);
                }
                show(RunEventType::NodeRunAssigned, Some(child.node_run), assigned(child));
            }
            Event::NodeStarted { node_run, .. } => {
                let known = self.known.get_mut(node_run);
                let unknown = || ProjectionError::unknown_node_run(self.run, recorded, *node_run);
                known.ok_or_else(unknown)?.started = true;
            }
            // An attempt that is not the last ends no node run, and the standard has no event for it.
            Event::AttemptFailed { .. }
            | Event::NodeQueued { .. }
            | Event::NodeWaiting { .. }
            | Event::NodeDelayed { .. }
            | Event::Launched { .. } => {}
            // Reported with `composite_decomposed`, which follows.
            Event::Loaded { .. } => {}
            // `policy_decided` is for decision points that decide at once, not for approval requests.
            Event::ApprovalAsked { .. }
            | Event::ApprovalDecided { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. } => {}
            Event::NodeFinished { node_run, state, error, .. } => {
                let known = self.known.get(node_run);
                let known = known.ok_or_else(|| ProjectionError::unknown_node_run(self.run, recorded, *node_run))?;
                if !known.composite && known.started {
                    let mut data = object(json!({ "state": wire::ended_as(*state) }));
                    if let Some(error) = error {
                        data.insert("error".to_owned(), wire::failure_value(error));
                    }
                    show(RunEventType::AtomicExecuted, Some(*node_run), data);
                }
            }
            Event::Evaluated { node_run, evaluation } => {
                show(RunEventType::NodeEvaluated, Some(*node_run), wire::evaluation(evaluation));
            }
            Event::RecoveryApplied { node_run, action } => {
                show(RunEventType::RecoveryApplied, Some(*node_run), action.0.clone());
            }
            Event::Finished { outcome, error, .. } => {
                let mut data = object(json!({ "state": wire::run_ended(*outcome) }));
                if let Some(error) = error {
                    data.insert("error".to_owned(), wire::failure_value(error));
                }
                show(RunEventType::RunCompleted, None, data);
            }
        }
        Ok(shown)
    }
}

fn event(
    run_id: &str,
    seq: u64,
    at_ms: i64,
    kind: RunEventType,
    node_run: Option<NodeRunId>,
    data: Map<String, Value>,
) -> RunEvent {
    let event = WireEvent {
        data: Some(data),
        extensions: None,
        node_run_id: node_run.map(|id| id.to_string()),
        run_id: run_id.to_owned(),
        seq,
        time: time(at_ms),
        type_: kind,
    };
    RunEvent { node_run, event }
}

fn assigned(child: &ChildCreated) -> Map<String, Value> {
    let mut data = object(json!({
        "parent_node_run_id": child.parent.to_string(),
        "node_type_ref": wire::type_ref(&child.node_type.asked),
    }));
    put(&mut data, "goal", child.goal.clone());
    if !child.depends_on.is_empty() {
        let ids = child.depends_on.iter().map(|id| json!(id.to_string())).collect();
        data.insert("depends_on".to_owned(), Value::Array(ids));
    }
    data
}

fn candidate(candidate: &runyard_engine::plan::Candidate) -> Value {
    let mut shown = object(json!({ "node_type_ref": wire::type_ref(&candidate.node_type), "score": candidate.score }));
    put(&mut shown, "rationale", candidate.rationale.clone());
    Value::Object(shown)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn put(object: &mut Map<String, Value>, key: &str, value: Option<String>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), Value::String(value));
    }
}

/// The types of these events.
pub fn types(shown: &[RunEvent]) -> Vec<String> {
    shown.iter().map(|shown| shown.event.type_.to_string()).collect()
}

/// Whether a node run's stream shows an event: it shows its own events and those of its descendants.
pub fn within(state: &State, top: NodeRunId, node_run: NodeRunId) -> bool {
    let mut at = Some(node_run);
    while let Some(id) = at {
        if id == top {
            return true;
        }
        at = state.nodes.get(&id).and_then(|node| node.parent);
    }
    false
}
