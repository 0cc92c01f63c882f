//! Logs that contain everything that an API can show. They are made up, but each could be the log of a run.

use std::sync::Arc;

use runyard_engine::event::{
    ChildCreated, CodeText, Evaluation, EvaluationStatus, Failure, FinalState, RecoveryAction,
};
use runyard_engine::graph::Fallback;
use runyard_engine::plan::CandidateSet;
use runyard_engine::{
    ApprovalId, ApprovalStrategy, Constraints, Content, Event, Graph, GraphNode, Labels, NodeKind, NodeRunId, NodeType,
    NodeTypeRef, Object, Policy, Position, Recorded, Retry, RunId, RunOutcome, Shortfall, SideEffect, Start, Verdict,
    Wait,
};

/// A log.
pub(super) struct Story {
    pub(super) run: RunId,
    pub(super) steps: Vec<Step>,
}

/// An event, and its variant among the events with its name. Without a variant it only prepares other events.
pub(super) struct Step {
    pub(super) recorded: Recorded,
    pub(super) when: Option<&'static str>,
}

/// Every log: a planned run with events of every kind, runs with other endings, and a run of one tool.
pub(super) fn stories() -> Vec<Story> {
    vec![
        planned(),
        short(FinalState::Failed, RunOutcome::Failed, "the run failed"),
        short(FinalState::Canceled, RunOutcome::Canceled, "the run was canceled"),
        fell_short(Shortfall::Partial, RunOutcome::Partial, "the run was a success in part"),
        fell_short(Shortfall::NothingAchieved, RunOutcome::NothingAchieved, "the run achieved nothing"),
        retried(),
        walked(),
        held_back(),
        above_another(),
        atomic(),
    ]
}

/// Writes a log.
struct Writer {
    run: RunId,
    root: NodeRunId,
    steps: Vec<Step>,
}

impl Writer {
    fn new(kind: NodeKind, when: Option<&'static str>) -> Self {
        let run = RunId::from_uuid(uuid::Uuid::nil());
        let root = NodeRunId::root(run);
        let mut writer = Writer { run, root, steps: Vec::new() };
        let start = Start {
            name: None,
            title: None,
            api: String::new(),
            node_type: node_type(kind),
            inputs: Object::new(),
            constraints: Constraints::default(),
            policy: Policy::default(),
            steps: Policy::default(),
            approval: ApprovalStrategy::None,
            parallel_max: 1,
            output_schema: None,
            graph: None,
            notes: Object::new(),
            turn: None,
            parent: None,
            labels: Labels::new(),
        };
        writer.add(Event::Started { start: Arc::new(start), root, constraints: Constraints::default() }, when);
        writer
    }

    /// Sets the root's attempts.
    fn retry(&mut self, attempts_max: u32) {
        if let Some(Event::Started { start, .. }) = self.steps.first_mut().map(|step| &mut step.recorded.event) {
            let (initial_ms, backoff, jitter) = (0, 1.0, 0.0);
            let retry = Retry { attempts_max, initial_ms, backoff, delay_ms_max: None, jitter, codes: None };
            Arc::make_mut(start).policy.retry = Some(retry);
        }
    }

    fn add(&mut self, event: Event, when: Option<&'static str>) {
        let position: Position = self.steps.last().map_or(0, |step| step.recorded.position) + 1;
        self.steps.push(Step { recorded: Recorded { position, at_ms: 0, event }, when });
    }

    fn child(
        &mut self,
        key: &str,
        kind: NodeKind,
        depends_on: Vec<NodeRunId>,
        when: Option<&'static str>,
    ) -> NodeRunId {
        let node_run = NodeRunId::child(self.run, self.root, key);
        let child = ChildCreated {
            node_run,
            parent: self.root,
            key: key.to_owned(),
            key_given: true,
            node_type: node_type(kind),
            inputs: Object::new(),
            bindings: Vec::new(),
            depends_on,
            fallback_for: Vec::new(),
            place: None,
            policy: Policy::default(),
            asked: Constraints::default(),
            constraints: Constraints::default(),
            goal: None,
            candidate_set_id: None,
            binding_decision: None,
            notes: Object::new(),
        };
        self.add(Event::ChildCreated(Box::new(child)), when);
        node_run
    }

    fn begin(&mut self, node_run: NodeRunId, when: Option<&'static str>) {
        self.add(Event::NodeStarted { node_run, attempt: 1, inputs: None }, when);
    }

