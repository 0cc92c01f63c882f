//! ARP Run Gateway: start, look at, cancel and watch runs.

/// What the streams of events are made of. The document has them as text, so they are not among its own types.
pub use runyard_api::arp::schemas::{RunEvent, RunEventType};

use crate::arp::is_final;
use crate::document::{Runs, seq};

document!(runyard_api::arp::run_gateway::client, RunEvent, types::Run, types::ErrorEnvelope);

impl Runs for Client {
    type Event = RunEvent;
    type Refusal = types::ErrorEnvelope;
    type Ended = types::Run;

    async fn open(&self, run_id: &str, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
        self.stream_run_events(run_id, seq(after), None).await
    }

    async fn ended(&self, run_id: &str) -> Result<Option<types::Run>, Error> {
        let run = self.get_run(run_id).await?.into_inner();
        Ok(is_final(run.state).then_some(run))
    }
}
