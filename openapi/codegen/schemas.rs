//! Checks every schema of a document: it must be well formed, use OpenAPI 3.0, and lose nothing silently.
//!
//! `check.rs` calls this. typify decides whether a schema can have a Rust type; this module finds the cases where its
//! result would be wrong.

use serde_json::{Map, Value, json};

use crate::normal::{self, each_child, each_schema};
use crate::refusal::{Effect, Refusal, Refusals};
use crate::{document, schema};

/// Refuses keywords that OpenAPI 3.0 does not have. They are still read with their meaning in 3.1.
pub(crate) fn later_keywords(document: &mut Value, refusals: &mut Refusals) {
    if !is_30(document) {
        return;
    }
    let whole = document.clone();
    let mut checker = Checker { document: &whole, is_30: is_30(&whole), refusals };
    each_schema(document, &mut |pointer, schema| checker.later(schema, pointer));
}

/// Whether the schemas are those of OpenAPI 3.0. A file with only schemas has no version.
fn is_30(document: &Value) -> bool {
    matches!(normal::version(document), version if version.is_empty() || version.starts_with("3.0."))
}

/// Checks and repairs every schema of a document, or of a file of schemas.
pub(crate) fn check(document: &mut Value, refusals: &mut Refusals) {
    let whole = document.clone();
    let mut checker = Checker { document: &whole, is_30: is_30(&whole), refusals };
    each_schema(document, &mut |pointer, schema| checker.schema(schema, pointer));
}

/// Keywords of later JSON Schema drafts, which readers of 3.0 ignore.
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

/// Keywords that bound one type and are ignored without a `type`; and that type. `properties` and
/// `additionalProperties` alone imply an object for all tools, and are read so (`schema.rs`).
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
    document: &'a Value,
    is_30: bool,
    refusals: &'a mut Refusals,
}

