//! toolregistry.ai: runs that pursue an intent with the tools of integrations.

use crate::streamed::{Runs, seq};
use crate::watch::Event;

document!(runyard_api::toolregistry::client, RunEvent, types::RunDto, types::Error);

/// The events of the stream.
pub use self::types::{RunEvent, RunEventEvent};

impl Event for RunEvent {
    fn seq(&self) -> u64 {
        self.id.get()
    }

    fn is_last(&self) -> bool {
        self.event == RunEventEvent::End
    }
}

impl Runs for Client {
    type Event = RunEvent;
    type Refusal = types::Error;
    type Ended = types::RunDto;

    async fn open(&self, run_id: &str, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
        self.run_controller_sse(run_id, None, None, seq(after)).await
    }

    async fn ended(&self, run_id: &str) -> Result<Option<types::RunDto>, Error> {
        use types::RunStatus::{
            AuthRequired, Canceled, Failed, NoSuccess, PartialSuccess, Paused, Queued, Running, Success,
        };
        let run = self.run_controller_get_run(run_id, None).await?.into_inner();
        Ok(match run.status {
            Success | PartialSuccess | NoSuccess | Failed | Canceled => Some(run),
            Queued | Running | AuthRequired | Paused => None,
        })
    }
}
