//! Converts a schema of any draft that OpenAPI 3 has used to the form of OpenAPI 3.0.

use serde_json::{Map, Value, json};

use super::{Note, each_child};

/// Keywords that are only documentation.
const NOTES: [&str; 9] =
    ["description", "title", "summary", "deprecated", "example", "examples", "externalDocs", "$comment", "xml"];

/// Keywords that restrict values without effect on a Rust type.
const VALIDATED: [&str; 13] = [
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependentRequired",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contains",
    "minContains",
    "maxContains",
    "propertyNames",
    "$dynamicRef",
    "$recursiveRef",
];

/// Keywords about the schema itself.
const ABOUT: [&str; 9] = [
    "$schema",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$vocabulary",
    "$defs",
    "definitions",
    "$comment",
];

/// Converts a schema and all its subschemas. `siblings`: whether keywords beside a `$ref` apply.
pub(super) fn normalise(schema: &mut Value, at: &str, siblings: bool, notes: &mut Vec<Note>) {
    let own = at.rsplit('/').next().unwrap_or_default();
    match schema {
        // Both booleans have a meaning of their own there.
        Value::Bool(_) if matches!(own, "additionalProperties" | "unevaluatedProperties" | "unevaluatedItems") => {
            return;
        }
        Value::Bool(true) => *schema = json!({}),
        Value::Bool(false) => *schema = json!({ "not": {} }),
        _ => {}
    }
    each_child(schema, at, &mut |at, child| normalise(child, at, siblings, notes));
    let Some(fields) = schema.as_object_mut() else { return };
    if fields.contains_key("$ref") {
        return reference(fields, siblings);
    }
    let mut note = |what: String| notes.push(Note { pointer: at.to_owned(), what });
    constant(fields);
    exclusive(fields, "minimum", "exclusiveMinimum", f64::max);
    exclusive(fields, "maximum", "exclusiveMaximum", f64::min);
    content(fields);
    items(fields, &mut note);
    properties(fields, &mut note);
    for keyword in VALIDATED.iter().filter(|keyword| fields.shift_remove(**keyword).is_some()) {
        note(format!("`{keyword}` is the validator's alone: the type is wider"));
    }
    fields.retain(|key, _| !ABOUT.contains(&key.as_str()));
    types(fields);
    alternatives(fields, "anyOf");
    alternatives(fields, "oneOf");
}

/// In 3.0 keywords beside a reference are ignored; since 3.1 they apply.
fn reference(fields: &mut Map<String, Value>, siblings: bool) {
    let counts = |key: &String| key != "$ref" && !NOTES.contains(&key.as_str()) && !key.starts_with("x-");
    if !siblings || !fields.keys().any(counts) {
        fields.retain(|key, _| key == "$ref" || !siblings);
        return;
    }
    let Some(target) = fields.shift_remove("$ref") else { return };
    let target = json!({ "$ref": target });
    fields.retain(|key, _| !ABOUT.contains(&key.as_str()));
    // These keywords alone restrict nothing.
    let only_notes = fields
        .keys()
        .all(|key| ["default", "readOnly", "writeOnly", "nullable"].contains(&key.as_str()) || !counts(key));
    if only_notes {
        fields.insert("allOf".into(), json!([target]));
    } else {
        let own = Value::Object(std::mem::take(fields));
        fields.insert("allOf".into(), json!([target, own]));
    }
}

fn constant(fields: &mut Map<String, Value>) {
    let Some(value) = fields.shift_remove("const") else { return };
    if !fields.contains_key("type")
        && let Some(kind) = kind_of(&value)
    {
        fields.insert("type".into(), kind.into());
    }
    fields.insert("enum".into(), json!([value]));
}

fn kind_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::Array(_) => Some("array"),
        Value::Object(_) => Some("object"),
        Value::Null => None,
    }
}

/// `exclusiveMinimum: 3` as `minimum: 3, exclusiveMinimum: true`.
fn exclusive(fields: &mut Map<String, Value>, bound: &str, exclusive: &str, tighter: fn(f64, f64) -> f64) {
    let Some(limit) = fields.get(exclusive).filter(|limit| limit.is_number()).cloned() else { return };
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    match fields.get(bound) {
        // The other bound is tighter.
        Some(other) if tighter(number(other), number(&limit)) == number(other) && number(other) != number(&limit) => {
            fields.shift_remove(exclusive);
        }
        _ => {
            fields.insert(bound.to_owned(), limit);
            fields.insert(exclusive.to_owned(), true.into());
        }
    }
}

/// Binary data in text, with the formats of 3.0.
fn content(fields: &mut Map<String, Value>) {
    let encoding = fields.shift_remove("contentEncoding");
    let media = fields.shift_remove("contentMediaType");
    fields.shift_remove("contentSchema");
    if fields.contains_key("format") {
        return;
    }
    match (encoding.as_ref().and_then(Value::as_str), media) {
        (Some("base64" | "base64url"), _) => {
            fields.insert("format".into(), "byte".into());
        }
        (None | Some("binary"), Some(_)) => {
            fields.insert("format".into(), "binary".into());
        }
        _ => {}
    }
}

