//! How one run appears in every API: the tables of the API reference.
//!
//! The tables are not written by hand. Each dialect module computes its cells with the functions that answer requests,
//! over every state and over logs (`sample`) with every event. An API is one row in [`APIS`].

mod sample;

use runyard_engine::{NodeState, Recorded, RunStatus, State, Wait};

use super::common::mapping::ApiMapping;
use super::{acp, arp, cargo_ai, runtime, runyard, toolregistry};

/// Every API, in the order of the ports.
pub const APIS: [ApiMapping; 6] =
    [arp::MAPPING, runtime::MAPPING, toolregistry::MAPPING, acp::MAPPING, cargo_ai::MAPPING, runyard::MAPPING];

/// One line of a table: the engine's state or event, its condition, and what each API shows for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The engine's name.
    pub word: String,
    /// Distinguishes lines with the same name.
    pub when: &'static str,
    /// One cell per API: the values that it shows. Empty if it shows nothing.
    pub cells: Vec<Vec<String>>,
}

/// Every state of a run.
pub fn run_states() -> Vec<Line> {
    let line = |status: RunStatus| Line {
        word: run_word(status),
        when: "",
        cells: APIS.iter().map(|api| vec![(api.run)(status)]).collect(),
    };
    RunStatus::ALL.into_iter().map(line).collect()
}

/// Every state of a node run.
pub fn node_run_states() -> Vec<Line> {
    let line = |state: NodeState| Line {
        word: node_word(state),
        when: node_when(state),
        cells: APIS.iter().map(|api| api.node_run.map(|shown| shown(state)).into_iter().collect()).collect(),
    };
    NodeState::ALL.into_iter().map(line).collect()
}

/// Every event. An event that is shown in several ways has a line for each.
pub fn events() -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for story in sample::stories() {
        let state = State::new(story.run);
        let log: Vec<Recorded> = story.steps.iter().map(|step| step.recorded.clone()).collect();
        let shown: Vec<Vec<Vec<String>>> = APIS.iter().map(|api| (api.events)(&state, &log)).collect();
        for (index, step) in story.steps.iter().enumerate() {
            let Some(when) = step.when else { continue };
            let cell = |api: &Vec<Vec<String>>| api.get(index).cloned().unwrap_or_default();
            let word = step.recorded.event.name().to_owned();
            lines.push(Line { word, when, cells: shown.iter().map(cell).collect() });
        }
    }
    lines.dedup();
    lines
}

fn run_word(status: RunStatus) -> String {
    match status {
        RunStatus::Queued => "queued".to_owned(),
        RunStatus::Running => "running".to_owned(),
        RunStatus::Waiting => "waiting".to_owned(),
        RunStatus::Final(outcome) => outcome.to_string(),
    }
}

fn node_word(state: NodeState) -> String {
    match state {
        NodeState::Waiting(_) => "waiting".to_owned(),
        other => other.to_string(),
    }
}

fn node_when(state: NodeState) -> &'static str {
    match state {
        NodeState::Waiting(Wait::Timer { .. }) => "for a time",
        NodeState::Waiting(Wait::Children) => "for its children",
        NodeState::Waiting(Wait::External) => "for an external worker",
        NodeState::Waiting(Wait::Input) => "for input",
        NodeState::Waiting(Wait::Run) => "for a run that it has started",
        NodeState::Waiting(Wait::Approval) => "for an approval",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
