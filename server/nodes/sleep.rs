//! `runyard.core.sleep`: a durable timer, which the engine moves.

use runyard_engine::NodeKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::{Builtin, Perform};
use super::values::words;
use crate::catalog::entry::{Argument, Entry, Head, Hints, Reads};

/// Its id.
pub const ID: &str = "runyard.core.sleep";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Engine, needs_data: false };

/// How long to wait: `seconds`, else `duration_seconds`, else not at all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SleepInputs {
    /// Seconds to wait; fractions are allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 31_622_400.0))]
    pub seconds: Option<f64>,
    /// Seconds to wait, if `seconds` is absent or null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 31_622_400.0))]
    pub duration_seconds: Option<f64>,
}

/// How long the step waited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SleepOutputs {
    /// Seconds, as requested.
    pub slept_seconds: f64,
}

fn entry() -> Entry {
    Entry::of::<SleepInputs, SleepOutputs>(Head {
        id: ID,
        aliases: &["jarvis.core.sleep"],
        kind: NodeKind::Sleep,
        description: "Waits for a length of time, also across a restart of the server: a durable timer.",
        hints: Hints {
            keywords: words("timer"),
            verbs: words("sleep wait pause delay rest"),
            produces: words("sleep wait pause delay"),
            arguments: vec![Argument { field: "seconds".to_owned(), reads: Reads::Seconds }],
            ..Hints::default()
        },
        rule: None,
    })
}
