//! The log as this API shows it: six event types, ids gap-free from 1 over a whole run.
//!
//! A fold that carries the engine's own state along, because each event tells where the run stands after it. In its first version: a
//! run whose first event names no projection is shown by this one, for ever.

use runyard_api::toolregistry::types::{
    RunEvent, RunEventApproval, RunEventApprovalDecision, RunEventError, RunEventEvent, RunEventStep,
    RunEventStepApproval, RunEventStepStatus, RunEventToolCall, RunStatus,
};
use runyard_engine::event::{Failure, FinalState};
use runyard_engine::{ApprovalId, Event, Node, NodeKind, NodeRunId, Recorded, RunId, State, Verdict, apply};

use super::wire;
use crate::dialects::common::time::time;
use crate::feed;
use crate::runs::cache;

/// The fold's state.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    state: State,
    shown: u64,
    /// Where the run stood after the event that was shown last.
    last: Option<RunStatus>,
}

impl feed::Projection for Projection {
    type Shown = RunEvent;

    fn of(state: &State) -> Self {
        Projection::of(state.run)
    }

    fn project(&mut self, recorded: &Recorded) -> Vec<RunEvent> {
        Projection::project(self, recorded).into_iter().collect()
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

    /// Shows what one stored event means, with everything that can be told of it: see [`without_tool_calls`].
    pub(super) fn project(&mut self, recorded: &Recorded) -> Option<RunEvent> {
        if let Err(corrupt) = apply(&mut self.state, recorded) {
            // Whoever reads the run is told; here there is nobody to tell.
            tracing::error!(%corrupt, run = %self.state.run, "a log does not read as it must");
            return None;
        }
        let about = self.about(&recorded.event)?;
        self.shown += 1;
        let mut run_status = about.status.unwrap_or_else(|| wire::status(&self.state));
        // What is called off with a paused run ends between the pause and the run's end. The run does not go on in between.
        if run_status == RunStatus::Running && self.last == Some(RunStatus::Paused) && is_called_off(&recorded.event) {
            run_status = RunStatus::Paused;
        }
        self.last = Some(run_status);
        let kind = about.kind;
        let step = about.step.and_then(|node_run| self.state.node(node_run)).map(|node| step(&self.state, node));
        let ended = kind == RunEventEvent::End;
        Some(RunEvent {
            id: self.shown.try_into().ok()?,
            event: kind,
            run_id: self.state.run.uuid(),
            run_status,
            timestamp: time(recorded.at_ms),
            step,
            approval: about.approval,
            result: ended.then(|| wire::result(&self.state)).flatten(),
            error: self.state.error.as_ref().filter(|_| ended).map(error),
        })
    }

    /// What an event is about; nothing where it is not shown.
    fn about(&self, event: &Event) -> Option<About> {
        let root = self.state.root_id();
        let plain = |kind| Some(About::of(kind));
        match event {
            Event::Started { .. } => plain(RunEventEvent::Status),
            // A plan begins when there is one, anything else when it begins.
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
            Event::ApprovalDecided { node_run, approval, verdict, by, comment } => Some(About {
                step: self.step_of(*node_run),
                approval: Some(RunEventApproval {
                    decision: decision(*verdict),
                    by: by.clone(),
                    comment: comment.clone(),
                    ..question(*approval)
                }),
                // Of a run that is about to be canceled it would look as if it went on.
                status: (*verdict == Verdict::Denied).then_some(RunStatus::Paused),
                ..About::of(RunEventEvent::RunAction)
            }),
            Event::Paused { .. } | Event::Resumed { .. } => plain(RunEventEvent::Status),
            Event::Finished { .. } => plain(RunEventEvent::End),
            // How a plan came to be, and tries that are not the last, are nobody's business here.
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

    /// The step that somebody is asked about; none where that is the whole plan.
    fn step_of(&self, node_run: NodeRunId) -> Option<NodeRunId> {
        Some(node_run).filter(|_| self.is_step(node_run))
    }

    /// Everything below the root, and the root where it is a tool itself.
    fn is_step(&self, node_run: NodeRunId) -> bool {
        let step = |node: &Node| node.parent.is_some() || !node.node_type.kind.is_composite();
        self.state.node(node_run).is_some_and(step)
    }
}

/// Whether a node run ended without having done anything of its own.
fn is_called_off(event: &Event) -> bool {
    matches!(event, Event::NodeFinished { state: FinalState::Canceled | FinalState::Skipped, .. })
}

/// What an event is about.
struct About {
    kind: RunEventEvent,
    step: Option<NodeRunId>,
    approval: Option<RunEventApproval>,
    /// Where the state does not say it.
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

/// What is said of a step about who had to agree to it.
fn agreed(node: &Node) -> RunEventStepApproval {
    match node.approval.as_ref().map(|approval| approval.decided.as_ref().map(|decided| decided.verdict)) {
        None => RunEventStepApproval::NotRequired,
        Some(None) => RunEventStepApproval::Pending,
        Some(Some(Verdict::Approved)) => RunEventStepApproval::Approved,
        Some(Some(Verdict::Denied)) => RunEventStepApproval::Denied,
    }
}

/// The event for callers who did not ask for tool calls.
pub(super) fn without_tool_calls(mut event: RunEvent) -> RunEvent {
    if let Some(step) = &mut event.step {
        step.tool_call = None;
    }
    event
}

/// An event's type in words.
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
            // What never began was asked nothing, unless somebody had to know what it would be.
            request: (node.attempt > 0 || node.approval.is_some()).then(|| (*node.inputs).clone()),
            response: node.outputs.clone(),
            error: node.error.as_ref().map(error),
        }),
    }
}

fn error(failure: &Failure) -> RunEventError {
    RunEventError { code: failure.code.clone(), message: failure.message.clone() }
}
