//! One normal form for every OpenAPI 3 document: schemas in the form of OpenAPI 3.0, and references to components only.
//!
//! The generator and the diff read this form, so that both treat equal meanings of 3.0 and 3.1 alike. Served documents
//! stay as written; so do the pointers to the schemas of parameters, bodies and responses.
//!
//! | file            | what it normalizes                                                                    |
//! |-----------------|---------------------------------------------------------------------------------------|
//! | `schemas.rs`    | types with null, `const`, numeric exclusive bounds, tuples, `$ref` with siblings, ... |
//! | `references.rs` | references to values that are not components; path items elsewhere                    |
//! | `positions.rs`  | the places of schemas in a document                                                   |

mod positions;
mod references;
mod schemas;

pub(crate) use positions::{each_child, each_schema};
use serde_json::Value;

/// A difference between the document and its normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The place in the document, as a JSON pointer.
    pub pointer: String,
    /// What was done.
    pub what: String,
}

/// Converts a self-contained document to the normal form.
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

/// The version of OpenAPI in the document.
pub(crate) fn version(document: &Value) -> &str {
    document.get("openapi").and_then(Value::as_str).unwrap_or_default()
}
