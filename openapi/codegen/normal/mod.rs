//! The form of a document that code is generated from: the normal form of `runyard-openapi-normal`, reduced to what
//! Rust types can express. Served documents stay as written; so do the pointers to the schemas of parameters, bodies
//! and responses.
//!
//! | file            | what it does                                                        |
//! |-----------------|---------------------------------------------------------------------|
//! | `reduce.rs`     | leaves keywords that have no effect on a type to the validator      |
//! | `references.rs` | references to values that are not components; path items elsewhere  |

mod reduce;
mod references;

pub(crate) use runyard_openapi_normal::{each_child, each_schema, version};
use serde_json::Value;

/// A difference between the document and the form that code is generated from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The place in the document, as a JSON pointer.
    pub pointer: String,
    /// What was done.
    pub what: String,
}

/// Converts a self-contained document to the form that code is generated from.
pub fn normalise(document: &mut Value) -> Vec<Note> {
    let mut notes = Vec::new();
    references::inline_path_items(document);
    references::lift(document, &mut notes);
    let origins = runyard_openapi_normal::normalise(document);
    let from = notes.len();
    let siblings = runyard_openapi_normal::has_siblings(document);
    each_schema(document, &mut |pointer, schema| reduce::reduce(schema, pointer, siblings, &mut notes));
    for note in &mut notes[from..] {
        note.pointer = origins.of(&note.pointer);
    }
    for (name, _) in crate::document::entries(document, "webhooks") {
        notes.push(Note { pointer: format!("/webhooks/{name}"), what: "webhooks have no code".into() });
    }
    notes
}
