//! What Rust types cannot express is left to the validator: the schema for code generation allows more.

use runyard_openapi_normal::each_child;
use serde_json::{Map, Value, json};

use super::Note;

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

/// Reduces a normalized schema and all its subschemas. `siblings`: whether texts beside a `$ref` count.
pub(super) fn reduce(schema: &mut Value, at: &str, siblings: bool, notes: &mut Vec<Note>) {
    each_child(schema, at, &mut |at, child| reduce(child, at, siblings, notes));
    let Some(fields) = schema.as_object_mut() else { return };
    if fields.contains_key("$ref") {
        // A reference to a type has no text of its own.
        fields.retain(|key, _| key == "$ref" || !siblings);
        return;
    }
    let mut note = |what: String| notes.push(Note { pointer: at.to_owned(), what });
    items(fields, &mut note);
    properties(fields, &mut note);
    for keyword in VALIDATED.iter().filter(|keyword| fields.shift_remove(**keyword).is_some()) {
        note(format!("`{keyword}` is the validator's alone: the type is wider"));
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
