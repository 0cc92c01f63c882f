//! Runyard's own door: every run with its whole tree and its own log.

use crate::document::{Runs, seq};
use crate::watch::Event;

document!(runyard_api::runyard::client, RunEvent, types::Run, types::ErrorEnvelope);

/// What the stream of events is made of.
pub use self::types::RunEvent;

impl Event for RunEvent {
    fn seq(&self) -> u64 {
        self.seq.unsigned_abs()
    }

    fn is_last(&self) -> bool {
        self.type_ == "finished"
    }
}

impl Runs for Client {
    type Event = RunEvent;
    type Refusal = types::ErrorEnvelope;
    type Ended = types::Run;

    async fn open(&self, run_id: &str, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
        self.stream_run_events(run_id, seq(after), None).await
    }

    async fn ended(&self, run_id: &str) -> Result<Option<types::Run>, Error> {
        use types::RunState::{Canceled, Failed, NothingAchieved, Partial, Queued, Running, Succeeded, Waiting};
        let run = self.get_run(run_id).await?.into_inner();
        Ok(match run.state {
            Succeeded | Partial | NothingAchieved | Failed | Canceled => Some(run),
            Queued | Running | Waiting => None,
        })
    }
}
