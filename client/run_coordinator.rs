//! ARP Run Coordinator: runs and the node runs that they are made of.

/// What the streams of events are made of. The document has them as text, so they are not among its own types.
pub use runyard_api::arp::schemas::{RunEvent, RunEventType};

use crate::arp::is_final;
use crate::streamed::seq;
use crate::watch::Source;

document!(runyard_api::arp::run_coordinator::client, RunEvent, types::Run, types::ErrorEnvelope);

impl Client {
    /// The events of a node run and of all below it, until it has ended. They keep the `seq` that they have in the run, so
    /// there are gaps.
    pub fn watch_node_run(&self, node_run_id: impl Into<String>) -> Watch {
        Watch::over(NodeRun { client: self.clone(), node_run_id: node_run_id.into() })
    }
}

runs_by_seq!(|run| is_final(run.state));

/// Where the events of a node run come from.
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
