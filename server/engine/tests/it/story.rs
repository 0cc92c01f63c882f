//! A scenario: sends commands to steps by name, and writes a transcript of the results. `world` checks all invariants
//! on the way.

use std::fmt::Write as _;
use std::sync::Arc;

use runyard_engine::event::{Failure, FinalState};
use runyard_engine::{
    ApprovalId, ChildSpec, Command, Completion, Content, Decision, Effect, EffectId, Event, Node, NodeRunId, Object,
    Outcome, Plan, Request, Route, Routed, Start, Verdict, Wait,
};
use serde_json::Value;

use crate::make;
use crate::world::World;

pub(crate) struct Story {
    pub(crate) world: World,
    text: String,
}

impl Story {
    pub(crate) fn new() -> Self {
        Story { world: World::new(), text: String::new() }
    }

    pub(crate) fn start(self, start: Start) -> Self {
        let title = format!("start {}", start.node_type.id);
        self.tell(&title, Command::Start(Arc::new(start)))
    }

    pub(crate) fn planned(self, path: &str, plan: Plan) -> Self {
        let (effect, node_run) = self.effect(path, "plan");
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        self.tell(&format!("planned {path}: {}", steps.join(" ")), Command::Planned { effect, node_run, plan })
    }

    /// The content of a composite is loaded.
    pub(crate) fn loaded(self, path: &str, content: Content) -> Self {
        let (effect, node_run) = self.effect(path, "load");
        let made_of = match &content {
            Content::Graph(graph) => graph.nodes.iter().map(|node| node.key.clone()).collect::<Vec<_>>().join(" "),
            Content::Items(items) => format!("{} items", items.items.len()),
            Content::Agent(agent) => format!("{} tools", agent.tools.len()),
        };
        let command = Command::Loaded { effect, node_run, inputs: None, content };
        self.tell(&format!("loaded {path}: {made_of}"), command)
    }

    /// The call succeeds and returns the next edge of the graph.
    pub(crate) fn goes(self, path: &str, route: Route) -> Self {
        let outputs = make::object(serde_json::json!({ "made": path }));
        let routed = Routed { outputs, route: Some(route), ..Routed::default() };
        self.complete_as(path, &format!("{route:?}"), routed)
    }

    /// The call succeeds and returns more than outputs.
    pub(crate) fn complete_as(self, path: &str, title: &str, routed: Routed) -> Self {
        let (effect, node_run) = self.effect(path, "call");
        let outcome = Outcome::Routed(Box::new(routed));
        self.tell(&format!("settle {path}: {title}"), Command::Settle { effect, node_run, outcome })
    }

    /// The call succeeds with these outputs.
    pub(crate) fn complete_with(self, path: &str, outputs: Value) -> Self {
        let (effect, node_run) = self.effect(path, "call");
        let outcome = Outcome::Succeeded { outputs: make::object(outputs) };
        self.tell(&format!("settle {path}: succeeded"), Command::Settle { effect, node_run, outcome })
    }

    /// The call succeeds.
    pub(crate) fn complete(self, path: &str) -> Self {
        self.complete_with(path, serde_json::json!({ "made": path }))
    }

    /// The call fails.
    pub(crate) fn fail(self, path: &str) -> Self {
        self.settle_failed(path, "call")
    }

    /// The call fails with this failure.
    pub(crate) fn fail_with(self, path: &str, failure: Failure) -> Self {
        let (effect, node_run) = self.effect(path, "call");
        let title = format!("settle {path}: {}", failure.code);
        self.tell(&title, Command::Settle { effect, node_run, outcome: Outcome::Failed(failure) })
    }

    /// The planner fails.
    pub(crate) fn plan_fails(self, path: &str) -> Self {
        self.settle_failed(path, "plan")
    }

    fn settle_failed(self, path: &str, purpose: &str) -> Self {
        let (effect, node_run) = self.effect(path, purpose);
        let outcome = Outcome::Failed(make::failure("broken"));
        self.tell(&format!("settle {path}: failed"), Command::Settle { effect, node_run, outcome })
    }

