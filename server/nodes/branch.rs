//! `runyard.graph.branch`: two edges, of which a condition takes one.

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
pub const ID: &str = "runyard.graph.branch";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// The condition of a branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchInputs {
    /// Anything; false, null, 0, NaN and the empty text count as false.
    pub condition: Value,
}

/// Which edge was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BranchOutputs {
    /// True is the first edge, false the second.
    pub condition: bool,
}

fn entry() -> Entry {
    Entry::of::<BranchInputs, BranchOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: two outgoing edges, the first if its condition is true, else the second.",
        hints: Hints::default(),
        rule: None,
    })
}

fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let BranchInputs { condition } = read(cx)?;
    let condition = is_true(&condition);
    routed(&BranchOutputs { condition }, Some(Route::Way(u32::from(!condition))))
}
