//! `runyard.graph.split`: two edges, of which chance takes one.

use runyard_engine::NodeKind;
use runyard_engine::event::Failure;
use runyard_engine::{Route, Routed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{read, routed};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.graph.split";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// How often the first of two edges is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitInputs {
    /// The percentage of executions that take the first edge.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub percentage: f64,
}

/// Which edge was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SplitOutputs {
    /// The index of the edge, 0 or 1.
    pub index: u32,
}

fn entry() -> Entry {
    Entry::of::<SplitInputs, SplitOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: two outgoing edges; the first is taken by chance, in the given percentage of executions.",
        hints: Hints::default(),
        rule: None,
    })
}

fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let SplitInputs { percentage } = read(cx)?;
    // 32 bits are more than a hundred of anything can tell apart.
    let [a, b, c, d, ..] = cx.entropy;
    let drawn = f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX) * 100.0;
    let index = u32::from(percentage <= 0.0 || (percentage < 100.0 && drawn >= percentage));
    routed(&SplitOutputs { index }, Some(Route::Way(index)))
}
