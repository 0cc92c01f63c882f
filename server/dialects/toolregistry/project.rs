//! Projects the log to this API's six event types, with ids that are gap-free from 1 over a whole run.
//!
//! The fold keeps the engine's state, because each event has the run's status after it. In its first version: a run
//! whose first event names no projection always uses this one.

use std::num::NonZeroU64;

use runyard_api::toolregistry::types::{
    RunEvent, RunEventApproval, RunEventApprovalDecision, RunEventError, RunEventEvent, RunEventStep,
    RunEventStepApproval, RunEventStepStatus, RunEventToolCall, RunStatus,
};
use runyard_engine::event::{Failure, FinalState};
use runyard_engine::{ApprovalId, Event, Node, NodeKind, NodeRunId, Recorded, RunId, State, Verdict, apply};

use super::wire;
use crate::dialects::common::time::time;
use crate::feed::{self, ProjectionError};
use crate::runs::cache;

/// The fold's state.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    state: State,
    shown: u64,
    /// The run's status after the last event that was shown.
    last: Option<RunStatus>,
}

impl feed::Projection for Projection {
    type Shown = RunEvent;

    fn of(state: &State) -> Self {
        Projection::of(state.run)
    }

    fn project(&mut self, recorded: &Recorded) -> Result<Vec<RunEvent>, ProjectionError> {
        Ok(Projection::project(self, recorded)?.into_iter().collect())
    }

    fn seq(&self) -> u64 {
        self.shown
    }

    fn seq_of(shown: &RunEvent) -> u64 {
        shown.id.get()
    }

    fn bytes(&self) -> usize {
        cache::bytes_of(&self.state)
    }
}

impl Projection {
    /// The projection of a run, before its first event.
    pub(super) fn of(run: RunId) -> Self {
        Projection { state: State::new(run), shown: 0, last: None }
    }

    /// Projects one stored event with all its fields: see [`without_tool_calls`].
    ///
    /// # Errors
    /// The event does not fit the ones before it.
    pub(super) fn project(&mut self, recorded: &Recorded) -> Result<Option<RunEvent>, ProjectionError> {
        let run = self.state.run;
        apply(&mut self.state, recorded).map_err(|corrupt| ProjectionError::new(run, recorded, corrupt))?;
        let Some(about) = self.about(&recorded.event) else { return Ok(None) };
        let id = NonZeroU64::MIN.saturating_add(self.shown);
        self.shown = id.get();
        let mut run_status = about.status.unwrap_or_else(|| wire::status(&self.state));
        // Steps of a paused run that are cancelled end between the pause and the run's end. The run does not resume in
        // between.
        if run_status == RunStatus::Running && self.last == Some(RunStatus::Paused) && is_called_off(&recorded.event) {
            run_status = RunStatus::Paused;
        }
        self.last = Some(run_status);
        let kind = about.kind;
        let step = match about.step {
            Some(node_run) => {
                let unknown = || ProjectionError::unknown_node_run(run, recorded, node_run);
                Some(step(&self.state, self.state.node(node_run).ok_or_else(unknown)?))
            }
            None => None,
        };
        let ended = kind == RunEventEvent::End;
        Ok(Some(RunEvent {
            id,
            event: kind,
            run_id: run.uuid(),
            run_status,
            timestamp: time(recorded.at_ms),
            step,
            approval: about.approval,
            result: ended.then(|| wire::result(&self.state)).flatten(),
            error: self.state.error.as_ref().filter(|_| ended).map(error),
        }))
    }

    /// What an event is about; `None` if it is not shown.
    fn about(&self, event: &Event) -> Option<About> {
        let root = self.state.root_id();
        let plain = |kind| Some(About::of(kind));
        match event {
            Event::Started { .. } => plain(RunEventEvent::Status),
            // The start of a plan is its creation; other node runs start when they execute.
            Event::Decomposed { node_run, round: 1, .. } if *node_run == root && self.is_planned(root) => {
                plain(RunEventEvent::Start)
            }
            Event::NodeStarted { node_run, attempt: 1, .. } if *node_run == root && !self.is_planned(root) => {
                plain(RunEventEvent::Start)
            }
            Event::NodeFinished { node_run, .. } if self.is_step(*node_run) => {
                Some(About { step: Some(*node_run), ..About::of(RunEventEvent::Step) })
            }
            Event::ApprovalAsked { node_run, approval, .. } => Some(About {
                step: self.step_of(*node_run),
                approval: Some(question(*approval)),
                ..About::of(RunEventEvent::RunApproval)
            }),
            Event::ApprovalDecided { node_run, approval, verdict, by, comment, .. } => Some(About {
                step: self.step_of(*node_run),
                approval: Some(RunEventApproval {
                    decision: decision(*verdict),
                    by: by.clone(),
                    comment: comment.clone(),
                    ..question(*approval)
                }),
                // Without this, a run that is about to be canceled would show as running.
                status: (*verdict == Verdict::Denied).then_some(RunStatus::Paused),
                ..About::of(RunEventEvent::RunAction)
            }),
            Event::Paused { .. } | Event::Resumed { .. } => plain(RunEventEvent::Status),
            Event::Finished { .. } => plain(RunEventEvent::End),
            // The planner's internal events, and attempts that are not the last, are not shown.
            Event::Decomposed { .. }
            | Event::CandidatesGenerated { .. }
            | Event::SubtaskMapped { .. }
            | Event::ChildCreated(_)
            | Event::NodeStarted { .. }
            | Event::AttemptFailed { .. }
            | Event::NodeQueued { .. }
            | Event::NodeWaiting { .. }
            | Event::NodeDelayed { .. }
            | Event::Launched { .. }
            | Event::Loaded { .. }
            | Event::NodeFinished { .. }
            | Event::Evaluated { .. }
            | Event::RecoveryApplied { .. } => None,
        }
    }

