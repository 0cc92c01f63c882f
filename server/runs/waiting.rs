//! What a run waits for, in one place for every API that shows it; and input for a run with an open question.

use std::sync::Arc;

use runyard_engine::{Command, Node, NodeKind, NodeRunId, NodeState, RunId, RunStatus, State, Wait};

use super::{Error, Runs};
use crate::store::RunPhase;

/// What a run waits for. If it waits for several, the first of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitingOn {
    /// An approval.
    Approval,
    /// The answer to a question.
    Input,
    /// A resume.
    Paused,
    /// An external worker.
    External,
    /// The end of a sub-run.
    Run,
    /// A time.
    Timer,
}

impl WaitingOn {
    /// Every reason, by rank.
    pub const ALL: [WaitingOn; 6] = [
        WaitingOn::Approval,
        WaitingOn::Input,
        WaitingOn::Paused,
        WaitingOn::External,
        WaitingOn::Run,
        WaitingOn::Timer,
    ];

    /// The reason that a row shows: only what a person has to act on.
    pub fn of_row(phase: RunPhase) -> Option<Self> {
        match phase {
            RunPhase::Plain | RunPhase::Planning => None,
            RunPhase::Asking => Some(WaitingOn::Approval),
            RunPhase::AwaitingInput => Some(WaitingOn::Input),
            RunPhase::Paused => Some(WaitingOn::Paused),
        }
    }
}

/// What a run waits for, and the first node run that does; `None` while a node run is active.
pub fn of(state: &State) -> Option<(WaitingOn, Option<&Node>)> {
    if state.status != RunStatus::Waiting {
        return None;
    }
    if state.paused.is_some() {
        return Some((WaitingOn::Paused, None));
    }
    let nodes = state.order.iter().filter_map(|id| state.node(*id));
    let waiting = nodes.filter_map(|node| Some((reason(node)?, node)));
    waiting.min_by_key(|(reason, node)| (*reason, node.ordinal)).map(|(reason, node)| (reason, Some(node)))
}

fn reason(node: &Node) -> Option<WaitingOn> {
    match node.state {
        NodeState::Waiting(Wait::Approval) => Some(WaitingOn::Approval),
        NodeState::Waiting(Wait::Input) => Some(WaitingOn::Input),
        NodeState::Waiting(Wait::External) => Some(WaitingOn::External),
        NodeState::Waiting(Wait::Run) => Some(WaitingOn::Run),
        NodeState::Waiting(Wait::Timer { .. }) => Some(WaitingOn::Timer),
        // Its children say what they wait for.
        NodeState::Waiting(Wait::Children) => None,
        NodeState::Pending | NodeState::Queued | NodeState::Running | NodeState::Final(_) => None,
    }
}

/// The question of a node run.
pub fn question(node: &Node) -> Option<&str> {
    node.inputs.get("question")?.as_str()
}

impl Runs {
    /// Delivers input to a run with an open question. `node_run` names the question; without it the run must have one
    /// open question.
    ///
    /// # Errors
    /// No question is open, or several are; and the engine's rejections.
    pub async fn deliver_input(
        &self,
        tenant: &str,
        run: RunId,
        node_run: Option<NodeRunId>,
        input: String,
    ) -> Result<Arc<State>, Error> {
        let state = self.by_id(tenant, run).await?;
        let node_run = match node_run {
            Some(node_run) => node_run,
            None => asking(&state)?,
        };
        self.submit(tenant, run, Command::Deliver { node_run, input }).await
    }
}

/// The node run that input is for: the one with an open question, else the one that was answered last, so that the
/// same answer can be repeated.
fn asking(state: &State) -> Result<NodeRunId, Error> {
    let open: Vec<NodeRunId> = state.open_questions().map(|node| node.id).collect();
    match open.as_slice() {
        [only] => Ok(*only),
        [] => {
            let questions = state.order.iter().filter_map(|id| state.node(*id));
            let answered = questions.filter(|node| node.node_type.kind == NodeKind::Ask && !node.is_live());
            let last = answered.max_by_key(|node| (node.ended_at_ms, node.ordinal));
            last.map(|node| node.id).ok_or(Error::NotAsking { run: state.run })
        }
        _ => Err(Error::SeveralQuestions { run: state.run, node_runs: open }),
    }
}
