//! The schema that a caller requires of the result, under the rules of this API: an object at its root, no combining
//! keywords, references only to its own definitions, limits for depth and size, and objects without additional
//! properties.

use percent_encoding::percent_decode_str;
use runyard_api::host::Place;
use runyard_engine::Object;
use serde_json::{Value, json};

use super::error::{Unfit, invalid};
use crate::catalog::violation;
use crate::dialects::common::refusal::Refusal;
use crate::limits::Limits;
use crate::runs::output_schema;

/// The maximum nesting of schemas; the root has depth 1.
const DEPTH_MAX: usize = 10;
/// The maximum number of schemas.
const SCHEMAS_MAX: usize = 200;
/// The schema's place in the body.
const FIELD: &str = "/outputSchema";
/// The allowed types of a value.
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "null", "object", "array"];
/// Keywords that combine schemas.
const COMBINING: [&str; 3] = ["oneOf", "anyOf", "allOf"];
/// Keywords whose value is a schema or a list of schemas.
const ONE: [&str; 9] =
    ["items", "additionalItems", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else"];
/// Keywords whose value is an object of schemas by name.
const NAMED: [&str; 4] = ["properties", "patternProperties", "definitions", "dependencies"];

/// The schema with its defaults filled in.
pub(super) fn read(asked: &Object, limits: &Limits) -> Result<Value, Refusal> {
    let mut schema = Value::Object(asked.clone());
    let mut reading = Reading { definitions: schema["definitions"].clone(), schemas: 0, unfit: Vec::new() };
    if schema["type"] != "object" {
        reading.refuse(FIELD, "its type must be \"object\"");
    }
    reading.schema(&mut schema, &At::Root, 1);
    if reading.unfit.is_empty()
        && let Err(bad) = output_schema::check(&schema, limits)
    {
        reading.refuse(FIELD, &bad.reason);
    }
    if reading.unfit.is_empty() { Ok(schema) } else { Err(invalid(Place::Body, reading.unfit)) }
}

struct Reading {
    definitions: Value,
    schemas: usize,
    unfit: Vec<Unfit>,
}

impl Reading {
    fn refuse(&mut self, field: &str, reason: &str) {
        self.unfit.push(Unfit { field: field.to_owned(), reason: reason.to_owned() });
    }

    fn schema(&mut self, schema: &mut Value, at: &At<'_>, depth: usize) {
        // If the schema is far too large, no other fault is reported.
        if self.schemas > SCHEMAS_MAX {
            return;
        }
        self.schemas += 1;
        if self.schemas > SCHEMAS_MAX {
            return self.refuse(FIELD, &format!("must have at most {SCHEMAS_MAX} schemas"));
        }
        if depth > DEPTH_MAX {
            return self.refuse(&at.field(), &format!("stands deeper than {DEPTH_MAX} schemas in each other"));
        }
        let Some(members) = schema.as_object_mut() else { return };
        self.words(members, at);
        if is_of_objects(members) && !members.contains_key("additionalProperties") {
            members.insert("additionalProperties".to_owned(), json!(false));
        }
        for (keyword, value) in members.iter_mut() {
            let at = At::Name(at, keyword);
            match value {
                Value::Array(list) if ONE.contains(&keyword.as_str()) => {
                    for (place, schema) in list.iter_mut().enumerate() {
                        self.schema(schema, &At::Place(&at, place), depth + 1);
                    }
                }
                value if ONE.contains(&keyword.as_str()) && value.is_object() => self.schema(value, &at, depth + 1),
                Value::Object(named) if NAMED.contains(&keyword.as_str()) => {
                    for (name, schema) in named.iter_mut().filter(|(_, schema)| schema.is_object()) {
                        self.schema(schema, &At::Name(&at, name), depth + 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// Checks the keywords of one schema.
    fn words(&mut self, members: &Object, at: &At<'_>) {
        for keyword in COMBINING.into_iter().filter(|keyword| members.contains_key(*keyword)) {
            self.refuse(&At::Name(at, keyword).field(), "is not allowed in an output schema");
        }
        match members.get("type") {
            None => {}
            Some(Value::String(word)) if TYPES.contains(&word.as_str()) => {}
            Some(Value::Array(words)) if words.iter().all(|word| TYPES.iter().any(|known| word == known)) => {}
            Some(_) => self.refuse(&At::Name(at, "type").field(), &format!("must be of {}", TYPES.join(", "))),
        }
        let Some(reference) = members.get("$ref") else { return };
        let name = reference.as_str().and_then(|reference| reference.strip_prefix("#/definitions/"));
        let name = name.map(|name| percent_decode_str(name).decode_utf8_lossy().replace("~1", "/").replace("~0", "~"));
        if name.and_then(|name| self.definitions.get(name)).is_none() {
            self.refuse(
                &At::Name(at, "$ref").field(),
                "must name one of the schema's own definitions, as #/definitions/NAME",
            );
        }
    }
}

/// Whether a schema is for objects.
fn is_of_objects(members: &Object) -> bool {
    let said = match members.get("type") {
        Some(Value::Array(words)) => words.iter().any(|word| word == "object"),
        Some(word) => word == "object",
        None => false,
    };
    said || members.contains_key("properties")
}

/// The path of a schema. It becomes text only for a fault, because a name may be almost a megabyte long.
enum At<'a> {
    Root,
    Name(&'a At<'a>, &'a str),
    Place(&'a At<'a>, usize),
}

impl At<'_> {
    fn field(&self) -> String {
        match self {
            At::Root => FIELD.to_owned(),
            At::Name(above, name) => violation::below(&above.field(), name),
            At::Place(above, place) => format!("{}/{place}", above.field()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(schema: Value) -> Result<Value, String> {
        super::read(schema.as_object().unwrap(), &Limits::default())
            .map_err(|refusal| refusal.details["errors"].to_string())
    }

    #[test]
    fn objects_have_nothing_but_what_is_named_unless_they_say_so() {
        let asked = json!({
            "type": "object",
            "properties": {
                "inner": { "type": ["object", "null"], "properties": { "n": { "type": "number" } } },
                "open": { "type": "object", "additionalProperties": true },
                "list": { "type": "array", "items": { "properties": {} } },
            },
            "definitions": { "d": { "type": "object" } },
        });
        let read = read(asked).unwrap();
        for closed in ["", "/properties/inner", "/properties/list/items", "/definitions/d"] {
            assert_eq!(read.pointer(closed).unwrap()["additionalProperties"], json!(false), "{closed}");
        }
        assert_eq!(read["properties"]["open"]["additionalProperties"], json!(true));
        assert_eq!(read["properties"]["list"].get("additionalProperties"), None);
    }

    #[test]
    fn every_rule_is_kept_and_named() {
        let object = |member: &str, value: Value| json!({ "type": "object", "properties": { "a": { member: value } } });
        for (bad, field, why) in [
            (json!({}), "/outputSchema", "must be"),
            (json!({ "type": "array" }), "/outputSchema", "must be"),
            (json!({ "type": ["object"] }), "/outputSchema", "must be"),
            (object("oneOf", json!([])), "/outputSchema/properties/a/oneOf", "not allowed"),
            (object("anyOf", json!([{}])), "/outputSchema/properties/a/anyOf", "not allowed"),
            (object("allOf", json!([{}])), "/outputSchema/properties/a/allOf", "not allowed"),
            (object("type", json!("text")), "/outputSchema/properties/a/type", "must be of"),
            (object("type", json!(["string", "text"])), "/outputSchema/properties/a/type", "must be of"),
            (object("$ref", json!("#/definitions/a")), "/outputSchema/properties/a/$ref", "own definitions"),
            (object("$ref", json!("#")), "/outputSchema/properties/a/$ref", "own definitions"),
            (object("$ref", json!("https://example.org/")), "/outputSchema/properties/a/$ref", "own definitions"),
            (object("$ref", json!(7)), "/outputSchema/properties/a/$ref", "own definitions"),
            (object("pattern", json!("(")), "/outputSchema", "no JSON Schema"),
            (
                json!({ "type": "object", "definitions": { "a": { "$ref": "#/definitions/a" } } }),
                "/outputSchema",
                "in a circle",
            ),
        ] {
            let said = read(bad.clone()).unwrap_err();
            assert!(said.contains(why) && said.contains(&format!("\"field\":\"{field}\"")), "{bad}: {said}");
        }
        let good = json!({
            "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
            "properties": { "a": { "$ref": "#/definitions/x~1y" }, "oneOf": { "type": ["number", "null"] } },
            "definitions": { "x/y": { "type": "integer" } },
        });
        read(good).unwrap();
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = |depth: usize| {
            (1..depth)
                .fold(json!({ "type": "object" }), |inner, _| json!({ "type": "object", "properties": { "a": inner } }))
        };
        read(deep(10)).unwrap();
        assert!(read(deep(11)).unwrap_err().contains("deeper than 10"));
        let wide = |count: usize| {
            let properties: Object = (1..count).map(|at| (format!("p{at}"), json!({ "type": "string" }))).collect();
            json!({ "type": "object", "properties": properties })
        };
        read(wide(200)).unwrap();
        assert!(read(wide(201)).unwrap_err().contains("at most 200 schemas"));
    }
}
