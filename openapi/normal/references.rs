//! References to schemas that are not components: the schema becomes a component.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{each_child, each_schema};

/// A schema that became a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifted {
    /// The reference as written.
    pub reference: String,
    /// The name of the component.
    pub name: String,
}

/// Makes a component of every schema that a schema refers to and that is not one yet. `name` names it, by the reference
/// and the components so far.
pub fn lift(whole: &mut Value, name: &dyn Fn(&str, &Map<String, Value>) -> String) -> Vec<Lifted> {
    let mut targets: BTreeMap<String, String> = BTreeMap::new();
    let mut all = Vec::new();
    // A lifted schema can refer to others; each round lifts one level.
    for _ in 0..16 {
        let mut wanted: Vec<String> = Vec::new();
        each_schema(whole, &mut |_, schema| collect(schema, &mut wanted));
        wanted.retain(|reference| !targets.contains_key(reference));
        if wanted.is_empty() {
            break;
        }
        for reference in wanted {
            let target = reference.strip_prefix('#').map(decoded).and_then(|pointer| whole.pointer(&pointer)).cloned();
            let (Some(target), Some(schemas)) = (target, schemas_mut(whole)) else {
                targets.insert(reference.clone(), reference);
                continue;
            };
            let name = name(&reference, schemas);
            schemas.insert(name.clone(), target);
            targets.insert(reference.clone(), format!("#/components/schemas/{}", fragment(&name)));
            all.push(Lifted { reference, name });
        }
    }
    each_schema(whole, &mut |_, schema| redirect(schema, &targets));
    all
}

/// The schemas below `components`, which are created if they are missing. A value that is not a mapping is replaced.
fn schemas_mut(document: &mut Value) -> Option<&mut Map<String, Value>> {
    let mapping = |value: &mut Value| {
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
    };
    let components = document.as_object_mut()?.entry("components").or_insert_with(|| Value::Object(Map::new()));
    mapping(components);
    let schemas = components.as_object_mut()?.entry("schemas").or_insert_with(|| Value::Object(Map::new()));
    mapping(schemas);
    schemas.as_object_mut()
}

/// A name as a segment of a reference: escaped (RFC 6901), with `%` encoded (RFC 3986).
fn fragment(name: &str) -> String {
    crate::escape(name).replace('%', "%25")
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

/// A fragment without its percent escapes (RFC 6901, section 6).
pub fn decoded(fragment: &str) -> String {
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
