//! Every value of the enums in this document, as in `dialects/said.rs`.

use runyard_api::cargo::types;
use runyard_engine::Shortfall;

use super::{FACE, batches, executions, wire};
use crate::dialects::said::{RUN_STATES, Said, holds, node_states, text};
use Said::{Never, Now};

fn run_status(word: types::RunStatus) -> Said {
    use types::RunStatus::{Cancelled, Cancelling, Error, Idle, Pending, Running, Skipped, Success};
    match word {
        Pending | Running | Success | Error | Cancelled => Now,
        Idle => Never { because: "a run is queued from its start on" },
        Cancelling => Never { because: "a run that is cancelled has ended at once" },
        Skipped => Never { because: "only plays pass runs over, and there are none" },
    }
}

fn execution_status(word: types::ExecutionStatus) -> Said {
    use types::ExecutionStatus::{Error, Pending, Success};
    match word {
        Pending | Success | Error => Now,
    }
}

fn batch_status(word: types::BatchStatus) -> Said {
    use types::BatchStatus::{Cancelled, Cancelling, Error, Pending, Querying, Running, Skipped, Success, Syncing};
    match word {
        Pending | Running | Success | Error | Cancelled => Now,
        Syncing | Querying => Never { because: "records are brought along" },
        Skipped => Never { because: "only plays pass batches over, and there are none" },
        Cancelling => Never { because: "a batch that is cancelled has ended at once" },
    }
}

#[test]
fn the_words_of_this_face_are_said_or_known_not_to_be() {
    holds(FACE, "RunStatus", run_status, RUN_STATES.map(wire::run_status).map(text));
    let executions = node_states().map(|state| executions::status(state, None)).map(text);
    holds(FACE, "BatchStatus", batch_status, RUN_STATES.map(batches::status).map(text));
    holds(FACE, "ExecutionStatus", execution_status, executions);
}

#[test]
fn a_group_of_which_some_items_failed_has_done_what_it_was_for() {
    use runyard_engine::NodeState::Final;
    use runyard_engine::event::FinalState::Failed;
    assert_eq!(executions::status(Final(Failed), Some(Shortfall::Partial)), types::ExecutionStatus::Success);
    assert_eq!(executions::status(Final(Failed), Some(Shortfall::NothingAchieved)), types::ExecutionStatus::Error);
}
