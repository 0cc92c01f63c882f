//! OpenAPI 3.0 schema objects to JSON Schema (draft 7).
//!
//! Draft 7, because it ignores keywords beside a `$ref`, as OpenAPI 3.0 does. This module rewrites the keywords that
//! differ: `nullable`, the boolean `exclusiveMinimum` and `exclusiveMaximum`, the integer formats, and Runyard's
//! `x-property-names`. It drops keywords without effect on validity (`discriminator`, `xml`, `example`, other `x-`
//! keys).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::discriminator;

/// A self-contained schema: the one at `pointer`, with every component that it needs.
///
/// # Errors
/// Says which pointer or reference has no target.
pub(super) fn standalone(document: &Value, pointer: &str) -> Result<Value, String> {
    let pointer = pointer.strip_prefix('#').unwrap_or(pointer);
    if pointer.is_empty() {
        return Ok(json!({}));
    }
    let target = document.pointer(pointer).ok_or_else(|| format!("nothing is at {pointer}"))?;
    let components = reachable(document, target)?;
    Ok(json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "allOf": [json_schema(target)],
        "components": { "schemas": components },
    }))
}

/// The schema behind any number of `$ref`s.
pub(super) fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    // Bounds circular references; eight steps are enough for any real chain.
    for _ in 0..8 {
        let Some(next) = reference(schema).and_then(|name| document.pointer(&format!("{COMPONENTS}{name}"))) else {
            break;
        };
        schema = next;
    }
    schema
}

const COMPONENTS: &str = "/components/schemas/";

/// The component that a schema refers to, if the schema is a reference.
fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix('#')?.strip_prefix(COMPONENTS)
}

/// Every component that `from` needs, converted.
fn reachable(document: &Value, from: &Value) -> Result<Map<String, Value>, String> {
    let mut wanted = BTreeSet::new();
    references(from, &mut wanted)?;
    let mut found = Map::new();
    while let Some(name) = wanted.pop_first() {
        let schema =
            document.pointer(&format!("{COMPONENTS}{name}")).ok_or_else(|| format!("there is no schema {name}"))?;
        found.insert(unescape(&name), json_schema(schema));
        references(schema, &mut wanted)?;
        wanted.retain(|name| !found.contains_key(&unescape(name)));
    }
    Ok(found)
}

/// A JSON pointer token as a plain name (RFC 6901, section 3).
fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// Collects the components that a schema names anywhere inside.
fn references(schema: &Value, into: &mut BTreeSet<String>) -> Result<(), String> {
    if let Some(Value::String(target)) = schema.get("$ref") {
        let name = reference(schema).ok_or_else(|| format!("{target} is not a component of this document"))?;
        into.insert(name.split('/').next().unwrap_or(name).to_owned());
        return Ok(());
    }
    parts(schema).try_for_each(|part| references(part, into))
}

/// Keywords whose value is one schema, a list of schemas, and a map of schemas.
const ONE: [&str; 3] = ["items", "additionalProperties", "not"];
const LIST: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const MAP: [&str; 1] = ["properties"];

/// The schemas directly inside a schema.
fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    let one = ONE
        .iter()
        .chain(&discriminator::CONDITION_30)
        .filter_map(|key| schema.get(key))
        .filter(|part| part.is_object());
    let list = LIST.iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    let map = MAP.iter().filter_map(|key| schema.get(key)?.as_object()).flat_map(Map::values);
    one.chain(list).chain(map)
}

/// Keywords that mean the same in both and hold no schema.
const SAME: [&str; 17] = [
    "type",
    "enum",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "required",
    "title",
    "default",
];

/// Rewrites one schema object.
fn json_schema(schema: &Value) -> Value {
    let Some(object) = schema.as_object() else { return schema.clone() };
    if let Some(target) = object.get("$ref") {
        return json!({ "$ref": target });
    }
    let mut out = Map::new();
    for (key, value) in object {
        let key = key.as_str();
        if SAME.contains(&key) {
            out.insert(key.to_owned(), value.clone());
        } else if ONE.contains(&key) {
            out.insert(key.to_owned(), json_schema(value));
        } else if discriminator::CONDITION_30.contains(&key) {
            out.insert(key.trim_start_matches("x-runyard-").to_owned(), json_schema(value));
        } else if let (true, Some(list)) = (LIST.contains(&key), value.as_array()) {
            let bound = if key == "allOf" { None } else { discriminator::bound(object, list) };
            if let Some(bound) = bound {
                out.insert(key.to_owned(), bound.into());
                continue;
            }
            out.insert(key.to_owned(), list.iter().map(json_schema).collect());
        } else if let (true, Some(map)) = (MAP.contains(&key), value.as_object()) {
            out.insert(key.to_owned(), map.iter().map(|(name, part)| (name.clone(), json_schema(part))).collect());
        }
    }
    property_names(object, &mut out);
    exclusive_bound(object, &mut out, "exclusiveMinimum", "minimum");
    exclusive_bound(object, &mut out, "exclusiveMaximum", "maximum");
    integer_format(&mut out);
    nullable(object, out)
}

