//! `runyard.core.uuid4`: a random UUID.

use runyard_engine::NodeKind;
use runyard_engine::Routed;
use runyard_engine::event::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{NoInputs, made, read, words};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.core.uuid4";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// A new UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Uuid4Outputs {
    /// A random UUID (RFC 9562, version 4), hyphenated, lower case.
    pub uuid4: String,
}

fn entry() -> Entry {
    Entry::of::<NoInputs, Uuid4Outputs>(Head {
        id: ID,
        aliases: &["jarvis.core.uuid4"],
        kind: NodeKind::Call,
        description: "Generates a UUID: a new, random (version 4, v4), universally unique identifier.",
        hints: Hints {
            keywords: words("uuid uuid4 uuidv4 guid identifier id"),
            verbs: Vec::new(),
            produces: words("uuid uuid4 uuidv4 guid identifier id"),
            arguments: Vec::new(),
            ..Hints::default()
        },
        rule: None,
    })
}

fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let NoInputs {} = read(cx)?;
    let uuid = uuid::Builder::from_random_bytes(cx.entropy).into_uuid();
    made(&Uuid4Outputs { uuid4: uuid.to_string() })
}