    fn end(&mut self, node_run: NodeRunId, state: FinalState, when: Option<&'static str>) {
        let error = (state != FinalState::Succeeded).then(failure);
        let outputs = (state == FinalState::Succeeded).then(Object::new);
        let ended = Event::NodeFinished {
            node_run,
            state,
            outputs,
            artifacts: Vec::new(),
            error,
            shortfall: None,
            inputs: None,
            route: None,
        };
        self.add(ended, when);
    }

    fn finish(mut self, outcome: RunOutcome, when: Option<&'static str>) -> Story {
        let succeeded = outcome == RunOutcome::Succeeded;
        let (outputs, error) = (succeeded.then(Object::new), (!succeeded).then(failure));
        self.add(Event::Finished { outcome, outputs, error }, when);
        Story { run: self.run, steps: self.steps }
    }
}

/// A composite that an external worker executes, with children of every kind and every ending.
fn planned() -> Story {
    let mut log = Writer::new(NodeKind::External, Some(""));
    let root = log.root;
    let first = NodeRunId::child(log.run, root, "first");
    log.begin(root, Some("the root, a composite"));
    log.add(Event::NodeWaiting { node_run: root, wait: Wait::External }, Some(""));
    log.add(Event::Decomposed { node_run: root, round: 1, children: 4, summary: None, result: None }, Some(""));
    let set = CandidateSet { id: "candidates_S1".to_owned(), candidates: Vec::new() };
    log.add(Event::CandidatesGenerated { node_run: first, subtask_id: "S1".to_owned(), set }, Some(""));
    let mapped = Event::SubtaskMapped {
        node_run: first,
        subtask_id: Some("S1".to_owned()),
        candidate_set_id: None,
        rationale: None,
        decision: None,
    };
    log.add(mapped, Some("shown with the next child"));
    log.child("first", NodeKind::Call, Vec::new(), Some("a subtask was mapped to it"));
    let below = log.child("second", NodeKind::External, Vec::new(), Some("nothing was mapped to it"));
    let broken = log.child("third", NodeKind::Call, Vec::new(), None);
    let skipped = log.child("fourth", NodeKind::Call, vec![broken], None);
    log.begin(first, Some("a tool"));
    log.end(first, FinalState::Succeeded, Some("a tool, whatever came of it"));
    log.begin(below, Some("a composite below the root"));
    log.add(Event::NodeWaiting { node_run: below, wait: Wait::External }, None);
    log.add(Event::Evaluated { node_run: below, evaluation: evaluation() }, Some(""));
    log.add(Event::RecoveryApplied { node_run: below, action: RecoveryAction(Object::new()) }, Some(""));
    log.end(below, FinalState::Succeeded, Some("a composite below the root"));
    log.begin(broken, None);
    log.end(broken, FinalState::Failed, None);
    log.end(skipped, FinalState::Skipped, Some("it never began"));
    log.end(root, FinalState::Succeeded, Some("the root, a composite"));
    log.finish(RunOutcome::Succeeded, Some("the run succeeded"))
}

/// A run that ends before anything else happens.
fn short(state: FinalState, outcome: RunOutcome, when: &'static str) -> Story {
    let mut log = Writer::new(NodeKind::External, None);
    let root = log.root;
    log.begin(root, None);
    log.end(root, state, None);
    log.finish(outcome, Some(when))
}

/// A planned run in which every failure was tolerated.
fn fell_short(shortfall: Shortfall, outcome: RunOutcome, when: &'static str) -> Story {
    let mut log = Writer::new(NodeKind::Plan, None);
    let root = log.root;
    log.begin(root, None);
    let ended = Event::NodeFinished {
        node_run: root,
        state: FinalState::Failed,
        outputs: Some(Object::new()),
        artifacts: Vec::new(),
        error: Some(failure()),
        shortfall: Some(shortfall),
        inputs: None,
        route: None,
    };
    log.add(ended, None);
    log.finish(outcome, Some(when))
}

