//! `runyard.core.echo`: gives back the text it was given.

use runyard_engine::NodeKind;
use runyard_engine::Routed;
use runyard_engine::event::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{made, read, words};
use crate::catalog::entry::{Argument, Entry, Head, Hints, Reads};

/// Its id.
pub const ID: &str = "runyard.core.echo";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// A text to give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EchoInputs {
    /// The text.
    pub echo: String,
}

/// The text that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EchoOutputs {
    /// The text, unchanged.
    pub echo: String,
}

fn entry() -> Entry {
    Entry::of::<EchoInputs, EchoOutputs>(Head {
        id: ID,
        aliases: &["jarvis.core.echo"],
        kind: NodeKind::Call,
        description: "Gives back the text it was given: says, prints or repeats a message.",
        hints: Hints {
            keywords: words("message phrase"),
            verbs: words("echo say print repeat write speak"),
            produces: words("echo text message phrase"),
            arguments: vec![Argument {
                field: "echo".to_owned(),
                reads: Reads::Text { after: words("echo say"), of: Vec::new() },
            }],
            ..Hints::default()
        },
        rule: None,
    })
}

fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let EchoInputs { echo } = read(cx)?;
    made(&EchoOutputs { echo })
}
