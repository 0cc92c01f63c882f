//! References to values that are not components: the value becomes a component, or is copied.

use runyard_openapi_normal::{Lifted, decoded};
use serde_json::{Map, Value};

use super::Note;
use crate::{document, names};

/// Copies path items from elsewhere to the path that refers to them.
pub(super) fn inline_path_items(whole: &mut Value) {
    let items: Vec<(String, Value)> = document::entries(whole, "paths")
        .filter(|(_, item)| item.get("$ref").is_some())
        .filter_map(|(path, item)| {
            let (found, _) = document::resolved(whole, item, "")?;
            let mut merged = found.clone();
            // Keywords beside the reference belong to the path (OpenAPI 3.1, Path Item Object).
            let own = item.as_object().into_iter().flatten().filter(|(key, _)| *key != "$ref");
            merged.as_object_mut()?.extend(own.map(|(key, field)| (key.clone(), field.clone())));
            Some((path.clone(), merged))
        })
        .collect();
    for (path, item) in items {
        if let Some(slot) = whole.pointer_mut(&format!("/paths/{}", document::escape(&path))) {
            *slot = item;
        }
    }
}

/// Makes a component of every schema that a schema refers to and that is not one yet.
pub(super) fn lift(whole: &mut Value, notes: &mut Vec<Note>) {
    let name = |reference: &str, schemas: &Map<String, Value>| {
        let taken = |name: &str| schemas.keys().any(|known| names::pascal(known) == names::pascal(name));
        names::apart(&name_of(reference), taken)
    };
    for Lifted { reference, name } in runyard_openapi_normal::lift(whole, &name) {
        notes.push(Note { pointer: reference, what: format!("a schema referred to is named `{name}`") });
    }
}

/// `PetStatus` for `#/components/schemas/Pet/properties/status`.
fn name_of(reference: &str) -> String {
    let skipped = [
        "#",
        "components",
        "schemas",
        "paths",
        "properties",
        "content",
        "schema",
        "$defs",
        "definitions",
        "parameters",
    ];
    let words: Vec<&str> = reference.split('/').filter(|word| !skipped.contains(word)).collect();
    names::pascal(&decoded(&words.join(" ")).replace("~1", " ").replace("~0", " "))
}
