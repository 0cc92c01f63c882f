//! Every value of the enums in this document, as in `dialects/said.rs`.

use std::collections::BTreeSet;

use runyard_api::acp::types;

use super::{FACE, wire};
use crate::dialects::mapping;
use crate::dialects::said::{RUN_STATES, Said, holds, text};
use Said::{Never, Now};

fn run_status(word: types::RunStatus) -> Said {
    use types::RunStatus::{Cancelled, Completed, Failed, Queued, Running};
    match word {
        Queued | Running | Completed | Failed | Cancelled => Now,
    }
}

fn role(word: types::EventRole) -> Said {
    use types::EventRole::{Assistant, ExecutionLog, System, User};
    match word {
        User | Assistant | ExecutionLog => Now,
        System => Never { because: "no run has a system prompt; a thread's own message may have the role" },
    }
}

fn log_level(word: types::LogLevel) -> Said {
    use types::LogLevel::{Error, Info, Success, Warn};
    match word {
        Info | Success | Warn | Error => Now,
    }
}

#[test]
fn the_words_of_this_face_are_said_or_known_not_to_be() {
    holds(FACE, "RunStatus", run_status, RUN_STATES.map(wire::run_status).map(text));
    // The values in the mapping tables: a role, or the type of a log entry and its level.
    let place = mapping::APIS.iter().position(|api| api.documents.contains(&FACE)).unwrap();
    let shown: BTreeSet<String> = mapping::events().into_iter().flat_map(|line| line.cells[place].clone()).collect();
    let levels = || shown.iter().filter_map(|word| word.split_once(": ")).map(|(_, level)| level.to_owned());
    let roles = shown.iter().filter(|word| !word.contains(": ")).cloned();
    let log = levels().next().map(|_| types::EventRole::ExecutionLog.to_string());
    holds(FACE, "EventRole", role, roles.chain(log));
    holds(FACE, "LogLevel", log_level, levels());
}
