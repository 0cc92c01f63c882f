//! Converts an OpenAPI 3.0 schema to the form for typify.
//!
//! This determines Rust types only. The validator, which uses the document itself, checks what typify cannot express
//! (numeric bounds, names of properties, `not`).

use serde_json::{Map, Value, json};

use crate::names;
use crate::report::Report;

/// Keywords without effect on a type.
const SILENT: [&str; 8] =
    ["example", "examples", "discriminator", "xml", "externalDocs", "deprecated", "readOnly", "writeOnly"];

/// Converts a schema, with a note for everything that types cannot express.
pub(crate) fn for_typify(schema: &Value, place: &str, report: &mut Report) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    if let Some(reference) = fields.get("$ref") {
        // Siblings of a reference are ignored in 3.0.
        return json!({ "$ref": reference });
    }
    if fields.get("enum") == Some(&json!([null])) {
        return json!({ "type": "null" });
    }
    let mut converted = Map::new();
    for (key, value) in fields {
        let deeper = |value: &Value, report: &mut Report| for_typify(value, place, report);
        let value = match key.as_str() {
            // A title is documentation, and would rename the type.
            "nullable" | "exclusiveMinimum" | "exclusiveMaximum" | "title" => continue,
            "default" if value.is_object() && !is_plain_map(fields, value) => {
                report.note(place, "a `default` that is an object is not filled in: the field is optional");
                continue;
            }
            "enum" if is_text_enum(fields) && !have_names(fields) => {
                report.note(
                    place,
                    "an `enum` whose values are one name in Rust is the validator's alone: the type is text",
                );
                continue;
            }
            "enum" if !is_text_enum(fields) => {
                report.note(place, "an `enum` of something else than text is the validator's alone: the type is wider");
                continue;
            }
            silent if SILENT.contains(&silent) => continue,
            "x-property-names" => {
                report.note(place, "`x-property-names` is the validator's alone: the type takes any key");
                continue;
            }
            "not" => {
                report.note(place, "`not` is the validator's alone: the type is wider");
                continue;
            }
            "format" if fields.get("type").and_then(Value::as_str) == Some("object") => {
                report.note(place, "`format` of an object is left out of its type");
                continue;
            }
            extension if extension.starts_with("x-") => continue,
            "properties" => match value {
                Value::Object(all) => {
                    Value::Object(all.iter().map(|(name, one)| (name.clone(), deeper(one, report))).collect())
                }
                other => other.clone(),
            },
            "items" | "additionalProperties" => deeper(value, report),
            "allOf" | "oneOf" | "anyOf" => match value {
                Value::Array(all) => Value::Array(all.iter().map(|one| deeper(one, report)).collect()),
                other => other.clone(),
            },
            _ => value.clone(),
        };
        converted.insert(key.clone(), value);
    }
    exclusive(fields, &mut converted);
    if is_untyped_object(fields) {
        report.note(place, "`properties` without a `type` are taken for those of an object");
        converted.insert("type".into(), "object".into());
    }
    if fields.get("nullable") == Some(&Value::Bool(true)) { nullable(converted) } else { Value::Object(converted) }
}

/// Whether a default is the empty map, which an absent field becomes anyway.
fn is_plain_map(fields: &Map<String, Value>, default: &Value) -> bool {
    let shaped = ["properties", "allOf", "oneOf", "anyOf"].iter().any(|keyword| fields.contains_key(*keyword));
    !shaped && default.as_object().is_some_and(Map::is_empty)
}

/// Whether every value that is not null is a text. typify does not support others.
fn is_text_enum(fields: &Map<String, Value>) -> bool {
    let values = fields.get("enum").and_then(Value::as_array);
    values.is_some_and(|values| values.iter().all(|value| value.is_string() || value.is_null()))
}

/// Whether the values of an enum give distinct variant names. typify first drops characters that are not letters, then
/// replaces them with `X`.
fn have_names(fields: &Map<String, Value>) -> bool {
    let values = fields.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let values: Vec<&str> = values.collect();
    let differ = |name: &dyn Fn(&str) -> String| {
        let named: std::collections::BTreeSet<String> = values.iter().map(|value| name(value)).collect();
        named.len() == values.len()
    };
    let marked = |value: &str| value.replace(|letter: char| !letter.is_alphanumeric(), "X");
    differ(&|value| names::pascal(value)) || differ(&|value| names::pascal(&marked(value)))
}

/// Whether a schema describes an object without `type: object`. Strictly, any value that is not an object also matches
/// it.
pub(crate) fn is_untyped_object(fields: &Map<String, Value>) -> bool {
    let any = |keywords: &[&str]| keywords.iter().any(|keyword| fields.contains_key(*keyword));
    any(&["properties", "additionalProperties"]) && !any(&["type", "allOf", "oneOf", "anyOf", "enum"])
}

/// The rest of an inline schema after its parts have got names: enough to select an existing type.
pub(crate) fn plain(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(fields) = &mut schema {
        fields.retain(|key, _| {
            matches!(
                key.as_str(),
                "$ref" | "type" | "format" | "items" | "minimum" | "maximum" | "additionalProperties" | "nullable"
            )
        });
        if let Some(items) = fields.get_mut("items") {
            *items = plain(items);
        }
    }
    schema
}

/// `minimum: 3, exclusiveMinimum: true` is `exclusiveMinimum: 3` in JSON Schema.
fn exclusive(fields: &Map<String, Value>, converted: &mut Map<String, Value>) {
    for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if fields.get(exclusive) == Some(&Value::Bool(true))
            && let Some(limit) = converted.shift_remove(bound)
        {
            converted.insert(exclusive.into(), limit);
        }
    }
}

fn nullable(mut converted: Map<String, Value>) -> Value {
    if let Some(Value::Array(values)) = converted.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    match converted.get("type").and_then(Value::as_str).map(str::to_owned) {
        Some(kind) => {
            converted.insert("type".into(), json!([kind, "null"]));
            Value::Object(converted)
        }
        None => {
            let mut outer = Map::new();
            outer.extend(converted.get("description").map(|text| ("description".to_owned(), text.clone())));
            outer.insert("oneOf".into(), json!([Value::Object(converted), { "type": "null" }]));
            Value::Object(outer)
        }
    }
}
