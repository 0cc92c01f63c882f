//! Nested schemas whose Rust name another type already has.
//!
//! typify names a nested type after its parent and its field (`RequestStatus` for `status` of `Request`), and reuses
//! the first type of a name for every later one. Where that would confuse two types, the inner schema becomes a
//! component with a name of its own.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::names;
use crate::report::Report;

/// Moves every schema whose name would be taken. Nothing else changes.
pub(crate) fn name_apart(document: &mut Value, report: &mut Report) {
    let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") else { return };
    let taken = schemas.keys().map(|name| names::pascal(name)).collect();
    let mut work = Work { taken, moved: Vec::new() };
    for (name, schema) in schemas.iter_mut() {
        work.parts(schema, &names::pascal(name));
    }
    // The parts of a moved schema have already been named.
    for (name, place, schema) in work.moved {
        report.note(place, format!("a schema within it is named `{name}`: another has the name that it would have"));
        schemas.insert(name, schema);
    }
}

struct Work {
    taken: BTreeSet<String>,
    moved: Vec<(String, String, Value)>,
}

impl Work {
    /// Checks the parts of a schema whose type has the name `name`.
    fn parts(&mut self, schema: &mut Value, name: &str) {
        let Some(fields) = schema.as_object_mut() else { return };
        for (key, field) in fields {
            match (key.as_str(), field) {
                ("properties", Value::Object(all)) => {
                    for (property, one) in all {
                        // An empty property name adds nothing, so the part would get the name of its parent.
                        self.part(one, &names::pascal(&format!("{name}_{property}")), name);
                    }
                }
                ("items", one) => self.part(one, &format!("{name}Item"), name),
                ("additionalProperties", one) => self.part(one, &format!("{name}Value"), name),
                ("allOf", Value::Array(all)) => {
                    let several = all.len() > 1;
                    for (index, one) in all.iter_mut().enumerate() {
                        self.taken.extend(several.then(|| format!("{name}Subtype{index}")));
                        self.parts(one, name);
                    }
                }
                ("oneOf" | "anyOf", Value::Array(all)) => {
                    for (index, one) in all.iter_mut().enumerate() {
                        self.taken.insert(format!("{name}Variant{index}"));
                        self.parts(one, &format!("{name}Variant{index}"));
                    }
                }
                _ => {}
            }
        }
    }

    fn part(&mut self, schema: &mut Value, name: &str, within: &str) {
        if schema.get("$ref").is_some() || !schema.is_object() {
            return;
        }
        if !is_named(schema) {
            return self.parts(schema, name);
        }
        let apart = names::apart(name, |name| self.taken.contains(&names::pascal(name)));
        let apart = names::pascal(&apart);
        self.taken.insert(apart.clone());
        self.parts(schema, &apart);
        if apart == name {
            return;
        }
        let mut outer = Map::new();
        if let Value::Object(fields) = schema {
            for key in ["nullable", "default", "description", "readOnly", "writeOnly"] {
                outer.extend(fields.shift_remove(key).map(|value| (key.to_owned(), value)));
            }
        }
        outer.insert("allOf".into(), json!([{ "$ref": format!("#/components/schemas/{apart}") }]));
        self.moved.push((apart, within.to_owned(), std::mem::replace(schema, Value::Object(outer))));
    }
}

/// Whether typify makes a type of its own for it.
fn is_named(schema: &Value) -> bool {
    let has = |key: &str| schema.get(key).is_some();
    let one = |key: &str| schema.get(key).and_then(Value::as_array).is_some_and(|all| all.len() == 1);
    let bounded_text = schema.get("type").and_then(Value::as_str) == Some("string")
        && ["minLength", "maxLength", "pattern"].iter().any(|key| has(key));
    has("properties") || has("enum") || has("oneOf") || has("anyOf") || (has("allOf") && !one("allOf")) || bounded_text
}
