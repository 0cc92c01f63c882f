//! One form for every OpenAPI 3 document: schemas as OpenAPI 3.0 writes them, references that lead to components only.
//!
//! Generator and diff read this form, so that what 3.0 and 3.1 write differently and mean alike is alike to both. Documents that
//! are served stay as they were written; so do the pointers to the schema of a parameter, a body or an answer.
//!
//! | file            | what it brings into the one form                                                     |
//! |-----------------|--------------------------------------------------------------------------------------|
//! | `schemas.rs`    | types with null, `const`, numeric exclusive bounds, tuples, `$ref` with siblings, ... |
//! | `references.rs` | references into the middle of something; path items elsewhere                        |
//! | `positions.rs`  | where in a document schemas stand                                                    |

mod positions;
mod references;
mod schemas;

pub(crate) use positions::{each_child, each_schema};
use serde_json::Value;

/// Something that the one form does not say as the document says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where in the document, as a JSON pointer.
    pub pointer: String,
    /// What was done.
    pub what: String,
}

/// Brings a self-contained document into the one form.
pub fn normalise(document: &mut Value) -> Vec<Note> {
    let mut notes = Vec::new();
    references::inline_path_items(document);
    references::lift(document, &mut notes);
    let siblings = !version(document).starts_with("3.0.") && !version(document).is_empty();
    each_schema(document, &mut |pointer, schema| schemas::normalise(schema, pointer, siblings, &mut notes));
    for (name, _) in crate::document::entries(document, "webhooks") {
        notes.push(Note { pointer: format!("/webhooks/{name}"), what: "webhooks have no code".into() });
    }
    notes
}

/// The version of OpenAPI, as the document says it.
pub(crate) fn version(document: &Value) -> &str {
    document.get("openapi").and_then(Value::as_str).unwrap_or_default()
}
