//! References to values that are not components: the value becomes a component, or is copied.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Note, each_child, each_schema};
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
    let mut lifted: BTreeMap<String, String> = BTreeMap::new();
    // A lifted schema can refer to others; each round lifts one level.
    for _ in 0..16 {
        let mut wanted: Vec<String> = Vec::new();
        each_schema(whole, &mut |_, schema| collect(schema, &mut wanted));
        wanted.retain(|reference| !lifted.contains_key(reference));
        if wanted.is_empty() {
            break;
        }
        for reference in wanted {
            let target = reference.strip_prefix('#').map(decoded).and_then(|pointer| whole.pointer(&pointer)).cloned();
            let (Some(target), Some(schemas)) = (target, document::schemas_mut(whole)) else {
                lifted.insert(reference.clone(), reference);
                continue;
            };
            let taken = |name: &str| schemas.keys().any(|known| names::pascal(known) == names::pascal(name));
            let name = names::apart(&name_of(&reference), taken);
            notes.push(Note { pointer: reference.clone(), what: format!("a schema referred to is named `{name}`") });
            schemas.insert(name.clone(), target);
            lifted.insert(reference, format!("#/components/schemas/{name}"));
        }
    }
    each_schema(whole, &mut |_, schema| redirect(schema, &lifted));
}

fn collect(schema: &mut Value, wanted: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str)
        && is_inside(reference)
        && !wanted.iter().any(|known| known == reference)
    {
        wanted.push(reference.to_owned());
    }
    each_child(schema, "", &mut |_, child| collect(child, wanted));
}

fn redirect(schema: &mut Value, lifted: &BTreeMap<String, String>) {
    if let Some(Value::String(reference)) = schema.get_mut("$ref")
        && let Some(target) = lifted.get(reference)
    {
        reference.clone_from(target);
    }
    each_child(schema, "", &mut |_, child| redirect(child, lifted));
}

/// Whether it refers to this document, and not to a schema component.
fn is_inside(reference: &str) -> bool {
    let plain = reference.strip_prefix("#/components/schemas/").is_some_and(|name| !name.contains('/'));
    reference.starts_with("#/") && !plain
}

/// A fragment is percent-encoded (RFC 6901, section 6).
fn decoded(fragment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = fragment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