/// A run whose root is a tool with two attempts.
fn retried() -> Story {
    let mut log = Writer::new(NodeKind::Call, None);
    let root = log.root;
    log.retry(2);
    log.begin(root, None);
    log.add(Event::AttemptFailed { node_run: root, attempt: 1, error: failure(), retry_at_ms: 0 }, Some(""));
    log.add(Event::NodeQueued { node_run: root }, Some(""));
    log.add(Event::NodeStarted { node_run: root, attempt: 2, inputs: None }, Some("again"));
    log.end(root, FinalState::Succeeded, None);
    log.finish(RunOutcome::Succeeded, None)
}

/// A run whose root executes a graph of one node, and ends after the node has ended.
fn walked() -> Story {
    let mut log = Writer::new(NodeKind::Graph, None);
    let (root, key) = (log.root, "delay".to_owned());
    log.begin(root, None);
    let node = GraphNode {
        slug: key.clone(),
        key,
        node_type: node_type(NodeKind::Call),
        inputs: Object::new(),
        ways: Vec::new(),
        policy: Policy::default(),
        fallback: Fallback::None,
        graph: None,
    };
    let content = Content::Graph(Arc::new(Graph { entry: 0, nodes: vec![node] }));
    log.add(Event::Loaded { node_run: root, inputs: None, content }, Some(""));
    log.add(Event::NodeWaiting { node_run: root, wait: Wait::Children }, None);
    let delay = log.child("delay", NodeKind::Call, Vec::new(), None);
    if let Some(Event::ChildCreated(child)) = log.steps.last_mut().map(|step| &mut step.recorded.event) {
        child.place = Some(0);
    }
    log.begin(delay, None);
    let later = Event::NodeDelayed { node_run: delay, until_ms: 0, outputs: Object::new(), inputs: None, route: None };
    log.add(later, Some(""));
    log.end(delay, FinalState::Succeeded, None);
    log.end(root, FinalState::Succeeded, None);
    log.finish(RunOutcome::Succeeded, None)
}

/// A run whose root is a tool that needs an approval, and that is paused meanwhile.
fn held_back() -> Story {
    let mut log = Writer::new(NodeKind::Call, None);
    let (root, approval) = (log.root, ApprovalId::of(log.run, log.root));
    if let Some(Event::Started { start, .. }) = log.steps.first_mut().map(|step| &mut step.recorded.event) {
        Arc::make_mut(start).approval = ApprovalStrategy::OnStart;
    }
    let (verdict, by, comment) = (Verdict::Approved, None, None);
    log.add(Event::ApprovalAsked { node_run: root, approval, inputs: None }, Some(""));
    log.add(Event::Paused { reason: None, by: None }, Some(""));
    log.add(Event::ApprovalDecided { node_run: root, approval, verdict, by, comment, inputs: None }, Some(""));
    log.add(Event::NodeQueued { node_run: root }, None);
    log.add(Event::Resumed { by: None }, Some(""));
    log.begin(root, None);
    log.end(root, FinalState::Succeeded, None);
    log.finish(RunOutcome::Succeeded, None)
}

/// A run that starts another run and waits for it.
fn above_another() -> Story {
    let mut log = Writer::new(NodeKind::Run, None);
    let root = log.root;
    log.begin(root, None);
    let run = RunId::sub_run(log.run, root, 1);
    log.add(Event::Launched { node_run: root, run, inputs: None }, Some(""));
    log.end(root, FinalState::Succeeded, None);
    log.finish(RunOutcome::Succeeded, None)
}

/// A run whose root is a tool.
fn atomic() -> Story {
    let mut log = Writer::new(NodeKind::Call, None);
    let root = log.root;
    log.begin(root, Some("the root, a tool"));
    log.end(root, FinalState::Succeeded, Some("the root, a tool"));
    log.finish(RunOutcome::Succeeded, None)
}

fn node_type(kind: NodeKind) -> NodeType {
    let asked = NodeTypeRef { id: "example".to_owned(), version: "1.0.0".to_owned() };
    NodeType {
        id: asked.id.clone(),
        version: asked.version.clone(),
        asked,
        kind,
        side_effect: SideEffect::Read,
        external: false,
        constraints: Constraints::default(),
        retry: None,
        timeout_ms: None,
        input_schema_sha256: None,
    }
}

fn failure() -> Failure {
    Failure { code: CodeText::from_outside("example"), message: String::new(), details: None, retryable: None }
}

fn evaluation() -> Evaluation {
    Evaluation {
        status: EvaluationStatus::Success,
        reason_code: None,
        message: None,
        details: None,
        confidence: None,
        extensions: Object::new(),
    }
}