fn items(fields: &mut Map<String, Value>, note: &mut dyn FnMut(String)) {
    let Some(prefix) = fields.shift_remove("prefixItems") else { return };
    let count = prefix.as_array().map_or(0, Vec::len);
    note(format!("`prefixItems` is the validator's alone: the type is a list of any JSON, of {count} places"));
    fields.insert("items".into(), json!({}));
    fields.entry("type").or_insert_with(|| "array".into());
}

fn properties(fields: &mut Map<String, Value>, note: &mut dyn FnMut(String)) {
    let Some(Value::Object(patterns)) = fields.shift_remove("patternProperties") else { return };
    note("`patternProperties` is the validator's alone: the type takes any key".into());
    let mut values = patterns.into_iter().map(|(_, value)| value);
    let only = values.next().filter(|_| values.next().is_none());
    let closed = fields.get("additionalProperties").is_none_or(|others| *others == Value::Bool(false));
    if closed && !fields.contains_key("properties") {
        fields.insert("additionalProperties".into(), only.unwrap_or(Value::Bool(true)));
    } else if fields.get("additionalProperties") == Some(&Value::Bool(false)) {
        fields.shift_remove("additionalProperties");
    }
    fields.entry("type").or_insert_with(|| "object".into());
}

/// A list of types: without null, and as alternatives if more than one is left.
fn types(fields: &mut Map<String, Value>) {
    let listed: Vec<String> = match fields.get("type") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(one)) if one == "null" => vec!["null".to_owned()],
        _ => return,
    };
    let mut plain: Vec<String> = listed.iter().filter(|kind| *kind != "null").cloned().collect();
    if listed.len() > plain.len() {
        fields.insert("nullable".into(), true.into());
    }
    // An integer is a number, too.
    if plain.iter().any(|kind| kind == "number") {
        plain.retain(|kind| kind != "integer");
    }
    match plain.as_slice() {
        [] => {
            fields.shift_remove("type");
            if !listed.is_empty() {
                fields.insert("enum".into(), json!([null]));
            }
        }
        [one] => {
            fields.insert("type".into(), one.as_str().into());
        }
        several => {
            fields.shift_remove("type");
            if fields.contains_key("enum") || fields.contains_key("anyOf") || fields.contains_key("oneOf") {
                return;
            }
            let all: Vec<Value> = several.iter().map(|kind| alternative(kind, fields)).collect();
            fields.retain(|key, _| bounded(key).is_none());
            fields.insert("anyOf".into(), all.into());
        }
    }
}

/// One of several types, with the keywords that apply to it.
fn alternative(kind: &str, fields: &Map<String, Value>) -> Value {
    let own = fields.iter().filter(|(key, _)| bounded(key).is_some_and(|kinds| kinds.contains(&kind)));
    let typed = std::iter::once(("type".to_owned(), Value::from(kind)));
    let mut alternative: Map<String, Value> =
        typed.chain(own.map(|(key, value)| (key.clone(), value.clone()))).collect();
    if kind == "array" {
        alternative.entry("items").or_insert_with(|| json!({}));
    }
    Value::Object(alternative)
}

/// The types that a keyword applies to.
fn bounded(keyword: &str) -> Option<&'static [&'static str]> {
    match keyword {
        "minLength" | "maxLength" | "pattern" | "format" => Some(&["string"]),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => Some(&["number", "integer"]),
        "items" | "minItems" | "maxItems" | "uniqueItems" => Some(&["array"]),
        "properties" | "required" | "additionalProperties" | "minProperties" | "maxProperties" => Some(&["object"]),
        _ => None,
    }
}

/// Alternatives with null: the others become nullable. A single alternative replaces the schema.
fn alternatives(fields: &mut Map<String, Value>, keyword: &str) {
    let Some(Value::Array(all)) = fields.get(keyword) else { return };
    let is_null =
        |schema: &Value| schema.get("nullable") == Some(&Value::Bool(true)) && schema["enum"] == json!([null]);
    let left: Vec<Value> = all.iter().filter(|schema| !is_null(schema)).cloned().collect();
    if left.len() == all.len() || left.is_empty() {
        return;
    }
    fields.insert("nullable".into(), true.into());
    let [only] = left.as_slice() else {
        fields.insert(keyword.to_owned(), left.into());
        return;
    };
    fields.shift_remove(keyword);
    let outer = |key: &String| {
        NOTES.contains(&key.as_str())
            || ["nullable", "default", "readOnly", "writeOnly"].contains(&key.as_str())
            || key.starts_with("x-")
    };
    match only {
        Value::Object(inner) if !inner.contains_key("$ref") && fields.keys().all(outer) => {
            for (key, value) in inner {
                // The title belongs to the alternative; the schema as a whole has its own.
                fields.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        only => {
            fields.insert("allOf".into(), json!([only]));
        }
    }
}
