//! ARP Run Gateway: start, look at, cancel and watch runs.

/// What the streams of events are made of. The document has them as text, so they are not among its own types.
pub use runyard_api::arp::schemas::{RunEvent, RunEventType};

use crate::arp::is_final;

document!(runyard_api::arp::run_gateway::client, RunEvent, types::Run, types::ErrorEnvelope);

runs_by_seq!(|run| is_final(run.state));
