//! Schemas of OpenAPI 3.1 and later, which are JSON Schema (Draft 2020-12) already.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::discriminator;

/// A self-contained schema: the one at `pointer`, with every component that it needs.
///
/// # Errors
/// Says which pointer or reference has no target.
pub(super) fn standalone(document: &Value, pointer: &str) -> Result<Value, String> {
    let target = document.pointer(pointer).ok_or_else(|| format!("nothing is at {pointer}"))?;
    let mut wanted = BTreeSet::new();
    references(target, &mut wanted);
    let mut kinds: Map<String, Value> = Map::new();
    let mut done = BTreeSet::new();
    while let Some(reference) = wanted.pop_first() {
        if !done.insert(reference.clone()) {
            continue;
        }
        let outside = || format!("{reference} is not a component of this document");
        let path = reference.strip_prefix("#/components/").ok_or_else(outside)?;
        let (kind, rest) = path.split_once('/').ok_or_else(outside)?;
        let name = rest.split('/').next().unwrap_or(rest);
        let component = document
            .pointer(&format!("/components/{kind}/{name}"))
            .ok_or_else(|| format!("there is no component {kind}/{name}"))?;
        references(component, &mut wanted);
        let all = kinds.entry(kind.to_owned()).or_insert_with(|| json!({}));
        if let Some(all) = all.as_object_mut() {
            all.insert(name.replace("~1", "/").replace("~0", "~"), component.clone());
        }
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [target],
        "components": kinds,
    });
    discriminator::bind_all(&mut schema);
    Ok(schema)
}

/// Collects every reference anywhere inside, except in examples.
fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get("$ref") {
                into.insert(target.clone());
            }
            let quoted = ["example", "examples", "default", "const", "enum"];
            fields
                .iter()
                .filter(|(key, _)| !quoted.contains(&key.as_str()))
                .for_each(|(_, field)| references(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_needed_comes_along_and_what_is_missing_is_named() {
        let document = json!({ "openapi": "3.1.0", "components": { "schemas": {
            "A": { "type": ["object", "null"], "properties": { "b": { "$ref": "#/components/schemas/B/$defs/c" } } },
            "B": { "$defs": { "c": { "type": "string" } } }, "C": {}, "D": { "$ref": "#/components/schemas/Gone" },
        } } });
        assert!(super::super::openapi_version::is_latest(&document));
        let schema = standalone(&document, "/components/schemas/A").unwrap();
        assert_eq!(schema["components"]["schemas"].as_object().unwrap().len(), 1);
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        assert!(validator.is_valid(&Value::Null) && validator.is_valid(&json!({ "b": "c" })));
        assert!(!validator.is_valid(&json!({ "b": 1 })));
        assert_eq!(standalone(&document, "/components/schemas/D").unwrap_err(), "there is no component schemas/Gone");
    }
}
