//! `runyard.graph.script`: JavaScript. It is evaluated in `perform/script.rs`.

use runyard_engine::NodeKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{Builtin, Perform};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.graph.script";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Elsewhere, needs_data: false };

/// A script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptInputs {
    /// JavaScript: the body of a function, whose value is what it returns.
    pub script: String,
    /// The value of `nodes.start` if the script is not a node of a graph.
    #[serde(default)]
    pub data: Value,
}

/// What a script returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScriptOutputs {
    /// The value as JSON; null if the script returned nothing.
    pub result: Value,
}

fn entry() -> Entry {
    Entry::of::<ScriptInputs, ScriptOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: runs JavaScript, which sees the outputs of earlier nodes, and returns its value. One outgoing edge.",
        hints: Hints::default(),
        rule: None,
    })
}
