//! `runyard.core.time.now`: the time of the server's clock.

use runyard_engine::Routed;
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, NodeKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{NoInputs, failed, made, read, words};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.core.time.now";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// The time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeNowOutputs {
    /// The moment of the call in UTC, as RFC 3339 with milliseconds.
    pub time: String,
}

fn entry() -> Entry {
    Entry::of::<NoInputs, TimeNowOutputs>(Head {
        id: ID,
        aliases: &["jarvis.core.time.now"],
        kind: NodeKind::Call,
        description: "Tells the current date and time of day, right now, in UTC: an ISO 8601 timestamp read from the server's clock.",
        hints: Hints {
            keywords: words("time date now timestamp datetime clock today"),
            verbs: Vec::new(),
            produces: words("time timestamp date datetime"),
            arguments: Vec::new(),
            ..Hints::default()
        },
        rule: None,
    })
}

fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let NoInputs {} = read(cx)?;
    let now = jiff::Timestamp::from_millisecond(cx.now_ms).map_err(|error| {
        failed(FailureCode::ClockOutOfRange, format!("the server's clock cannot be written as a date: {error}"))
    })?;
    made(&TimeNowOutputs { time: format!("{now:.3}") })
}
