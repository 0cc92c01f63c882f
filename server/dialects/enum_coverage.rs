//! Every value of the enums that documents define for answers: which code produces it, or why it never occurs.
//!
//! The matches are exhaustive on purpose. A value that a document adds does not compile here until a developer has
//! decided which of the two applies. Tests compare the decision with the dialect modules. The values of the Runyard API
//! are in `runyard/enum_coverage.rs`. States of runs and types of events are also read by the command line, exhaustively.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use runyard_api::DOCUMENTS;
use runyard_api::arp::{runtime, schemas as standard};
use runyard_engine::event::{EvaluationStatus, FinalState};
use runyard_engine::{NodeState, RunOutcome, RunStatus, Wait};
use serde_json::{Value, json};

use super::arp::{self, wire};
use super::common::mapping::ApiMapping;
use super::mapping;

/// Whether a value ever occurs in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    /// The value occurs.
    Used,
    /// The value never occurs, for this reason.
    Unused { because: &'static str },
}
use Coverage::{Unused, Used};

fn run_state(word: standard::RunState) -> Coverage {
    use standard::RunState::{Canceled, Failed, Queued, Running, Succeeded};
    match word {
        Queued | Running | Succeeded | Failed | Canceled => Used,
    }
}

fn node_run_state(word: standard::NodeRunState) -> Coverage {
    use standard::NodeRunState::{Assigned, Canceled, Failed, Queued, Running, Succeeded};
    match word {
        Queued | Running | Succeeded | Failed | Canceled => Used,
        Assigned => Unused { because: "node runs are not assigned to executors elsewhere" },
    }
}

fn evaluation(word: standard::EvaluationStatus) -> Coverage {
    use standard::EvaluationStatus::{Fail, Success, Unknown};
    match word {
        Success | Fail | Unknown => Used,
    }
}

fn event_type(word: standard::RunEventType) -> Coverage {
    use standard::RunEventType as Type;
    match word {
        Type::RunStarted
        | Type::NodeRunAssigned
        | Type::CompositeDecomposed
        | Type::CandidateSetGenerated
        | Type::SubtaskMapped
        | Type::AtomicExecuted
        | Type::NodeEvaluated
        | Type::RecoveryApplied
        | Type::RunCompleted => Used,
        Type::PolicyDecided => Unused { because: "no policy can be configured" },
    }
}

fn event_type_of_the_runtime(word: runtime::types::RunEventType) -> Coverage {
    use runtime::types::RunEventType as Type;
    match word {
        Type::Step | Type::ToolCall | Type::ToolResult | Type::Final | Type::Error => Used,
        Type::Token => Unused { because: "tokens come from a model, and none can be configured" },
    }
}

pub(super) const RUN_STATES: [RunStatus; 8] = [
    RunStatus::Queued,
    RunStatus::Running,
    RunStatus::Waiting,
    RunStatus::Final(RunOutcome::Succeeded),
    RunStatus::Final(RunOutcome::Partial),
    RunStatus::Final(RunOutcome::NothingAchieved),
    RunStatus::Final(RunOutcome::Failed),
    RunStatus::Final(RunOutcome::Canceled),
];
pub(super) const WAITS: [Wait; 6] =
    [Wait::Timer { until_ms: 0 }, Wait::Children, Wait::External, Wait::Input, Wait::Run, Wait::Approval];
const FINALS: [FinalState; 4] = [FinalState::Succeeded, FinalState::Failed, FinalState::Canceled, FinalState::Skipped];
pub(super) const EVALUATIONS: [EvaluationStatus; 3] =
    [EvaluationStatus::Success, EvaluationStatus::Fail, EvaluationStatus::Unknown];

pub(super) fn node_states() -> impl Iterator<Item = NodeState> {
    let open = [NodeState::Pending, NodeState::Queued, NodeState::Running];
    open.into_iter().chain(WAITS.map(NodeState::Waiting)).chain(FINALS.map(NodeState::Final))
}

/// Checks that this file covers the document's list of values, and that the values marked `Used` are those that the
/// dialect module produces.
pub(super) fn covers<Word: FromStr>(
    document: &str,
    list: &str,
    decided: fn(Word) -> Coverage,
    said: impl IntoIterator<Item = String>,
) {
    let pointer = format!("/components/schemas/{list}/enum");
    let (served, _) = DOCUMENTS.iter().find(|(one, _)| one.name == document).unwrap();
    // The lines of an event stream are schemas of the standard that no document refers to.
    let standard = || serde_saphyr::from_str(include_str!("../../openapi/arp/schemas.yaml")).unwrap();
    let whole: Value = serde_json::from_str(served.full_json).unwrap();
    let whole = if whole.pointer(&pointer).is_some() { whole } else { standard() };
    let words = whole.pointer(&pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list {list}"));
    let words = words.iter().map(|word| word.as_str().unwrap().to_owned());
    let decide = |word: &String| word.parse().ok().map(decided).unwrap_or_else(|| panic!("{list} has no {word}"));
    let now: BTreeSet<String> = words.filter(|word| decide(word) == Coverage::Used).collect();
    assert_eq!(now, said.into_iter().collect::<BTreeSet<String>>(), "{document}: {list}");
}

pub(super) fn text(word: impl Display) -> String {
    word.to_string()
}

/// The names of engine values that answers contain unchanged.
pub(super) fn passed_on<T: serde::Serialize>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| json!(value).as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_enum_value_of_the_standard_is_used_or_known_to_be_unused() {
    for document in ["run-gateway", "run-coordinator", "runtime"] {
        covers(document, "RunState", run_state, RUN_STATES.map(wire::run_state).map(text));
    }
    covers("run-coordinator", "NodeRunState", node_run_state, node_states().map(wire::node_state).map(text));
    covers("run-coordinator", "EvaluationStatus", evaluation, passed_on(EVALUATIONS));
}

/// The values in an API's column of the table of events: those that its projection shows for the sample logs.
fn events_of(api: &ApiMapping) -> BTreeSet<String> {
    let place = mapping::APIS.iter().position(|one| one.documents == api.documents).unwrap();
    mapping::events().into_iter().flat_map(|line| line.cells[place].clone()).collect()
}

#[test]
fn every_event_type_is_used_or_known_to_be_unused() {
    covers("run-coordinator", "RunEventType", event_type, events_of(&arp::MAPPING));
    // A step's cell also has which kind of step it is.
    let types = events_of(&super::runtime::MAPPING);
    let types: BTreeSet<String> = types.iter().filter_map(|word| word.split(": ").next()).map(str::to_owned).collect();
    covers("runtime", "RunEventType", event_type_of_the_runtime, types);
}
