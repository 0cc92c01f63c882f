//! Every schema of a document, checked one by one: well formed, of OpenAPI 3.0, and nothing that would be lost without a word.
//!
//! Called by `check.rs`. Whether a schema can be given a Rust type is typify's question; here is what it would answer badly.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{Error, Result, document, schema};

/// Checks every schema of a document, or of a file of schemas.
pub(crate) fn check(path: &Path, whole: &Value) -> Result<()> {
    let checker = Checker { path, document: whole };
    for (name, schema) in whole.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten() {
        checker.schema(schema, &format!("/components/schemas/{}", document::escape(name)))?;
    }
    document::walk(whole, &mut String::new(), &mut |pointer, value| {
        // Inside of schemas, `schema` can only be somebody's name for a property.
        let outside = !pointer.starts_with("/components/schemas")
            && !pointer.contains("/schema/")
            && !pointer.contains("/example");
        if outside && pointer.ends_with("/schema") { checker.schema(value, pointer) } else { Ok(()) }
    })
}

/// Keywords of later JSON Schema drafts, which readers of 3.0 drop.
const LATER: [&str; 9] = [
    "const",
    "$defs",
    "if",
    "then",
    "else",
    "patternProperties",
    "prefixItems",
    "unevaluatedProperties",
    "dependentSchemas",
];

/// Keywords that bound one type, and are dropped where none is named; and the type that they bound. `properties` and
/// `additionalProperties` alone mean an object to everyone, and are read so (`schema.rs`).
const BOUNDS: [(&str, &str); 10] = [
    ("format", "string"),
    ("minimum", "number"),
    ("maximum", "number"),
    ("multipleOf", "number"),
    ("pattern", "string"),
    ("minLength", "string"),
    ("maxLength", "string"),
    ("items", "array"),
    ("minItems", "array"),
    ("maxItems", "array"),
];

struct Checker<'a> {
    path: &'a Path,
    document: &'a Value,
}

impl Checker<'_> {
    fn refuse(&self, pointer: &str, reason: impl Into<String>) -> Result<()> {
        let place = document::place(self.document, pointer);
        let place = if place == pointer { place } else { format!("{place} ({pointer})") };
        Err(Error::unsupported(self.path, place, reason))
    }

    fn schema(&self, schema: &Value, pointer: &str) -> Result<()> {
        let Value::Object(fields) = schema else {
            return self.refuse(pointer, "is not a schema: a schema is a mapping");
        };
        if let Some(reference) = fields.get("$ref") {
            return if reference.is_string() { Ok(()) } else { self.refuse(pointer, "`$ref` is not a text") };
        }
        self.version(fields, pointer)?;
        let kind = self.kind(fields, pointer)?;
        self.values(fields, kind, pointer)?;
        self.below(fields, kind, pointer)
    }

    fn version(&self, fields: &Map<String, Value>, pointer: &str) -> Result<()> {
        if fields.get("type").is_some_and(Value::is_array) {
            return self.refuse(pointer, "`type` is a list, which is OpenAPI 3.1: write `nullable: true` or `oneOf`");
        }
        if ["exclusiveMinimum", "exclusiveMaximum"].iter().any(|bound| fields.get(*bound).is_some_and(Value::is_number))
        {
            return self.refuse(
                pointer,
                "an exclusive bound is a number, which is OpenAPI 3.1: write `minimum` and `exclusiveMinimum: true`",
            );
        }
        match LATER.iter().find(|keyword| fields.contains_key(**keyword)) {
            Some(keyword) => {
                self.refuse(pointer, format!("`{keyword}` is not a keyword of OpenAPI 3.0 schemas, and would be lost"))
            }
            None => Ok(()),
        }
    }

    fn kind<'s>(&self, fields: &'s Map<String, Value>, pointer: &str) -> Result<Option<&'s str>> {
        match fields.get("type") {
            None => {
                let composed = ["allOf", "oneOf", "anyOf"].iter().any(|keyword| fields.contains_key(*keyword));
                let bound = BOUNDS.iter().find(|(bound, _)| fields.contains_key(*bound)).filter(|_| !composed);
                if let Some((bound, kind)) = bound {
                    let reason = format!("has `{bound}`, but no `type` that it belongs to: write `type: {kind}`");
                    self.refuse(pointer, reason)?;
                }
                Ok(schema::is_untyped_object(fields).then_some("object"))
            }
            Some(Value::String(kind))
                if ["string", "number", "integer", "boolean", "array", "object"].contains(&kind.as_str()) =>
            {
                Ok(Some(kind))
            }
            Some(other) => {
                self.refuse(pointer, format!("`type: {other}` is not one of OpenAPI 3.0's"))?;
                Ok(None)
            }
        }
    }

    /// `enum` and `default` against `type`. Whether a default fits the whole schema is left to typify.
    fn values(&self, fields: &Map<String, Value>, kind: Option<&str>, pointer: &str) -> Result<()> {
        let nullable = fields.get("nullable") == Some(&Value::Bool(true));
        let fits = |value: &Value| value.is_null() && nullable || kind.is_none_or(|kind| is_a(value, kind));
        match fields.get("enum") {
            None => {}
            Some(Value::Array(values)) if values.is_empty() => return self.refuse(pointer, "`enum` has no values"),
            Some(Value::Array(values)) => {
                if let Some(other) = values.iter().find(|value| !fits(value)) {
                    return self.refuse(pointer, format!("`enum` has {other}, which is not of its type"));
                }
            }
            Some(_) => return self.refuse(pointer, "`enum` is not a list"),
        }
        match fields.get("default") {
            Some(default) if !fits(default) => self.refuse(pointer, format!("`default: {default}` is not of its type")),
            _ => Ok(()),
        }
    }

    fn below(&self, fields: &Map<String, Value>, kind: Option<&str>, pointer: &str) -> Result<()> {
        match fields.get("properties") {
            None => {}
            Some(Value::Object(all)) => {
                for (name, one) in all {
                    self.schema(one, &format!("{pointer}/properties/{}", document::escape(name)))?;
                }
            }
            Some(_) => return self.refuse(pointer, "`properties` is not a mapping"),
        }
        for keyword in ["allOf", "oneOf", "anyOf"] {
            match fields.get(keyword) {
                None => {}
                Some(Value::Array(all)) if !all.is_empty() => {
                    for (index, one) in all.iter().enumerate() {
                        self.schema(one, &format!("{pointer}/{keyword}/{index}"))?;
                    }
                }
                Some(_) => return self.refuse(pointer, format!("`{keyword}` is not a list of schemas")),
            }
        }
        if let Some(not) = fields.get("not") {
            self.schema(not, &format!("{pointer}/not"))?;
        }
        match fields.get("items") {
            Some(items) => self.schema(items, &format!("{pointer}/items"))?,
            None if kind == Some("array") => {
                return self.refuse(pointer, "a list has no `items`: write `items: {}` for any JSON");
            }
            None => {}
        }
        match fields.get("additionalProperties") {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(values) => self.schema(values, &format!("{pointer}/additionalProperties")),
        }
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}
