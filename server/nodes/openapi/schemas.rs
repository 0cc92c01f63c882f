//! From schemas in the normal form to JSON Schema, draft 7, with the components that they need.

use std::collections::{BTreeMap, BTreeSet};

use runyard_openapi_normal::{decoded, each_child};
use serde_json::{Map, Value, json};

/// Where components are in the document, and in a schema of a node type.
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/definitions/";
/// Keywords of OpenAPI that draft 7 does not have, or that only document.
const DROPPED: [&str; 8] =
    ["example", "examples", "xml", "externalDocs", "discriminator", "deprecated", "nullable", "unevaluatedProperties"];

/// Which way a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the service: `readOnly` properties are never required.
    Request,
    /// From the service: `writeOnly` properties are never required.
    Response,
}

/// The components of a document in draft 7, for one direction.
pub(super) struct Components {
    direction: Direction,
    /// Each with the names of those that it refers to.
    all: BTreeMap<String, (Value, BTreeSet<String>)>,
}

impl Components {
    /// Converts the components of a document in the normal form.
    pub(super) fn of(root: &Value, direction: Direction) -> Self {
        let written = root.pointer("/components/schemas").and_then(Value::as_object);
        let one = |(name, schema): (&String, &Value)| (name.clone(), draft7(schema, direction));
        Components { direction, all: written.into_iter().flatten().map(one).collect() }
    }

    /// A schema in draft 7, whose references still need [`Components::definitions`].
    pub(super) fn converted(&self, schema: &Value, wanted: &mut BTreeSet<String>) -> Value {
        let (new, names) = draft7(schema, self.direction);
        wanted.extend(names);
        new
    }

    /// The components with these names and all that they need. `None` if they have more bytes than this.
    pub(super) fn definitions(&self, wanted: BTreeSet<String>, bytes_max: usize) -> Option<Map<String, Value>> {
        let (mut wanted, mut found, mut bytes) = (wanted, Map::new(), 0);
        while let Some(name) = wanted.pop_first() {
            if found.contains_key(&name) {
                continue;
            }
            let missing = (json!({}), BTreeSet::new());
            let (schema, names) = self.all.get(&name).unwrap_or(&missing);
            bytes += schema.to_string().len();
            if bytes > bytes_max {
                return None;
            }
            wanted.extend(names.iter().cloned());
            found.insert(name, schema.clone());
        }
        Some(found)
    }
}

/// One schema, with the names of the components that it refers to.
fn draft7(schema: &Value, direction: Direction) -> (Value, BTreeSet<String>) {
    let (mut new, mut names) = (schema.clone(), BTreeSet::new());
    convert(&mut new, direction, &mut names);
    (new, names)
}

fn convert(schema: &mut Value, direction: Direction, names: &mut BTreeSet<String>) {
    each_child(schema, "", &mut |_, child| convert(child, direction, names));
    let Some(fields) = schema.as_object_mut() else { return };
    if let Some(Value::String(reference)) = fields.get("$ref") {
        let target = match reference.strip_prefix(COMPONENTS) {
            Some(name) => {
                names.insert(decoded(name).replace("~1", "/").replace("~0", "~"));
                json!({ "$ref": format!("{DEFINITIONS}{name}") })
            }
            None => json!({}),
        };
        *schema = target;
        return;
    }
    required(fields, direction);
    let nullable = fields.get("nullable") == Some(&Value::Bool(true));
    fields.retain(|key, _| !DROPPED.contains(&key.as_str()) && !key.starts_with("x-"));
    for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        match fields.get(exclusive) {
            Some(Value::Bool(true)) => {
                fields.shift_remove(exclusive);
                if let Some(value) = fields.shift_remove(bound) {
                    fields.insert(exclusive.to_owned(), value);
                }
            }
            Some(Value::Bool(false)) => _ = fields.shift_remove(exclusive),
            _ => {}
        }
    }
    if let Some(items) = fields.shift_remove("prefixItems")
        && let Some(rest) = fields.insert("items".to_owned(), items)
    {
        fields.insert("additionalItems".to_owned(), rest);
    }
    if nullable {
        allow_null(schema);
    }
}

/// Properties of the other direction may be absent.
fn required(fields: &mut Map<String, Value>, direction: Direction) {
    let mark = match direction {
        Direction::Request => "readOnly",
        Direction::Response => "writeOnly",
    };
    let properties = fields.get("properties").and_then(Value::as_object);
    let marked = properties.into_iter().flatten().filter(|(_, property)| property[mark] == true);
    let marked: Vec<String> = marked.map(|(name, _)| name.clone()).collect();
    if let Some(Value::Array(required)) = fields.get_mut("required") {
        required.retain(|name| !marked.iter().any(|one| name == one));
    }
}

/// `nullable: true`.
fn allow_null(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    let is_alternative = ["allOf", "anyOf", "oneOf", "not"].iter().any(|key| fields.contains_key(*key));
    match fields.get("type").and_then(Value::as_str) {
        Some(kind) if !is_alternative => {
            let kinds = json!([kind, "null"]);
            fields.insert("type".to_owned(), kinds);
            if let Some(Value::Array(values)) = fields.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
        }
        _ => {
            let own = std::mem::take(schema);
            *schema = json!({ "anyOf": [own, { "type": "null" }] });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_become_draft_7_with_what_they_need() {
        let root = json!({ "components": { "schemas": {
            "A": { "type": "object", "nullable": true, "required": ["id", "secret"], "properties": {
                "id": { "type": "integer", "readOnly": true, "minimum": 1, "exclusiveMinimum": true },
                "secret": { "type": "string", "writeOnly": true, "example": "x" },
                "next": { "$ref": "#/components/schemas/A" }, "b/c": { "$ref": "#/components/schemas/b~1c" },
            } },
            "b/c": { "enum": ["x"], "type": "string", "nullable": true }, "unused": {},
        } } });
        let of = |direction| {
            let components = Components::of(&root, direction);
            let mut wanted = BTreeSet::new();
            let schema =
                components.converted(&json!({ "$ref": "#/components/schemas/A", "description": "x" }), &mut wanted);
            assert_eq!(schema, json!({ "$ref": "#/definitions/A" }));
            assert!(components.definitions(wanted.clone(), 10).is_none());
            components.definitions(wanted, 10_000).unwrap()
        };
        let request = of(Direction::Request);
        assert_eq!(request.len(), 2);
        assert_eq!(request["A"]["required"], json!(["secret"]));
        assert_eq!(request["A"]["type"], json!(["object", "null"]));
        assert_eq!(request["A"]["properties"]["id"]["exclusiveMinimum"], 1);
        assert_eq!(request["A"]["properties"]["secret"], json!({ "type": "string", "writeOnly": true }));
        assert_eq!(request["b/c"]["enum"], json!(["x", null]));
        assert_eq!(of(Direction::Response)["A"]["required"], json!(["id"]));
    }
}