    /// Time passes without a command.
    pub(crate) fn after_ms(mut self, ms: i64) -> Self {
        self.world.at_ms += ms;
        writeln!(self.text, "> {ms} ms later").unwrap();
        self
    }

    /// A timer fires: `sleep`, `retry`, `attempt` or `wall_time`.
    pub(crate) fn wake(self, path: &str, purpose: &str) -> Self {
        let (effect, node_run) = self.effect(path, purpose);
        self.tell(&format!("wake {path}: {purpose}"), Command::Wake { effect, node_run })
    }

    pub(crate) fn create(self, path: &str, children: Vec<ChildSpec>) -> Self {
        let keys: Vec<&str> = children.iter().map(|child| child.key.as_deref().unwrap_or("(no key)")).collect();
        let parent = self.id(path);
        self.tell(&format!("create in {path}: {}", keys.join(" ")), Command::CreateChildren { parent, children })
    }

    /// The owner of an external composite reports its end.
    pub(crate) fn end(self, path: &str, state: FinalState) -> Self {
        self.end_with(path, make::completion(state))
    }

    pub(crate) fn end_with(self, path: &str, completion: Completion) -> Self {
        let node_run = self.id(path);
        self.tell(&format!("complete {path}: {}", completion.state), Command::Complete { node_run, completion })
    }

    /// The approver approves the approval request of this node run.
    pub(crate) fn approve(self, path: &str) -> Self {
        self.decide(path, Verdict::Approved, None)
    }

    /// The approver denies the approval request.
    pub(crate) fn deny(self, path: &str, comment: &str) -> Self {
        self.decide(path, Verdict::Denied, Some(comment))
    }

    pub(crate) fn decide(self, path: &str, verdict: Verdict, comment: Option<&str>) -> Self {
        let approval = ApprovalId::of(self.world.state.run, self.id(path));
        let (by, comment) = (Some("ada".to_owned()), comment.map(str::to_owned));
        let command = Command::Decide { approval, verdict, by, comment, inputs: None };
        self.tell(&format!("decide {path}: {verdict}"), command)
    }

    /// The approver approves with other inputs.
    pub(crate) fn approve_with(self, path: &str, inputs: Value) -> Self {
        let approval = ApprovalId::of(self.world.state.run, self.id(path));
        let (verdict, inputs) = (Verdict::Approved, Some(make::object(inputs)));
        let command = Command::Decide { approval, verdict, by: None, comment: None, inputs };
        self.tell(&format!("decide {path}: approved with other inputs"), command)
    }

    pub(crate) fn pause(self, reason: &str) -> Self {
        let (reason, by) = (Some(reason.to_owned()), Some("ada".to_owned()));
        self.tell("pause", Command::Pause { reason, by })
    }

    pub(crate) fn resume(self) -> Self {
        self.tell("resume", Command::Resume { by: None })
    }

    pub(crate) fn cancel(self) -> Self {
        self.tell("cancel", Command::Cancel { reason: None })
    }

    /// Submits a command under a title.
    pub(crate) fn tell(mut self, title: &str, command: Command) -> Self {
        writeln!(self.text, "> {title}").unwrap();
        let settled = self.world.wanted.clone();
        match self.world.submit(command) {
            Ok(decision) => self.write(&decision, |effect| settled.get(effect)),
            Err(rejected) => writeln!(self.text, "  refused: {}", self.readable(&rejected.to_string())).unwrap(),
        }
        self
    }

    /// Compares the transcript with the golden file of this name.
    pub(crate) fn matches_transcript(&self, name: &str) {
        golden(name, &self.text);
    }

    /// A node run by its path of keys: `root`, `root/a`.
    pub(crate) fn id(&self, path: &str) -> NodeRunId {
        let (run, mut keys) = (self.world.state.run, path.split('/'));
        assert_eq!(keys.next(), Some("root"), "a path begins at the root");
        keys.fold(NodeRunId::root(run), |parent, key| NodeRunId::child(run, parent, key))
    }

