//! The row that lists show of a run, derived from its state and written with every commit.

use runyard_engine::{Node, NodeKind, NodeTypeRef, Object, RunOutcome, RunStatus, Start, State};

use crate::store::{RunPhase, RunRow};

/// How many characters of a goal a list shows.
const TITLE_CHARACTERS_MAX: usize = 200;

/// The row of a run that has started.
pub fn derive(state: &State) -> RunRow {
    let start = state.start.as_deref();
    RunRow {
        run: state.run,
        name: start.and_then(|start| start.name.clone()),
        api: start.map(|start| start.api.clone()).unwrap_or_default(),
        node_type: start.map(|start| start.node_type.id.clone()).unwrap_or_default(),
        turn: start.and_then(|start| start.turn.clone()),
        title: start.and_then(title),
        status: state.status,
        phase: phase(state),
        reason: match state.status {
            RunStatus::Queued | RunStatus::Running | RunStatus::Waiting | RunStatus::Final(RunOutcome::Succeeded) => {
                None
            }
            RunStatus::Final(
                RunOutcome::Partial | RunOutcome::NothingAchieved | RunOutcome::Failed | RunOutcome::Canceled,
            ) => state.error.as_ref().map(|error| error.code.to_string()),
        },
        version: state.version,
        created_at_ms: state.started_at_ms.unwrap_or_default(),
        updated_at_ms: state.updated_at_ms.unwrap_or_default(),
        ended_at_ms: state.ended_at_ms,
    }
}

/// The phase of a run, if its status does not say it.
pub fn phase(state: &State) -> RunPhase {
    let planned = |root: &Node| root.node_type.kind != NodeKind::Plan || root.rounds > 0;
    match (state.status, state.root()) {
        (RunStatus::Running | RunStatus::Waiting, Some(root)) if !planned(root) => RunPhase::Planning,
        (RunStatus::Waiting, _) if state.paused.is_some() => RunPhase::Paused,
        (RunStatus::Waiting, _) if state.is_asking() => RunPhase::Asking,
        (RunStatus::Waiting, _) if state.has_open_question() => RunPhase::AwaitingInput,
        _ => RunPhase::Plain,
    }
}

/// The title that lists of every API show. A run of an older build without a goal has none.
pub fn title(start: &Start) -> Option<String> {
    start.title.clone().or_else(|| goal(&start.inputs))
}

/// The title that a run is stored with: the caller's, else the question or name, else the node type. `None` if the
/// goal, which is stored anyway, is the title.
pub(super) fn given_title(said: Option<&str>, inputs: &Object, node_type: &NodeTypeRef) -> Option<String> {
    let said = said.map(in_one_line).filter(|title| !title.is_empty());
    if said.is_some() || goal(inputs).is_some() {
        return said;
    }
    let named = ["question", "title", "name"].iter().find_map(|key| inputs.get(*key)?.as_str());
    let named = named.map(in_one_line).filter(|title| !title.is_empty());
    Some(named.unwrap_or_else(|| in_one_line(&node_type.id)))
}

/// The goal in a node run's inputs, as a list shows it.
pub(super) fn goal(inputs: &Object) -> Option<String> {
    let goal = ["goal", "prompt"].iter().find_map(|key| inputs.get(*key)?.as_str())?;
    Some(in_one_line(goal))
}

/// A text as a list shows it: one line, cut.
pub(super) fn in_one_line(text: &str) -> String {
    text.chars().take(TITLE_CHARACTERS_MAX).collect()
}
