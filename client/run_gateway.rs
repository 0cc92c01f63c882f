//! ARP Run Gateway: start, read, cancel and watch runs.

/// The events of the streams. The document describes streams as text, so its own types do not have them.
pub use runyard_api::arp::schemas::{RunEvent, RunEventType};

use crate::arp::is_final;

document!(runyard_api::arp::run_gateway::client, RunEvent, types::Run, types::ErrorEnvelope);

runs_by_seq!(|run| is_final(run.state));
