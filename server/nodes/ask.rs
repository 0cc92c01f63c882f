//! `runyard.core.ask`: a question, which waits in the engine.

use runyard_engine::NodeKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider::{Builtin, Perform};
use super::values::words;
use crate::catalog::entry::{Argument, Entry, Head, Hints, Reads};

/// Its id.
pub const ID: &str = "runyard.core.ask";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Engine, needs_data: false };

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskInputs {
    /// The question, for the run's clients.
    pub question: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskOutputs {
    /// The input that was delivered, unchanged.
    pub answer: String,
}

fn entry() -> Entry {
    Entry::of::<AskInputs, AskOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Ask,
        description: "Puts a question to the run's clients; the run continues with the reply.",
        hints: Hints {
            keywords: Vec::new(),
            verbs: words("ask"),
            produces: words("answer reply"),
            arguments: vec![Argument {
                field: "question".to_owned(),
                reads: Reads::Text { after: words("ask"), of: Vec::new() },
            }],
            ..Hints::default()
        },
        rule: None,
    })
}
