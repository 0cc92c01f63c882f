//! `runyard.graph.delay`: waits for minutes.

use runyard_engine::event::Failure;
use runyard_engine::{NodeKind, Routed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{made, read};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.graph.delay";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// How long to wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayInputs {
    /// Minutes, fractions allowed; at most 366 days.
    #[schemars(range(min = 0.0, max = 527_040.0))]
    pub minutes: f64,
}

/// How long the node waited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DelayOutputs {
    /// Minutes, as requested.
    pub minutes: f64,
}

fn entry() -> Entry {
    Entry::of::<DelayInputs, DelayOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: waits for minutes, also across a restart of the server. One outgoing edge.",
        hints: Hints::default(),
        rule: None,
    })
}

fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let DelayInputs { minutes } = read(cx)?;
    // Within 366 days by the schema, so exact: far below 2^53.
    let wait_ms = (minutes * 60_000.0).ceil() as i64;
    let until_ms = Some(cx.now_ms.saturating_add(wait_ms));
    Ok(Routed { until_ms, ..made(&DelayOutputs { minutes })? })
}
