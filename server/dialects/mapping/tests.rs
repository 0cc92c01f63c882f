//! The tables are complete: they have every state and event of the engine, and every served document.

use std::collections::BTreeSet;

use runyard_engine::event::FinalState;
use runyard_engine::{Event, RunOutcome, replay};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

/// The names of an enum's variants, as its deserializer's error lists them.
fn variants<T: DeserializeOwned + std::fmt::Debug>(nonsense: Value) -> BTreeSet<String> {
    let said = serde_json::from_value::<T>(nonsense).unwrap_err().to_string();
    let expected = said.split_once("expected").unwrap_or_else(|| panic!("{said}")).1;
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A value's variant name, and the name of the inner variant if there is one.
fn named<T: serde::Serialize>(value: T) -> Vec<String> {
    match serde_json::to_value(value).unwrap() {
        Value::String(name) => vec![name],
        Value::Object(object) => object
            .into_iter()
            .flat_map(|(name, inner)| {
                let inner = match inner {
                    Value::String(inner) => vec![inner],
                    Value::Object(inner) => inner.keys().cloned().collect(),
                    _ => Vec::new(),
                };
                std::iter::once(name).chain(inner)
            })
            .collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn every_state_has_its_line() {
    let found: BTreeSet<String> = RunStatus::ALL.into_iter().flat_map(named).collect();
    assert_eq!(found, &variants::<RunStatus>(json!("?")) | &variants::<RunOutcome>(json!("?")));
    assert_eq!(run_states().len(), RunStatus::ALL.len());

    let found: BTreeSet<String> = NodeState::ALL.into_iter().flat_map(named).collect();
    let expected =
        [variants::<NodeState>(json!("?")), variants::<Wait>(json!("?")), variants::<FinalState>(json!("?"))];
    assert_eq!(found, expected.into_iter().flatten().collect());
    assert_eq!(node_run_states().len(), NodeState::ALL.len());
}

#[test]
fn every_event_has_its_line() {
    let found: BTreeSet<String> = events().into_iter().map(|line| line.word).collect();
    assert_eq!(found, variants::<Event>(json!({ "type": "?" })));
    let ended = events().into_iter().filter(|line| line.word == "finished").count();
    assert_eq!(ended, variants::<RunOutcome>(json!("?")).len(), "a run's every end");
    let mut seen = BTreeSet::new();
    for line in events() {
        assert!(seen.insert((line.word.clone(), line.when)), "{line:?} stands twice");
        assert_eq!(line.cells.len(), APIS.len());
        assert_eq!(
            line.cells.last().unwrap(),
            std::slice::from_ref(&line.word),
            "the Runyard API shows the log as it is"
        );
    }
}

#[test]
fn the_logs_could_have_happened() {
    for story in sample::stories() {
        let log: Vec<Recorded> = story.steps.into_iter().map(|step| step.recorded).collect();
        let state = replay(story.run, &log).unwrap();
        assert!(runyard_engine::check(&state).is_empty());
        assert!(matches!(state.status, RunStatus::Final(_)));
    }
}

#[test]
fn every_document_has_its_column() {
    let shown: BTreeSet<&str> = APIS.iter().flat_map(|api| api.documents).copied().collect();
    assert_eq!(shown, runyard_api::DOCUMENTS.iter().map(|(document, _)| document.name).collect());
}

#[test]
fn the_mapping_has_the_words_of_the_answers() {
    let cells = |lines: Vec<Line>, word: &str, when: &str| {
        let line = lines.into_iter().find(|line| line.word == word && line.when == when);
        line.unwrap_or_else(|| panic!("no line {word} {when}"))
            .cells
            .iter()
            .map(|cell| cell.join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        cells(run_states(), "waiting", ""),
        ["running", "running", "PAUSED or QUEUED or RUNNING", "running", "running", "waiting"]
    );
    assert_eq!(cells(node_run_states(), "skipped", ""), ["canceled", "", "", "", "success", "skipped"]);
    assert_eq!(
        cells(events(), "started", ""),
        ["run_started node_run_assigned", "step: run_started", "status", "user", "", "started"]
    );
    assert_eq!(
        cells(events(), "finished", "the run was canceled"),
        ["run_completed", "error", "end", "cancelled: warn", "", "finished"]
    );
    assert_eq!(cells(events(), "node_finished", "it never began"), ["", "", "step", "step: info", "", "node_finished"]);
}

#[test]
fn an_event_that_does_not_fit_its_log_is_an_error_in_every_api_and_is_never_dropped() {
    let story = sample::stories().into_iter().next().unwrap();
    let state = State::new(story.run);
    let first = story.steps[0].recorded.clone();
    let node_run = runyard_engine::NodeRunId::child(story.run, runyard_engine::NodeRunId::root(story.run), "unknown");
    let event = Event::NodeFinished {
        node_run,
        state: FinalState::Succeeded,
        outputs: None,
        artifacts: Vec::new(),
        error: None,
        shortfall: None,
        inputs: None,
        route: None,
    };
    let log = [first, Recorded { position: 2, at_ms: 0, event }];
    // The Runyard API shows every event as it is recorded, and Cargo shows none.
    let shown_as_recorded = [runyard::MAPPING.title, cargo_ai::MAPPING.title];
    for api in APIS.iter().filter(|api| !shown_as_recorded.contains(&api.title)) {
        let shown = (api.events)(&state, &log);
        assert_eq!(shown.len(), 2);
        assert!(shown[1].iter().any(|cell| cell.contains("cannot be shown")), "{}: {shown:?}", api.title);
    }
    for line in events() {
        let cells = line.cells.iter().flatten();
        assert!(cells.clone().all(|cell| !cell.contains("cannot be shown")), "{line:?}");
    }
}
