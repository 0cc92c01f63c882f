//! `runyard.graph.end`: ends the execution of a graph, and returns values under names.

use runyard_engine::NodeKind;

use super::provider::{Builtin, Perform};
use super::values::AnyObject;
use super::variables::{VariablesInputs, perform};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.graph.end";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

fn entry() -> Entry {
    Entry::of::<VariablesInputs, AnyObject>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: ends the execution and returns variables.",
        hints: Hints::default(),
        rule: None,
    })
}
