//! Schemas for readers: a value's type, its rules, and an object's fields.
//!
//! Each place is read in the document as served and in the vendor's: what the vendor's lacks is Runyard's.

use serde_json::Value;

use super::view::{Field, OtherFields, Rule, Shape, Word};

/// The maximum depth at which nested fields are shown in place.
const DEPTH_MAX: usize = 3;

/// Keywords that are shown as rules, with their labels.
const RULES: [(&str, &str); 13] = [
    ("default", "default"),
    ("enum", "one of"),
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("multipleOf", "multiple of"),
    ("minLength", "characters, at least"),
    ("maxLength", "characters, at most"),
    ("minItems", "items, at least"),
    ("maxItems", "items, at most"),
    ("minProperties", "keys, at least"),
    ("maxProperties", "keys, at most"),
    ("pattern", "pattern"),
    ("x-property-names", "keys match"),
];

/// A schema's place in the served document, and in the vendor's document if it exists there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) full: &'a Value,
    pub(super) owner: Option<&'a Value>,
}

impl<'a> Place<'a> {
    /// A place below this one.
    pub(super) fn below(self, key: &str) -> Option<Place<'a>> {
        let full = self.full.get(key)?;
        Some(Place { full, owner: self.owner.and_then(|owner| owner.get(key)) })
    }

    /// Whether the vendor's document does not have it.
    pub(super) fn ours(self) -> bool {
        self.owner.is_none()
    }

    /// The places of an object, in the order of the document.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Place<'a>)> {
        let full = self.full.as_object().into_iter().flatten();
        full.map(move |(key, full)| (key.as_str(), Place { full, owner: self.owner.and_then(|owner| owner.get(key)) }))
    }

    /// A text below this place; empty if it is missing.
    pub(super) fn text(self, key: &str) -> String {
        self.full.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// The name of the schema, if this one is only a reference.
pub(super) fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// The type of a value with this schema.
pub(super) fn shape(place: Place<'_>) -> Shape {
    let schema = place.full;
    if let Some(name) = referred(schema) {
        return Shape { words: vec![Word::Schema(name.to_owned())], rules: Vec::new() };
    }
    let plain = |text: &str| Word::Plain(text.to_owned());
    let (mut words, mut rules) = (Vec::new(), rules(place));
    match (schema.get("type").and_then(Value::as_str), schema.get("format").and_then(Value::as_str)) {
        (Some("array"), _) => {
            words.push(plain("list of "));
            if let Some(items) = place.below("items") {
                let items = shape(items);
                words.extend(items.words);
                rules.extend(items.rules);
            }
        }
        (Some("object"), _) => match place.below("additionalProperties") {
            Some(values) if values.full.is_object() => {
                words.push(plain("map of "));
                words.extend(shape(values).words);
            }
            _ if schema.get("properties").is_none() => words.push(plain("any JSON object")),
            _ => words.push(plain("object")),
        },
        (Some(kind), Some(format)) => words.push(plain(&format!("{kind}, {format}"))),
        (Some(kind), None) => words.push(plain(kind)),
        (None, _) => words.push(plain("any JSON")),
    }
    Shape { words, rules }
}

fn rules(place: Place<'_>) -> Vec<Rule> {
    let stated = RULES.iter().filter_map(|(key, name)| place.below(key).map(|value| (*name, value)));
    stated.map(|(name, value)| Rule { name, value: written(value.full), ours: value.ours() }).collect()
}

/// A rule's value as text; lists item by item.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(", "),
        // Rules for property names have only a pattern.
        Value::Object(object) => object.get("pattern").map_or_else(|| value.to_string(), written),
        other => other.to_string(),
    }
}

/// Whether an object allows fields that it does not name.
pub(super) fn other_fields(schema: &Value) -> OtherFields {
    match (schema.get("type").and_then(Value::as_str), schema.get("additionalProperties")) {
        (Some("object"), Some(Value::Bool(false))) => OtherFields::Closed,
        (Some("object"), _) => OtherFields::Open,
        _ => OtherFields::None,
    }
}

/// The fields of an object, or of the objects of a list, with nested fields down to a depth.
pub(super) fn fields(place: Place<'_>, schemas: Place<'_>, depth: usize) -> Vec<Field> {
    let Some(properties) = resolved(place, schemas).and_then(|object| object.below("properties")) else {
        return Vec::new();
    };
    let required = resolved(place, schemas).and_then(|object| object.full.get("required")?.as_array());
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
    let field = |(name, place): (&str, Place<'_>)| Field {
        name: name.to_owned(),
        required: is_required(name),
        ours: place.ours(),
        description: described(place, schemas),
        notes: notes(place),
        shape: shape(place),
        fields: if depth < DEPTH_MAX { inner(place, schemas, depth + 1) } else { Vec::new() },
    };
    properties.entries().map(field).collect()
}

/// The fields of a field. `extensions` and similar objects name none.
fn inner(place: Place<'_>, schemas: Place<'_>, depth: usize) -> Vec<Field> {
    let items = place.below("items");
    fields(items.unwrap_or(place), schemas, depth)
}

/// A field that is only a reference has the description of its schema.
fn described(place: Place<'_>, schemas: Place<'_>) -> String {
    let own = place.text("description");
    if own.is_empty() { resolved(place, schemas).map_or(own, |schema| schema.text("description")) } else { own }
}

/// The schema itself, behind a reference.
pub(super) fn resolved<'a>(place: Place<'a>, schemas: Place<'a>) -> Option<Place<'a>> {
    match referred(place.full) {
        Some(name) => schemas.below(name),
        None => Some(place),
    }
}

/// Runyard's notes on a schema (`x-runyard-note`).
pub(super) fn notes(place: Place<'_>) -> Vec<String> {
    place.full.get("x-runyard-note").and_then(Value::as_str).map(str::to_owned).into_iter().collect()
}
