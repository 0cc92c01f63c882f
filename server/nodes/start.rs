//! `runyard.graph.start`: returns what the graph was given.

use runyard_engine::event::Failure;
use runyard_engine::{NodeKind, Routed};

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{AnyObject, NoInputs, made};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.graph.start";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: true };

fn entry() -> Entry {
    Entry::of::<NoInputs, AnyObject>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: returns the graph's data. One outgoing edge.",
        hints: Hints::default(),
        rule: None,
    })
}

/// What the graph was given; under `value` where that is no object.
fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    made(&AnyObject(cx.data.cloned().unwrap_or_default()))
}