impl Checker<'_> {
    fn refuse(&mut self, pointer: &str, reason: impl Into<String>, effect: Effect) {
        let operation = document::operation_at(self.document, pointer);
        let place = document::place(self.document, pointer);
        let place = if place == pointer { place } else { format!("{place} ({pointer})") };
        self.refusals.add(Refusal { operation, place, reason: reason.into(), effect });
    }

    fn later(&mut self, schema: &mut Value, pointer: &str) {
        if let Some(fields) = schema.as_object() {
            let number = |bound: &str| fields.get(bound).is_some_and(Value::is_number);
            if fields.get("type").is_some_and(Value::is_array) {
                let reason = "`type` is a list, which is OpenAPI 3.1: write `nullable: true` or `oneOf`";
                self.refuse(pointer, reason, Effect::Assumed);
            }
            if ["exclusiveMinimum", "exclusiveMaximum"].into_iter().any(number) {
                let reason = "an exclusive bound is a number, which is OpenAPI 3.1: write `minimum` and `exclusiveMinimum: true`";
                self.refuse(pointer, reason, Effect::Assumed);
            }
            if let Some(keyword) = LATER.iter().find(|keyword| fields.contains_key(**keyword)) {
                let reason = format!("`{keyword}` is not a keyword of OpenAPI 3.0 schemas, and would be lost");
                self.refuse(pointer, reason, Effect::Assumed);
            }
        } else if schema.is_boolean() && !pointer.ends_with("/additionalProperties") {
            self.refuse(pointer, "is not a schema: a schema is a mapping", Effect::Assumed);
        }
        each_child(schema, pointer, &mut |pointer, child| self.later(child, pointer));
    }

    fn schema(&mut self, schema: &mut Value, pointer: &str) {
        if schema.is_boolean() && pointer.ends_with("/additionalProperties") {
            return;
        }
        let Value::Object(fields) = schema else {
            self.refuse(pointer, "is not a schema: a schema is a mapping", Effect::Widened);
            *schema = json!({});
            return;
        };
        if let Some(reference) = fields.get("$ref") {
            if !reference.is_string() {
                self.refuse(pointer, "`$ref` is not a text", Effect::Widened);
                *schema = json!({});
            }
            return;
        }
        let kind = self.kind(fields, pointer);
        self.values(fields, kind.as_deref(), pointer);
        self.shape(fields, kind.as_deref(), pointer);
        each_child(schema, pointer, &mut |pointer, child| self.schema(child, pointer));
    }

    /// The type, after a missing one is inferred and a wrong one removed.
    fn kind(&mut self, fields: &mut Map<String, Value>, pointer: &str) -> Option<String> {
        let known = |kind: &&str| ["string", "number", "integer", "boolean", "array", "object"].contains(kind);
        match fields.get("type") {
            None => {
                if let Some((bound, kind)) = implied(fields) {
                    // Since 3.1, a bound without a type applies to its type only and allows all others.
                    if self.is_30 {
                        let reason = format!("has `{bound}`, but no `type` that it belongs to: write `type: {kind}`");
                        self.refuse(pointer, reason, Effect::Assumed);
                    }
                    fields.insert("type".into(), kind.into());
                    return Some(kind.to_owned());
                }
                schema::is_untyped_object(fields).then(|| "object".to_owned())
            }
            Some(Value::String(kind)) if known(&kind.as_str()) => Some(kind.clone()),
            Some(other) => {
                let lower = other.as_str().map(str::to_ascii_lowercase);
                self.refuse(pointer, format!("`type: {other}` is not one of OpenAPI 3.0's"), Effect::Widened);
                fields.shift_remove("type");
                let lower = lower.filter(|kind| known(&kind.as_str()));
                let kind = lower.or_else(|| implied(fields).map(|(_, kind)| kind.to_owned()));
                if let Some(kind) = &kind {
                    fields.insert("type".into(), kind.as_str().into());
                }
                kind
            }
        }
    }

    /// Checks `enum` and `default` against `type`. typify checks whether a default matches the whole schema.
    fn values(&mut self, fields: &mut Map<String, Value>, kind: Option<&str>, pointer: &str) {
        let nullable = fields.get("nullable") == Some(&Value::Bool(true));
        let fits = |value: &Value| value.is_null() && nullable || kind.is_none_or(|kind| is_a(value, kind));
        match fields.get("enum") {
            None => {}
            Some(Value::Array(values)) if values.is_empty() => {
                self.refuse(pointer, "`enum` has no values", Effect::Widened);
                fields.shift_remove("enum");
            }
            Some(Value::Array(values)) => {
                let strange = values.iter().find(|value| !fits(value)).cloned();
                let left: Vec<Value> = values.iter().filter(|value| fits(value)).cloned().collect();
                if let Some(other) = strange {
                    self.refuse(pointer, format!("`enum` has {other}, which is not of its type"), Effect::Widened);
                    fields.shift_remove("enum");
                    if !left.is_empty() {
                        fields.insert("enum".into(), left.into());
                    }
                }
            }
            Some(_) => {
                self.refuse(pointer, "`enum` is not a list", Effect::Widened);
                fields.shift_remove("enum");
            }
        }
        if let Some(default) = fields.get("default").filter(|default| !fits(default)).cloned() {
            // Many documents write a missing default as null.
            if !default.is_null() {
                self.refuse(pointer, format!("`default: {default}` is not of its type"), Effect::Ignored);
            }
            fields.shift_remove("default");
        }
    }

    /// Checks keywords that must hold schemas.
    fn shape(&mut self, fields: &mut Map<String, Value>, kind: Option<&str>, pointer: &str) {
        if fields.get("properties").is_some_and(|all| !all.is_object()) {
            self.refuse(pointer, "`properties` is not a mapping", Effect::Widened);
            fields.shift_remove("properties");
        }
        if fields.get("required").is_some_and(|all| !all.is_array()) {
            self.refuse(pointer, "`required` is not a list: in a schema it names properties", Effect::Ignored);
            fields.shift_remove("required");
        }
        for keyword in ["allOf", "oneOf", "anyOf"] {
            if fields.get(keyword).is_some_and(|all| all.as_array().is_none_or(Vec::is_empty)) {
                self.refuse(pointer, format!("`{keyword}` is not a list of schemas"), Effect::Widened);
                fields.shift_remove(keyword);
            }
        }
        if kind == Some("array") && !fields.contains_key("items") {
            if self.is_30 {
                self.refuse(pointer, "a list has no `items`: write `items: {}` for any JSON", Effect::Assumed);
            }
            fields.insert("items".into(), json!({}));
        }
    }
}

/// The first bound without a type, and the type that it implies.
fn implied(fields: &Map<String, Value>) -> Option<(&'static str, &'static str)> {
    let composed = ["allOf", "oneOf", "anyOf"].iter().any(|keyword| fields.contains_key(*keyword));
    BOUNDS.iter().find(|(bound, _)| fields.contains_key(*bound)).filter(|_| !composed).copied()
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
