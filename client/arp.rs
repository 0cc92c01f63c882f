//! What the documents of ARP share: events, and which states are final.

use runyard_api::arp::schemas::RunState;
#[cfg(any(feature = "run-gateway", feature = "run-coordinator"))]
use runyard_api::arp::schemas::{RunEvent, RunEventType};

#[cfg(any(feature = "run-gateway", feature = "run-coordinator"))]
impl crate::watch::Event for RunEvent {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn is_last(&self) -> bool {
        self.type_ == RunEventType::RunCompleted
    }
}

/// Whether a run has ended.
pub(crate) fn is_final(state: RunState) -> bool {
    match state {
        RunState::Succeeded | RunState::Failed | RunState::Canceled => true,
        RunState::Queued | RunState::Running => false,
    }
}
