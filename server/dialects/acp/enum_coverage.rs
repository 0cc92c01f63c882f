//! Every value of the enums in this document, as in `dialects/enum_coverage.rs`.

use std::collections::BTreeSet;

use runyard_api::acp::types;

use super::{API, wire};
use crate::dialects::enum_coverage::{Coverage, RUN_STATES, covers, text};
use crate::dialects::mapping;
use Coverage::{Unused, Used};

fn run_status(word: types::RunStatus) -> Coverage {
    use types::RunStatus::{Cancelled, Completed, Failed, Queued, Running};
    match word {
        Queued | Running | Completed | Failed | Cancelled => Used,
    }
}

fn role(word: types::EventRole) -> Coverage {
    use types::EventRole::{Assistant, ExecutionLog, System, User};
    match word {
        User | Assistant | ExecutionLog => Used,
        System => Unused { because: "no run has a system prompt; a thread's own message may have the role" },
    }
}

fn log_level(word: types::LogLevel) -> Coverage {
    use types::LogLevel::{Error, Info, Success, Warn};
    match word {
        Info | Success | Warn | Error => Used,
    }
}

#[test]
fn every_enum_value_of_the_document_is_used_or_known_to_be_unused() {
    covers(API, "RunStatus", run_status, RUN_STATES.map(wire::run_status).map(text));
    // The values in the mapping tables: a role, or the type of a log entry and its level.
    let place = mapping::APIS.iter().position(|api| api.documents.contains(&API)).unwrap();
    let shown: BTreeSet<String> = mapping::events().into_iter().flat_map(|line| line.cells[place].clone()).collect();
    let levels = || shown.iter().filter_map(|word| word.split_once(": ")).map(|(_, level)| level.to_owned());
    let roles = shown.iter().filter(|word| !word.contains(": ")).cloned();
    let log = levels().next().map(|_| types::EventRole::ExecutionLog.to_string());
    covers(API, "EventRole", role, roles.chain(log));
    covers(API, "LogLevel", log_level, levels());
}
