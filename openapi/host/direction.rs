//! `readOnly` and `writeOnly`: a required property of one direction is not required in the other.
//!
//! A client need not send what only the server sets, and a server need not return what only the client sets (OpenAPI
//! 3.0.3, Schema Object). A read-only property that is sent anyway is accepted, as the specification allows.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response,
}

impl Direction {
    /// The keyword of properties that are not required in this direction.
    fn keyword(self) -> &'static str {
        match self {
            Self::Request => "readOnly",
            Self::Response => "writeOnly",
        }
    }
}

/// Removes from every `required` of a document what is not required in this direction.
pub(super) fn relax(document: &mut Value, direction: Direction) {
    let marks = Marks { document: &document.clone(), keyword: direction.keyword() };
    if marks.occur(document) {
        marks.relax(document, &BTreeSet::new());
    }
}

/// The longest chain of references and parts within a schema; a schema can contain itself.
const DEPTH_MAX: usize = 16;

/// Keywords with values instead of schemas.
const VALUES: [&str; 5] = ["example", "examples", "default", "const", "enum"];

/// Keywords whose keys are names.
const NAMED: [&str; 13] = [
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "schemas",
    "responses",
    "requestBodies",
    "parameters",
    "headers",
    "content",
    "pathItems",
    "callbacks",
];

struct Marks<'a> {
    document: &'a Value,
    keyword: &'static str,
}

impl Marks<'_> {
    /// Whether the keyword occurs at all; in most documents it does not.
    fn occur(&self, value: &Value) -> bool {
        match value {
            Value::Object(fields) => {
                fields.get(self.keyword) == Some(&Value::Bool(true)) || fields.values().any(|field| self.occur(field))
            }
            Value::Array(items) => items.iter().any(|item| self.occur(item)),
            _ => false,
        }
    }

    /// `inherited`: the properties of the schema that this one is a part of, by `allOf`.
    fn relax(&self, value: &mut Value, inherited: &BTreeSet<String>) {
        let mut own = inherited.clone();
        self.marked(value, &mut own, 0);
        match value {
            Value::Object(fields) => {
                if let Some(Value::Array(required)) = fields.get_mut("required") {
                    required.retain(|name| name.as_str().is_none_or(|name| !own.contains(name)));
                }
                for (key, field) in fields {
                    match (key.as_str(), field) {
                        (key, _) if VALUES.contains(&key) => {}
                        (key, Value::Object(all)) if NAMED.contains(&key) => {
                            all.values_mut().for_each(|one| self.relax(one, &BTreeSet::new()));
                        }
                        ("allOf", Value::Array(all)) => all.iter_mut().for_each(|one| self.relax(one, &own)),
                        (_, field) => self.relax(field, &BTreeSet::new()),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.relax(item, &BTreeSet::new())),
            _ => {}
        }
    }

    /// The names of the properties with the keyword, also of those that a schema has through `$ref` and `allOf`.
    fn marked(&self, schema: &Value, into: &mut BTreeSet<String>, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        into.extend(properties.filter(|(_, one)| self.is_marked(one, 0)).map(|(name, _)| name.clone()));
        self.parts(schema).for_each(|part| self.marked(part, into, depth + 1));
    }

    fn is_marked(&self, schema: &Value, depth: usize) -> bool {
        let here = schema.get(self.keyword) == Some(&Value::Bool(true));
        // OpenAPI 3.0 ignores keywords beside a reference.
        let counts = schema.get("$ref").is_none() || super::openapi_version::is_latest(self.document);
        here && counts || depth < DEPTH_MAX && self.parts(schema).any(|part| self.is_marked(part, depth + 1))
    }

    /// The schemas that a value must fit, too.
    fn parts<'s>(&'s self, schema: &'s Value) -> impl Iterator<Item = &'s Value> {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        let target = target.and_then(|pointer| self.document.pointer(pointer));
        target.into_iter().chain(schema.get("allOf").and_then(Value::as_array).into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn required(schema: Value, direction: Direction) -> Value {
        let mut document = json!({ "openapi": "3.0.3", "components": { "schemas": {
            "Id": { "type": "integer", "readOnly": true },
            "Base": { "properties": { "id": { "$ref": "#/components/schemas/Id" }, "name": {} }, "required": ["name"] },
            "Own": schema,
        } } });
        relax(&mut document, direction);
        document.pointer_mut("/components/schemas/Own").map(Value::take).unwrap()
    }

    #[test]
    fn each_direction_requires_its_own_properties() {
        let schema = json!({
            "required": ["a", "b", "c"],
            "properties": { "a": { "readOnly": true }, "b": { "writeOnly": true }, "c": {} },
        });
        assert_eq!(required(schema.clone(), Direction::Request)["required"], json!(["b", "c"]));
        assert_eq!(required(schema, Direction::Response)["required"], json!(["a", "c"]));
    }

    #[test]
    fn a_property_that_a_schema_inherits_counts() {
        let base = json!({ "$ref": "#/components/schemas/Base" });
        let schema = json!({ "allOf": [base, { "required": ["id", "name"] }], "required": ["id"] });
        let relaxed = required(schema, Direction::Request);
        assert_eq!((&relaxed["required"], &relaxed["allOf"][1]["required"]), (&json!([]), &json!(["name"])));
    }

    #[test]
    fn names_and_values_are_not_schemas() {
        let schema = json!({
            "properties": {
                "properties": { "readOnly": true }, "required": { "type": "array", "default": ["properties"] },
                "default": { "properties": { "x": { "readOnly": true } }, "required": ["x"] },
            },
            "example": { "properties": { "x": { "readOnly": true } }, "required": ["x"] },
        });
        let relaxed = required(schema.clone(), Direction::Request);
        assert_eq!(relaxed["properties"]["default"]["required"], json!([]));
        assert_eq!(relaxed["properties"]["required"], schema["properties"]["required"]);
        assert_eq!(relaxed["example"], schema["example"]);
    }

    #[test]
    fn a_response_that_is_named_default_has_schemas() {
        let schema = json!({ "required": ["a"], "properties": { "a": { "writeOnly": true } } });
        let mut document = json!({ "paths": { "/a": { "get": { "responses": { "default": {
            "content": { "application/json": { "schema": schema } },
        } } } } } });
        relax(&mut document, Direction::Response);
        let pointer = "/paths/~1a/get/responses/default/content/application~1json/schema/required";
        assert_eq!(document.pointer(pointer), Some(&json!([])));
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Own" }], "required": ["a"] });
        assert_eq!(required(schema, Direction::Request)["required"], json!(["a"]));
    }
}
