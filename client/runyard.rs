//! The Runyard API: every run with its whole tree and its own log.

use crate::watch::Event;

document!(runyard_api::runyard::client, RunEvent, types::Run, types::ErrorEnvelope);

/// The events of the stream.
pub use self::types::RunEvent;

impl Event for RunEvent {
    fn seq(&self) -> u64 {
        self.seq.unsigned_abs()
    }

    fn is_last(&self) -> bool {
        self.type_ == "finished"
    }
}

runs_by_seq!(|run| {
    use types::RunState::{Canceled, Failed, NothingAchieved, Partial, Queued, Running, Succeeded, Waiting};
    match run.state {
        Succeeded | Partial | NothingAchieved | Failed | Canceled => true,
        Queued | Running | Waiting => false,
    }
});
