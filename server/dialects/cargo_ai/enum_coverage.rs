//! Every value of the enums in this document, as in `dialects/enum_coverage.rs`.

use runyard_api::cargo::types;
use runyard_engine::Shortfall;

use super::{API, batches, executions, wire};
use crate::dialects::enum_coverage::{Coverage, RUN_STATES, covers, node_states, text};
use Coverage::{Unused, Used};

fn run_status(word: types::RunStatus) -> Coverage {
    use types::RunStatus::{Cancelled, Cancelling, Error, Idle, Pending, Running, Skipped, Success};
    match word {
        Pending | Running | Success | Error | Cancelled => Used,
        Idle => Unused { because: "a run is queued from its start on" },
        Cancelling => Unused { because: "a run that is cancelled has ended at once" },
        Skipped => Unused { because: "only plays pass runs over, and there are none" },
    }
}

fn execution_status(word: types::ExecutionStatus) -> Coverage {
    use types::ExecutionStatus::{Error, Pending, Success};
    match word {
        Pending | Success | Error => Used,
    }
}

fn batch_status(word: types::BatchStatus) -> Coverage {
    use types::BatchStatus::{Cancelled, Cancelling, Error, Pending, Querying, Running, Skipped, Success, Syncing};
    match word {
        Pending | Running | Success | Error | Cancelled => Used,
        Syncing | Querying => Unused { because: "records are brought along" },
        Skipped => Unused { because: "only plays pass batches over, and there are none" },
        Cancelling => Unused { because: "a batch that is cancelled has ended at once" },
    }
}

#[test]
fn every_enum_value_of_the_document_is_used_or_known_to_be_unused() {
    covers(API, "RunStatus", run_status, RUN_STATES.map(wire::run_status).map(text));
    let executions = node_states().map(|state| executions::status(state, None)).map(text);
    covers(API, "BatchStatus", batch_status, RUN_STATES.map(batches::status).map(text));
    covers(API, "ExecutionStatus", execution_status, executions);
}

#[test]
fn a_group_of_which_some_items_failed_has_done_what_it_was_for() {
    use runyard_engine::NodeState::Final;
    use runyard_engine::event::FinalState::Failed;
    assert_eq!(executions::status(Final(Failed), Some(Shortfall::Partial)), types::ExecutionStatus::Success);
    assert_eq!(executions::status(Final(Failed), Some(Shortfall::NothingAchieved)), types::ExecutionStatus::Error);
}
