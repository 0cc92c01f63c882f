//! ARP Run Coordinator: runs and their node runs.

/// The events of the streams. The document describes streams as text, so its own types do not have them.
pub use runyard_api::arp::schemas::{RunEvent, RunEventType};

use crate::arp::is_final;
use crate::streamed::seq;
use crate::watch::Source;

document!(runyard_api::arp::run_coordinator::client, RunEvent, types::Run, types::ErrorEnvelope);

impl Client {
    /// The events of a node run and of its descendants, until it has ended. They have the `seq` of the run's stream, so
    /// there are gaps.
    pub fn watch_node_run(&self, node_run_id: impl Into<String>) -> Watch {
        Watch::over(NodeRun { client: self.clone(), node_run_id: node_run_id.into() })
    }
}

runs_by_seq!(|run| is_final(run.state));

/// The source of a node run's events.
struct NodeRun {
    client: Client,
    node_run_id: String,
}

impl Source for NodeRun {
    type Refusal = types::ErrorEnvelope;

    async fn open(&self, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
        self.client.stream_node_run_events(&self.node_run_id, seq(after), None, None).await
    }

    async fn has_ended(&self) -> Result<bool, Error> {
        use types::NodeRunState::{Assigned, Canceled, Failed, Queued, Running, Succeeded};
        Ok(match self.client.get_node_run(&self.node_run_id).await?.state {
            Succeeded | Failed | Canceled => true,
            Queued | Assigned | Running => false,
        })
    }
}
