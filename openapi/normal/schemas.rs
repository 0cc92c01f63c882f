//! Converts a schema of any draft that OpenAPI 3 has used to the form of OpenAPI 3.0.

use serde_json::{Map, Value, json};

use crate::{Origins, each_child};

/// Keywords that are only documentation.
const NOTES: [&str; 9] =
    ["description", "title", "summary", "deprecated", "example", "examples", "externalDocs", "$comment", "xml"];

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
pub(super) fn normalise(schema: &mut Value, at: &str, siblings: bool, origins: &mut Origins) {
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
    each_child(schema, at, &mut |at, child| normalise(child, at, siblings, origins));
    let Some(fields) = schema.as_object_mut() else { return };
    if fields.contains_key("$ref") {
        return reference(fields, at, siblings, origins);
    }
    constant(fields, at, origins);
    exclusive(fields, "minimum", "exclusiveMinimum", f64::max);
    exclusive(fields, "maximum", "exclusiveMaximum", f64::min);
    content(fields);
    fields.retain(|key, _| !ABOUT.contains(&key.as_str()));
    types(fields, at, origins);
    alternatives(fields, "anyOf", at, origins);
    alternatives(fields, "oneOf", at, origins);
}

/// In 3.0 keywords beside a reference are ignored; since 3.1 they apply.
fn reference(fields: &mut Map<String, Value>, at: &str, siblings: bool, origins: &mut Origins) {
    let counts = |key: &String| key != "$ref" && !NOTES.contains(&key.as_str()) && !key.starts_with("x-");
    if !siblings || !fields.keys().any(counts) {
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
        origins.extend([(format!("{at}/allOf/1"), at.to_owned())]);
        fields.insert("allOf".into(), json!([target, own]));
    }
}

fn constant(fields: &mut Map<String, Value>, at: &str, origins: &mut Origins) {
    let Some(value) = fields.shift_remove("const") else { return };
    if !fields.contains_key("type")
        && let Some(kind) = kind_of(&value)
    {
        fields.insert("type".into(), kind.into());
    }
    fields.insert("enum".into(), json!([value]));
    origins.extend([(format!("{at}/enum"), format!("{at}/const"))]);
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

/// A list of types: without null, and as alternatives if more than one is left.
fn types(fields: &mut Map<String, Value>, at: &str, origins: &mut Origins) {
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
            let moved = |index: usize| [(format!("{at}/anyOf/{index}"), at.to_owned())];
            (0..all.len()).for_each(|index| origins.extend(moved(index)));
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
        "items" | "prefixItems" | "minItems" | "maxItems" | "uniqueItems" => Some(&["array"]),
        "properties"
        | "patternProperties"
        | "required"
        | "additionalProperties"
        | "minProperties"
        | "maxProperties" => Some(&["object"]),
        _ => None,
    }
}

/// Alternatives with null: the others become nullable. A single alternative replaces the schema.
fn alternatives(fields: &mut Map<String, Value>, keyword: &str, at: &str, origins: &mut Origins) {
    let Some(Value::Array(all)) = fields.get(keyword) else { return };
    let is_null =
        |schema: &Value| schema.get("nullable") == Some(&Value::Bool(true)) && schema["enum"] == json!([null]);
    let left: Vec<(usize, Value)> =
        all.iter().enumerate().filter(|(_, schema)| !is_null(schema)).map(|(at, one)| (at, one.clone())).collect();
    if left.len() == all.len() || left.is_empty() {
        return;
    }
    fields.insert("nullable".into(), true.into());
    let [(index, only)] = left.as_slice() else {
        let moved = left.iter().enumerate().filter(|(now, (before, _))| now != before);
        origins.extend(
            moved.map(|(now, (before, _))| (format!("{at}/{keyword}/{now}"), format!("{at}/{keyword}/{before}"))),
        );
        fields.insert(keyword.to_owned(), left.into_iter().map(|(_, one)| one).collect());
        return;
    };
    let place = format!("{at}/{keyword}/{index}");
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
                if !fields.contains_key(key) {
                    fields.insert(key.clone(), value.clone());
                    origins.extend([(format!("{at}/{key}"), format!("{place}/{key}"))]);
                }
            }
        }
        only => {
            fields.insert("allOf".into(), json!([only]));
            origins.extend([(format!("{at}/allOf/0"), place)]);
        }
    }
}