/// `x-property-names: {pattern}` (or the pattern alone) restricts the keys of a map, which OpenAPI 3.0 cannot express.
fn property_names(object: &Map<String, Value>, out: &mut Map<String, Value>) {
    let names = match object.get("x-property-names") {
        None => return,
        Some(Value::String(pattern)) => json!({ "pattern": pattern }),
        Some(names) => json_schema(names),
    };
    out.insert("propertyNames".to_owned(), names);
}

/// `minimum: 0, exclusiveMinimum: true` in OpenAPI 3.0 is `exclusiveMinimum: 0` in draft 7.
fn exclusive_bound(object: &Map<String, Value>, out: &mut Map<String, Value>, exclusive: &str, bound: &str) {
    if object.get(exclusive) == Some(&Value::Bool(true))
        && let Some(limit) = out.remove(bound)
    {
        out.insert(exclusive.to_owned(), limit);
    }
}

/// `format: int32` is a pair of bounds, which JSON Schema does not have.
fn integer_format(out: &mut Map<String, Value>) {
    let (low, high) = match out.get("format").and_then(Value::as_str) {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        _ => return,
    };
    if !out.contains_key("exclusiveMinimum") {
        out.entry("minimum").or_insert(json!(low));
    }
    if !out.contains_key("exclusiveMaximum") {
        out.entry("maximum").or_insert(json!(high));
    }
}

/// `nullable: true` adds null to the type; without a type of its own, as an alternative to the schema.
fn nullable(object: &Map<String, Value>, mut out: Map<String, Value>) -> Value {
    if object.get("nullable") != Some(&Value::Bool(true)) {
        return Value::Object(out);
    }
    if let Some(Value::String(kind)) = out.get("type").cloned()
        && !out.contains_key("enum")
        && !LIST.iter().any(|key| out.contains_key(*key))
    {
        out.insert("type".to_owned(), json!([kind, "null"]));
        return Value::Object(out);
    }
    json!({ "anyOf": [Value::Object(out), { "type": "null" }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(schema: Value) -> Value {
        json_schema(&schema)
    }

    #[test]
    fn boolean_exclusive_bounds_become_numbers() {
        let schema = converted(
            json!({"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 1, "exclusiveMaximum": false}),
        );
        assert_eq!(schema, json!({"type": "number", "maximum": 1, "exclusiveMinimum": 0}));
    }

    #[test]
    fn nullable_becomes_a_type() {
        assert_eq!(converted(json!({"type": "string", "nullable": true})), json!({"type": ["string", "null"]}));
        let beside = converted(json!({"allOf": [{"$ref": "#/components/schemas/A"}], "nullable": true}));
        assert_eq!(beside, json!({"anyOf": [{"allOf": [{"$ref": "#/components/schemas/A"}]}, {"type": "null"}]}));
    }

    #[test]
    fn a_nullable_enum_takes_null_although_it_is_not_listed() {
        let schema = converted(json!({"type": "string", "enum": ["a"], "nullable": true}));
        let validator = jsonschema::draft7::new(&schema).unwrap();
        assert!(
            validator.is_valid(&Value::Null) && validator.is_valid(&json!("a")) && !validator.is_valid(&json!("b"))
        );
    }

    #[test]
    fn what_says_nothing_about_validity_is_dropped() {
        let schema = converted(json!({
            "type": "object", "discriminator": {"propertyName": "kind"}, "xml": {}, "example": {"$ref": "#/nowhere"},
            "x-note": 1, "description": "text", "deprecated": true,
            "properties": {"example": {"type": "string", "example": 1}, "nullable": {"type": "boolean"}},
        }));
        assert_eq!(
            schema,
            json!({"type": "object", "properties": {"example": {"type": "string"}, "nullable": {"type": "boolean"}}})
        );
    }

    #[test]
    fn property_names_in_both_spellings() {
        let wanted = json!({"type": "object", "propertyNames": {"pattern": "^a"}});
        assert_eq!(converted(json!({"type": "object", "x-property-names": {"pattern": "^a"}})), wanted);
        assert_eq!(converted(json!({"type": "object", "x-property-names": "^a"})), wanted);
    }

    #[test]
    fn only_what_is_needed_comes_along() {
        let document = json!({"components": {"schemas": {
            "A": {"type": "object", "properties": {"b": {"$ref": "#/components/schemas/B"}, "a": {"$ref": "#/components/schemas/A"}}},
            "B": {"type": "string"}, "C": {"type": "string"},
        }}});
        let schema = standalone(&document, "/components/schemas/A").unwrap();
        let components: Vec<_> = schema["components"]["schemas"].as_object().unwrap().keys().collect();
        assert_eq!(components, ["A", "B"]);
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        let document = json!({"components": {"schemas": {"A": {"$ref": "#/components/schemas/Gone"}}}});
        assert_eq!(standalone(&document, "/components/schemas/A").unwrap_err(), "there is no schema Gone");
        assert_eq!(standalone(&document, "/nowhere").unwrap_err(), "nothing is at /nowhere");
        let outside = json!({"a": {"$ref": "other.yaml#/x"}});
        assert_eq!(standalone(&outside, "/a").unwrap_err(), "other.yaml#/x is not a component of this document");
    }
}
