//! The places of schemas in a document, and of schemas within a schema.

use serde_json::Value;

use crate::escape;

/// A visitor of schemas: gets the pointer of the schema, and the schema.
pub(crate) type Visit<'v> = dyn FnMut(&str, &mut Value) + 'v;

/// The keys below these keywords are names that the author chose.
const NAMED: [&str; 9] =
    ["paths", "webhooks", "responses", "headers", "requestBodies", "parameters", "callbacks", "pathItems", "content"];

/// Calls `visit` with every schema that is not within another one.
pub fn each_schema(document: &mut Value, visit: &mut Visit<'_>) {
    each_schema_at(document, "", visit);
}

/// The same for a document that is at this place in a tree.
pub fn each_schema_at(document: &mut Value, place: &str, visit: &mut Visit<'_>) {
    let Some(top) = document.as_object_mut() else { return };
    for (key, field) in top {
        match (key.as_str(), field) {
            ("components", Value::Object(kinds)) => {
                for (kind, entries) in kinds {
                    let at = format!("{place}/components/{}", escape(kind));
                    match entries {
                        Value::Object(all) if kind == "schemas" => {
                            for (name, schema) in all {
                                visit(&format!("{at}/{}", escape(name)), schema);
                            }
                        }
                        entries => below(entries, &at, NAMED.contains(&kind.as_str()), visit),
                    }
                }
            }
            (key @ ("paths" | "webhooks"), field) => below(field, &format!("{place}/{key}"), true, visit),
            _ => {}
        }
    }
}

/// Calls `visit` with every schema in a part of a document: the values of the keys `schema` and `itemSchema`.
pub fn each_schema_below(part: &mut Value, at: &str, visit: &mut Visit<'_>) {
    below(part, at, false, visit);
}

/// `named`: the keys of `value` are names, so none of them is a keyword for a schema.
fn below(value: &mut Value, at: &str, named: bool, visit: &mut Visit<'_>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let at = format!("{at}/{}", escape(key));
                match key.as_str() {
                    "schema" | "itemSchema" if !named => visit(&at, field),
                    "example" | "examples" if !named => {}
                    extension if extension.starts_with("x-") && !named => {}
                    key => below(field, &at, !named && NAMED.contains(&key), visit),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                below(item, &format!("{at}/{index}"), false, visit);
            }
        }
        _ => {}
    }
}

/// Calls `visit` with every direct subschema.
pub fn each_child(schema: &mut Value, at: &str, visit: &mut Visit<'_>) {
    let Some(fields) = schema.as_object_mut() else { return };
    for (key, field) in fields {
        let at = format!("{at}/{}", escape(key));
        match (key.as_str(), field) {
            ("properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas", Value::Object(all)) => {
                for (name, one) in all {
                    visit(&format!("{at}/{}", escape(name)), one);
                }
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(all)) => {
                for (index, one) in all.iter_mut().enumerate() {
                    visit(&format!("{at}/{index}"), one);
                }
            }
            (
                "items"
                | "additionalProperties"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames"
                | "unevaluatedProperties"
                | "unevaluatedItems",
                one,
            ) => visit(&at, one),
            _ => {}
        }
    }
}
