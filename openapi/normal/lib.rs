//! One normal form for every OpenAPI 3 document: schemas in the form of OpenAPI 3.0, and references to components only.
//!
//! The generator and the diff read this form, so that both treat equal meanings of 3.0 and 3.1 alike. Nothing that
//! restricts a value is lost; `runyard-codegen` reduces the form further to what Rust types can express.
//!
//! | file            | what it normalizes                                                                    |
//! |-----------------|---------------------------------------------------------------------------------------|
//! | `schemas.rs`    | types with null, `const`, numeric exclusive bounds, `$ref` with siblings, ...          |
//! | `references.rs` | references to schemas that are not components                                          |
//! | `positions.rs`  | the places of schemas in a document                                                   |

mod positions;
mod references;
mod schemas;

use std::collections::BTreeMap;

use serde_json::Value;

pub use positions::{each_child, each_schema, each_schema_at, each_schema_below};
pub use references::{Lifted, decoded, lift};

/// Where the parts of a normal form stood in the document, by their pointers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, String>);

impl Origins {
    /// The place of a part before normalization.
    pub fn of(&self, pointer: &str) -> String {
        if self.0.is_empty() {
            return pointer.to_owned();
        }
        // Each move is recorded with the original place of the part that contains it.
        let mut original = String::with_capacity(pointer.len());
        for segment in pointer.split('/').skip(1) {
            original.push('/');
            original.push_str(segment);
            if let Some(before) = self.0.get(&original) {
                original.clone_from(before);
            }
        }
        original
    }

    /// Adds moves: the new place, and the place before.
    pub fn extend(&mut self, moved: impl IntoIterator<Item = (String, String)>) {
        self.0.extend(moved);
    }

    /// Adds the moves of another part of the tree.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// Converts every schema of a document to the normal form. References must be internal.
pub fn normalise(document: &mut Value) -> Origins {
    let siblings = has_siblings(document);
    let mut origins = Origins::default();
    each_schema(document, &mut |pointer, schema| schemas::normalise(schema, pointer, siblings, &mut origins));
    origins
}

/// Converts every schema of a file that a document refers to, which is at this place in its tree. `siblings`: whether
/// keywords beside a `$ref` apply.
pub fn normalise_file(file: &mut Value, at: &str, siblings: bool) -> Origins {
    let mut origins = Origins::default();
    let mut visit = |pointer: &str, schema: &mut Value| schemas::normalise(schema, pointer, siblings, &mut origins);
    each_schema_at(file, at, &mut visit);
    for (key, part) in file.as_object_mut().into_iter().flatten() {
        if !matches!(key.as_str(), "components" | "paths" | "webhooks") {
            each_schema_below(part, &format!("{at}/{}", escape(key)), &mut visit);
        }
    }
    origins
}

/// The version of OpenAPI in the document.
pub fn version(document: &Value) -> &str {
    document.get("openapi").and_then(Value::as_str).unwrap_or_default()
}

/// Whether keywords beside a `$ref` apply, as they do since OpenAPI 3.1.
pub fn has_siblings(document: &Value) -> bool {
    !version(document).starts_with("3.0.") && !version(document).is_empty()
}

/// One segment of a JSON pointer, escaped (RFC 6901).
fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}