    pub(crate) fn node(&self, path: &str) -> &Node {
        self.world.state.node(self.id(path)).unwrap()
    }

    pub(crate) fn effect(&self, path: &str, purpose: &str) -> (EffectId, NodeRunId) {
        let node_run = self.id(path);
        let node = self.world.state.node(node_run);
        let attempt = if purpose == "wall_time" { 1 } else { node.map_or(1, |node| node.attempt.max(1)) };
        (EffectId::of(self.world.state.run, node_run, purpose, attempt), node_run)
    }

    fn write<'a>(&mut self, decision: &Decision, before: impl Fn(&EffectId) -> Option<&'a Effect>) {
        if decision.events.is_empty() {
            writeln!(self.text, "  nothing changes").unwrap();
        }
        let first = self.world.log.len() - decision.events.len();
        for (index, event) in decision.events.iter().enumerate() {
            let line = self.event(event);
            writeln!(self.text, "{:>4} {line}", first + index + 1).unwrap();
        }
        for effect in &decision.effects {
            let line = self.line_of(effect);
            writeln!(self.text, "   + {line}").unwrap();
        }
        for effect in &decision.dropped {
            let line = before(effect).map(|effect| self.line_of(effect)).unwrap();
            writeln!(self.text, "   - {line}").unwrap();
        }
    }

    fn line_of(&self, effect: &Effect) -> String {
        let path = self.path(effect.node_run);
        match &effect.request {
            Request::Call { inputs, .. } => format!("call {path} {}", Value::Object(inputs.clone())),
            Request::Plan { inputs, .. } => format!("plan {path} {}", Value::Object(inputs.clone())),
            Request::Load { .. } => format!("load {path}"),
            Request::Run { .. } => format!("run {path}"),
            Request::Stop { .. } => format!("stop the run of {path}, try {}", effect.attempt),
            Request::Report { .. } => "report to the run above".to_owned(),
            Request::Wake => format!("wake {path} in {} ms", effect.due_at_ms - self.world.at_ms),
        }
    }

    fn path(&self, id: NodeRunId) -> String {
        match self.world.state.node(id) {
            Some(node) => match node.parent {
                Some(parent) => format!("{}/{}", self.path(parent), node.key),
                None => "root".into(),
            },
            None => "unknown".into(),
        }
    }

    fn event(&self, event: &Event) -> String {
        let name = event.name();
        match event {
            Event::Started { root, .. } => format!("{name} {}", self.path(*root)),
            Event::Decomposed { node_run, round, children, .. } => {
                format!("{name} {} round {round}, {children} children", self.path(*node_run))
            }
            Event::Loaded { node_run, inputs, .. } => {
                format!("{name} {}{}", self.path(*node_run), self.said(inputs.as_ref()))
            }
            Event::NodeDelayed { node_run, until_ms, outputs, .. } => {
                let wait = until_ms - self.world.at_ms;
                format!("{name} {} by {wait} ms{}", self.path(*node_run), self.said(Some(outputs)))
            }
            Event::Launched { node_run, inputs, .. } => {
                format!("{name} {}{}", self.path(*node_run), self.said(inputs.as_ref()))
            }
            Event::CandidatesGenerated { node_run, subtask_id, set } => {
                format!("{name} {} for {subtask_id}: {} of {}", self.path(*node_run), set.candidates.len(), set.id)
            }
            Event::SubtaskMapped { node_run, .. } => format!("{name} {}", self.path(*node_run)),
            Event::ChildCreated(child) => {
                let after: Vec<String> = child.depends_on.iter().map(|id| self.path(*id)).collect();
                let after = if after.is_empty() { String::new() } else { format!(" after {}", after.join(", ")) };
                let whom: Vec<String> = child.fallback_for.iter().map(|id| self.path(*id)).collect();
                let whom = if whom.is_empty() { String::new() } else { format!(" if {} fails", whom.join(", ")) };
                format!("{name} {} {}{after}{whom}", self.path(child.node_run), child.node_type.id)
            }
            Event::NodeStarted { node_run, inputs, attempt } => {
                let again = if *attempt > 1 { format!(" try {attempt}") } else { String::new() };
                format!("{name} {}{again}{}", self.path(*node_run), self.said(inputs.as_ref()))
            }
            Event::AttemptFailed { node_run, attempt, error, retry_at_ms } => {
                let wait = retry_at_ms - self.world.at_ms;
                format!("{name} {} try {attempt} {}, next in {wait} ms", self.path(*node_run), error.code)
            }
            Event::ApprovalAsked { node_run, inputs, .. } => {
                format!("{name} {}{}", self.path(*node_run), self.said(inputs.as_ref()))
            }
            Event::ApprovalDecided { node_run, verdict, by, comment, inputs, .. } => {
                let said = comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
                let said = format!("{said}{}", self.said(inputs.as_ref()));
                format!(
                    "{name} {} {verdict} by {}{said}",
                    self.path(*node_run),
                    by.as_deref().unwrap_or("an unknown caller")
                )
            }
            Event::Paused { reason, by } => {
                format!(
                    "{name} by {}: {}",
                    by.as_deref().unwrap_or("an unknown caller"),
                    reason.as_deref().unwrap_or("no reason")
                )
            }
            Event::Resumed { by } => format!("{name} by {}", by.as_deref().unwrap_or("an unknown caller")),
            Event::NodeQueued { node_run } => format!("{name} {}", self.path(*node_run)),
            Event::NodeWaiting { node_run, wait } => match wait {
                Wait::Timer { .. } => format!("{name} {} for a time", self.path(*node_run)),
                Wait::Children => format!("{name} {} for its children", self.path(*node_run)),
                Wait::External => format!("{name} {} for its owner", self.path(*node_run)),
                Wait::Input => format!("{name} {} for input", self.path(*node_run)),
                Wait::Run => format!("{name} {} for a run", self.path(*node_run)),
                Wait::Approval => format!("{name} {} for an approval", self.path(*node_run)),
            },
            Event::NodeFinished { node_run, state, outputs, error, route, .. } => {
                let route = route.map(|route| format!(" {route:?}")).unwrap_or_default();
                let error =
                    error.as_ref().map(|error| format!(" {}: {}", error.code, error.message)).unwrap_or_default();
                format!("{name} {} {state}{route}{}{error}", self.path(*node_run), self.said(outputs.as_ref()))
            }
            Event::Evaluated { node_run, evaluation } => {
                let reason = evaluation.reason_code.as_deref().unwrap_or("no reason");
                format!("{name} {} {:?} {reason}", self.path(*node_run), evaluation.status)
            }
            Event::RecoveryApplied { node_run, action } => {
                format!("{name} {}{}", self.path(*node_run), self.said(Some(&action.0)))
            }
            Event::Finished { outcome, error, .. } => {
                let error = error.as_ref().map(|error| format!(" {}", error.code)).unwrap_or_default();
                format!("{name} {outcome}{error}")
            }
        }
    }

    /// Formats an object as one line.
    fn said(&self, object: Option<&Object>) -> String {
        object.map(|object| self.readable(&format!(" {}", Value::Object(object.clone())))).unwrap_or_default()
    }

    /// Replaces ids with paths, because ids are derived and long.
    fn readable(&self, text: &str) -> String {
        let nodes = self.world.state.nodes.keys();
        let text = nodes.fold(text.to_owned(), |text, id| text.replace(&id.to_string(), &self.path(*id)));
        let approvals = self.world.state.approvals.iter();
        approvals.fold(text, |text, (id, node)| text.replace(&id.to_string(), &format!("of {}", self.path(*node))))
    }
}

/// Compares a text with the file under `tests/golden/engine/`.
pub(crate) fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/engine"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
