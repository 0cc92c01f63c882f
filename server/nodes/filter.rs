//! `runyard.graph.filter`: one edge, which a filter takes or not.

use runyard_engine::NodeKind;
use runyard_engine::event::Failure;
use runyard_engine::{Route, Routed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{is_true, read, routed};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.graph.filter";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// The condition of a filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterInputs {
    /// Anything; false, null, 0, NaN and the empty text count as false.
    pub filter: Value,
}

/// Whether execution continued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FilterOutputs {
    /// False ends the execution without failure.
    pub filter: bool,
}

fn entry() -> Entry {
    Entry::of::<FilterInputs, FilterOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: one outgoing edge, taken if its filter is true; else the execution ends without failure.",
        hints: Hints::default(),
        rule: None,
    })
}

fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let FilterInputs { filter } = read(cx)?;
    let filter = is_true(&filter);
    routed(&FilterOutputs { filter }, Some(if filter { Route::Way(0) } else { Route::Stop }))
}