    fn is_planned(&self, node_run: NodeRunId) -> bool {
        self.state.node(node_run).is_some_and(|node| node.node_type.kind == NodeKind::Plan)
    }

    /// The step of an approval request; `None` if it is for the whole plan.
    fn step_of(&self, node_run: NodeRunId) -> Option<NodeRunId> {
        Some(node_run).filter(|_| self.is_step(node_run))
    }

    /// Every node run below the root, and the root itself if it is a tool.
    fn is_step(&self, node_run: NodeRunId) -> bool {
        let step = |node: &Node| node.parent.is_some() || !node.node_type.kind.is_composite();
        self.state.node(node_run).is_some_and(step)
    }
}

/// Whether a node run ended without having executed anything.
fn is_called_off(event: &Event) -> bool {
    matches!(event, Event::NodeFinished { state: FinalState::Canceled | FinalState::Skipped, .. })
}

/// The parts of an event that depend on its type.
struct About {
    kind: RunEventEvent,
    step: Option<NodeRunId>,
    approval: Option<RunEventApproval>,
    /// The run's status, where the state does not have it.
    status: Option<RunStatus>,
}

impl About {
    fn of(kind: RunEventEvent) -> Self {
        About { kind, step: None, approval: None, status: None }
    }
}

fn question(approval: ApprovalId) -> RunEventApproval {
    RunEventApproval {
        id: approval.uuid().to_string(),
        decision: RunEventApprovalDecision::Pending,
        approve_url: None,
        deny_url: None,
        by: None,
        comment: None,
    }
}

fn decision(verdict: Verdict) -> RunEventApprovalDecision {
    match verdict {
        Verdict::Approved => RunEventApprovalDecision::Approved,
        Verdict::Denied => RunEventApprovalDecision::Denied,
    }
}

/// The approval of a step.
fn agreed(node: &Node) -> RunEventStepApproval {
    match node.approval.as_ref().map(|approval| approval.decided.as_ref().map(|decided| decided.verdict)) {
        None => RunEventStepApproval::NotRequired,
        Some(None) => RunEventStepApproval::Pending,
        Some(Some(Verdict::Approved)) => RunEventStepApproval::Approved,
        Some(Some(Verdict::Denied)) => RunEventStepApproval::Denied,
    }
}

/// The event for callers who did not request tool calls.
pub(super) fn without_tool_calls(mut event: RunEvent) -> RunEvent {
    if let Some(step) = &mut event.step {
        step.tool_call = None;
    }
    event
}

/// An event's type as text.
pub(super) fn kind(event: RunEvent) -> String {
    event.event.to_string()
}

fn step(state: &State, node: &Node) -> RunEventStep {
    RunEventStep {
        id: wire::step_id(state, node),
        reason: wire::reason(node),
        approval: agreed(node),
        status: node.final_state().map(|ended| match ended {
            FinalState::Succeeded => RunEventStepStatus::Success,
            FinalState::Failed => RunEventStepStatus::Failed,
            FinalState::Canceled => RunEventStepStatus::Canceled,
            FinalState::Skipped => RunEventStepStatus::Skipped,
        }),
        tool_call: Some(RunEventToolCall {
            tool: node.node_type.id.clone(),
            // A step that never started has no request, unless an approver had to see it.
            request: (node.attempt > 0 || node.approval.is_some()).then(|| (*node.inputs).clone()),
            response: node.outputs.clone(),
            error: node.error.as_ref().map(error),
        }),
    }
}

fn error(failure: &Failure) -> RunEventError {
    RunEventError { code: failure.code.to_string(), message: failure.message.clone() }
}
