//! ARP Runtime, of ARP before 0.3: a goal in, an output out.

use serde_json::Value;

use crate::arp::is_final;
use crate::streamed::{Runs, seq};
use crate::watch::Event;

document!(runyard_api::arp::runtime::client, RunEvent, types::RunResult, types::ErrorEnvelope);

/// The events of the stream.
pub use self::types::{RunEvent, RunEventType};

impl Event for RunEvent {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn is_last(&self) -> bool {
        // The standard does not say that an `error` event ends a run. One with `ok: false` of the result does.
        let fails = || self.data.as_ref().and_then(|data| data.get("ok")) == Some(&Value::Bool(false));
        match self.type_ {
            RunEventType::Final => true,
            RunEventType::Error => fails(),
            RunEventType::Token | RunEventType::Step | RunEventType::ToolCall | RunEventType::ToolResult => false,
        }
    }
}

impl Runs for Client {
    type Event = RunEvent;
    type Refusal = types::ErrorEnvelope;
    type Ended = types::RunResult;

    /// Resumes by `Last-Event-ID`, as in server-sent events.
    async fn open(&self, run_id: &str, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
        self.stream_run_events(run_id, None, None, seq(after)).await
    }

    async fn ended(&self, run_id: &str) -> Result<Option<types::RunResult>, Error> {
        if !is_final(self.get_run_status(run_id).await?.state) {
            return Ok(None);
        }
        Ok(Some(self.get_run_result(run_id).await?.into_inner()))
    }
}
