//! What the ARP dialect modules share, because their documents share it: schemas, run operations, events, errors.

pub mod error;
mod policy;
pub mod project;
pub mod runs;
pub mod service;
pub mod stream;
pub mod wire;

use super::common::mapping::{ApiMapping, event_types};
use crate::feed::Projection;

/// How runs appear in both ARP APIs.
pub const MAPPING: ApiMapping = ApiMapping {
    title: "ARP Run Gateway and Run Coordinator",
    documents: &["run-gateway", "run-coordinator"],
    run: |status| wire::run_state(status).to_string(),
    node_run: Some(|state| wire::node_state(state).to_string()),
    events: |state, log| {
        let mut projection = <project::Projection as Projection>::of(state);
        event_types(log, |recorded| projection.project(recorded), |shown| project::types(&shown))
    },
};
