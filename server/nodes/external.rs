//! `runyard.composite.external`: a composite that is moved from outside.

use runyard_engine::NodeKind;

use super::provider::{Builtin, Perform};
use super::values::AnyObject;
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.composite.external";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Engine, needs_data: false };

fn entry() -> Entry {
    Entry::of::<AnyObject, AnyObject>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::External,
        description: "A composite that an external worker moves: its children, evaluation and completion come through the run \
                      coordinator's node run operations.",
        hints: Hints::default(),
        rule: None,
    })
}
