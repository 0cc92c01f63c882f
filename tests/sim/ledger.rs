//! Counts the drawn and seen variants, so that none is left out by accident: one list per vocabulary of the engine,
//! each made from an exhaustive match. A new variant of the engine does not compile until it is here, and fails the run
//! until it is seen.

use std::collections::BTreeMap;

use runyard_engine::event::FinalState;
use runyard_engine::{Command, Event, NodeKind, NodeState, Outcome, Request, RunOutcome, State, Verdict, Wait};

/// The variants of one vocabulary, and which of them a value is.
macro_rules! vocabulary {
    ($list:ident, $word:ident($type:ty): $($pattern:pat => $name:literal),+ $(,)?) => {
        #[doc = concat!("Every word of `", stringify!($type), "`.")]
        pub const $list: &[&str] = &[$($name),+];

        #[doc = concat!("The word of a `", stringify!($type), "`.")]
        pub fn $word(value: &$type) -> &'static str {
            match value {
                $($pattern => $name),+
            }
        }
    };
}

vocabulary!(COMMANDS, command(Command):
    Command::Start(_) => "command start",
    Command::Planned { .. } => "command planned",
    Command::Loaded { .. } => "command loaded",
    Command::Settle { .. } => "command settle",
    Command::Wake { .. } => "command wake",
    Command::CreateChildren { .. } => "command create children",
    Command::Complete { .. } => "command complete",
    Command::Evaluate { .. } => "command evaluate",
    Command::Launched { .. } => "command launched",
    Command::Report { .. } => "command report",
    Command::Deliver { .. } => "command deliver",
    Command::Decide { .. } => "command decide",
    Command::Pause { .. } => "command pause",
    Command::Resume { .. } => "command resume",
    Command::Fail { .. } => "command fail",
    Command::Cancel { .. } => "command cancel",
);

vocabulary!(EVENTS, event(Event):
    Event::Started { .. } => "started",
    Event::Decomposed { .. } => "decomposed",
    Event::Loaded { .. } => "loaded",
    Event::CandidatesGenerated { .. } => "candidates generated",
    Event::SubtaskMapped { .. } => "subtask mapped",
    Event::ChildCreated(_) => "child created",
    Event::NodeStarted { .. } => "node started",
    Event::ApprovalAsked { .. } => "approval asked",
    Event::ApprovalDecided { verdict: Verdict::Approved, .. } => "approval given",
    Event::ApprovalDecided { verdict: Verdict::Denied, .. } => "approval denied",
    Event::Paused { .. } => "paused",
    Event::Resumed { .. } => "resumed",
    Event::AttemptFailed { .. } => "attempt failed",
    Event::NodeQueued { .. } => "node queued",
    Event::NodeWaiting { .. } => "node waiting",
    Event::NodeDelayed { .. } => "node delayed",
    Event::Launched { .. } => "launched",
    Event::NodeFinished { .. } => "node finished",
    Event::Evaluated { .. } => "evaluated",
    Event::RecoveryApplied { .. } => "recovery applied",
    Event::Finished { .. } => "finished",
);

vocabulary!(REQUESTS, request(Request):
    Request::Call { .. } => "request call",
    Request::Plan { .. } => "request plan",
    Request::Load { .. } => "request load",
    Request::Run { .. } => "request run",
    Request::Stop { .. } => "request stop",
    Request::Report { .. } => "request report",
    Request::Wake => "request wake",
);

vocabulary!(KINDS, kind(NodeKind):
    NodeKind::Call => "kind call",
    NodeKind::Sleep => "kind sleep",
    NodeKind::Ask => "kind ask",
    NodeKind::Run => "kind run",
    NodeKind::Plan => "kind plan",
    NodeKind::External => "kind external",
    NodeKind::Graph => "kind graph",
    NodeKind::Each => "kind each",
    NodeKind::Agent => "kind agent",
);

vocabulary!(STATES, state(NodeState):
    NodeState::Pending => "pending",
    NodeState::Queued => "queued",
    NodeState::Running => "running",
    NodeState::Waiting(Wait::Timer { .. }) => "waiting for a time",
    NodeState::Waiting(Wait::Children) => "waiting for children",
    NodeState::Waiting(Wait::External) => "waiting outside",
    NodeState::Waiting(Wait::Input) => "waiting for input",
    NodeState::Waiting(Wait::Run) => "waiting for a run",
    NodeState::Waiting(Wait::Approval) => "waiting for an approval",
    NodeState::Final(FinalState::Succeeded) => "succeeded",
    NodeState::Final(FinalState::Failed) => "failed",
    NodeState::Final(FinalState::Canceled) => "canceled",
    NodeState::Final(FinalState::Skipped) => "skipped",
);

vocabulary!(OUTCOMES, outcome(RunOutcome):
    RunOutcome::Succeeded => "run succeeded",
    RunOutcome::Partial => "run partial",
    RunOutcome::NothingAchieved => "run achieved nothing",
    RunOutcome::Failed => "run failed",
    RunOutcome::Canceled => "run canceled",
);

vocabulary!(RESULTS, result(Outcome):
    Outcome::Succeeded { .. } => "result success",
    Outcome::Routed(_) => "result routed",
    Outcome::Failed(_) => "result failure",
    Outcome::FailedWith { .. } => "result failure with inputs",
    Outcome::TimedOut => "result timed out",
);

const ALL: [&[&str]; 7] = [COMMANDS, EVENTS, REQUESTS, KINDS, STATES, OUTCOMES, RESULTS];

/// How often each variant was seen.
#[derive(Debug, Clone, Default)]
pub struct Ledger(BTreeMap<&'static str, u64>);

impl Ledger {
    /// Counts a variant. It must be in the list, which a vocabulary that is missing in `ALL` would not be.
    pub fn met(&mut self, list: &[&'static str], word: &'static str) {
        debug_assert!(list.contains(&word));
        *self.0.entry(word).or_default() += 1;
    }

    /// Counts everything in a state.
    pub fn states(&mut self, seen: &State) {
        for node in seen.nodes.values() {
            self.met(KINDS, kind(&node.node_type.kind));
            self.met(STATES, state(&node.state));
        }
        if let runyard_engine::RunStatus::Final(ended) = &seen.status {
            self.met(OUTCOMES, outcome(ended));
        }
    }

    /// Adds the counts of another world.
    pub fn add(&mut self, other: &Ledger) {
        for (word, times) in &other.0 {
            *self.0.entry(word).or_default() += times;
        }
    }

    /// Every variant of the engine that was never seen.
    pub fn missing(&self) -> Vec<&'static str> {
        ALL.iter().copied().flatten().copied().filter(|word| !self.0.contains_key(word)).collect()
    }
}

impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = self.0.iter().map(|(word, times)| format!("{word} {times}")).collect();
        f.write_str(&words.join(", "))
    }
}
