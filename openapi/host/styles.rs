//! Arrays and objects from the text of a parameter or a form, according to the schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Style, schema};

/// The structure of a value.
#[derive(Debug)]
pub(super) enum Shape {
    Single(Kind),
    List(Kind),
    Object(Properties),
}

/// The shapes of an object's properties.
#[derive(Debug, Default)]
pub(super) struct Properties {
    named: BTreeMap<String, Shape>,
}

/// The type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Boolean,
    Text,
    /// An object or a list, as JSON text.
    Json,
}

/// The depth to which nested objects are read; a schema can contain itself.
const DEPTH_MAX: usize = 4;

impl Shape {
    /// The shape that a schema describes.
    pub(super) fn of(document: &Value, schema: &Value) -> Self {
        Self::at(document, schema, 0)
    }

    fn at(document: &Value, schema: &Value, depth: usize) -> Self {
        let schema = schema::resolve(document, schema);
        // For `anyOf` an array and null, and the like, take the first alternative that is more than text.
        let alternatives =
            ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
        let own = Self::plain(document, schema, depth);
        match own {
            Self::Single(Kind::Text) if depth < DEPTH_MAX => alternatives
                .map(|one| Self::at(document, one, depth + 1))
                .find(|shape| !matches!(shape, Self::Single(Kind::Text)))
                .unwrap_or(own),
            own => own,
        }
    }

    fn plain(document: &Value, schema: &Value, depth: usize) -> Self {
        if is(schema, "array") {
            return Self::List(kind(schema::resolve(document, &schema["items"])));
        }
        if (is(schema, "object") || schema.get("properties").is_some()) && depth < DEPTH_MAX {
            let all = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            let named = all.map(|(name, one)| (name.clone(), Self::at(document, one, depth + 1))).collect();
            return Self::Object(Properties { named });
        }
        Self::Single(kind(schema))
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List(_))
    }

    /// Whether an object has this property, or the first segment of a path into it.
    pub(super) fn has(&self, name: &str) -> bool {
        let Self::Object(properties) = self else { return false };
        properties.named.contains_key(name.split('[').next().unwrap_or(name))
    }

    /// One item of a list.
    pub(super) fn item(&self, text: String) -> Value {
        match self {
            Self::Single(kind) | Self::List(kind) => coerced(*kind, text),
            Self::Object(_) => Value::String(text),
        }
    }

    /// Whether a property is a list.
    pub(super) fn lists(&self, name: &str) -> bool {
        matches!(self, Self::Object(properties) if properties.named.get(name).is_some_and(Self::is_list))
    }

    /// The value of one property.
    pub(super) fn property(&self, name: &str, text: String) -> Value {
        let Self::Object(properties) = self else { return Value::String(text) };
        item_of(properties.named.get(name), text)
    }

    /// A whole value from one text.
    pub(super) fn read(&self, style: Style, text: String) -> Value {
        if style == Style::Json {
            return serde_json::from_str(&text).unwrap_or(Value::String(text));
        }
        let separator = style.separator().unwrap_or(',');
        match self {
            Self::Single(kind) => coerced(*kind, text),
            Self::List(_) if text.is_empty() => Value::Array(Vec::new()),
            Self::List(kind) => text.split(separator).map(|item| coerced(*kind, item.to_owned())).collect(),
            Self::Object(_) if style.has_pairs() => {
                let pairs = text.split(separator).filter_map(|pair| pair.split_once('='));
                self.object(pairs.map(|(key, text)| (key.to_owned(), text.to_owned())).collect())
            }
            Self::Object(_) => {
                let words: Vec<&str> = text.split(separator).collect();
                let pairs = words.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
                self.object(pairs.collect())
            }
        }
    }

    /// An object from names and texts; `a[b]` is property `b` of `a`, and a repeated name makes an array.
    pub(super) fn object(&self, fields: Vec<(String, String)>) -> Value {
        let nothing = Properties::default();
        let properties = if let Self::Object(properties) = self { properties } else { &nothing };
        let mut inner: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        let mut object = Map::new();
        for (name, text) in fields {
            let known = properties.named.get(&name);
            if let (None, Some((outer, key))) = (known, name.split_once('[')) {
                let key = key.replacen(']', "", 1);
                // Clients also write arrays as `a[]` and `a[0]`.
                let listed = key.is_empty() || properties.named.get(outer).is_some_and(Self::is_list);
                let key = if listed { String::new() } else { key };
                inner.entry(outer.to_owned()).or_default().push((key, text));
                continue;
            }
            put(&mut object, name, known, text);
        }
        for (name, fields) in inner {
            let shape = properties.named.get(&name);
            if fields.iter().all(|(key, _)| key.is_empty()) {
                let items = fields.into_iter().map(|(_, text)| item_of(shape, text)).collect();
                object.insert(name, Value::Array(items));
            } else {
                let value = shape.unwrap_or(&Self::Object(Properties::default())).object(fields);
                object.insert(name, value);
            }
        }
        Value::Object(object)
    }
}

fn put(object: &mut Map<String, Value>, name: String, shape: Option<&Shape>, text: String) {
    let value = item_of(shape, text);
    match object.get_mut(&name) {
        Some(Value::Array(items)) => items.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
        None if shape.is_some_and(Shape::is_list) => {
            object.insert(name, Value::Array(vec![value]));
        }
        None => {
            object.insert(name, value);
        }
    }
}

fn item_of(shape: Option<&Shape>, text: String) -> Value {
    match shape {
        Some(Shape::Object(_)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(shape) => shape.item(text),
        None => Value::String(text),
    }
}

/// A path parameter without the prefix of its style: `a,b` of `.a,b` and of `;name=a,b`.
pub(super) fn unprefixed<'a>(style: Style, name: &str, text: &'a str) -> Option<&'a str> {
    match style {
        Style::Label | Style::LabelPairs => text.strip_prefix('.'),
        Style::Matrix => text.strip_prefix(';')?.strip_prefix(name)?.strip_prefix('='),
        _ => Some(text),
    }
}

/// The names and texts of a parameter of style `matrix` with `explode`.
pub(super) fn matrix(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, text)| (key.to_owned(), text.to_owned())).collect()
}

/// The key of `name[key]`; of `name[key][more]` it is `key[more]`.
pub(super) fn bracketed(written: &str, name: &str) -> Option<String> {
    let (key, more) = written.strip_prefix(name)?.strip_prefix('[')?.split_once(']')?;
    Some(format!("{key}{more}"))
}

fn is(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(all)) => all.iter().any(|one| one == kind),
        _ => false,
    }
}

fn kind(schema: &Value) -> Kind {
    if is(schema, "object") || is(schema, "array") || schema.get("properties").is_some() {
        return Kind::Json;
    }
    match ["integer", "number", "boolean"].into_iter().find(|kind| is(schema, kind)) {
        Some("boolean") => Kind::Boolean,
        Some(_) => Kind::Number,
        None => Kind::Text,
    }
}

/// Text as the schema's type, or as text if it cannot be read as that type.
fn coerced(kind: Kind, text: String) -> Value {
    let value = match kind {
        Kind::Number if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            serde_json::from_str(&text).ok().filter(Value::is_number).filter(|_| !text.ends_with(char::is_whitespace))
        }
        Kind::Boolean => text.parse().ok().map(Value::Bool),
        Kind::Json => serde_json::from_str(&text).ok().filter(|value: &Value| value.is_object() || value.is_array()),
        _ => None,
    };
    value.unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(schema: Value) -> Shape {
        Shape::of(&json!({}), &schema)
    }

    fn fields(text: &str) -> Vec<(String, String)> {
        text.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, text)| (key.into(), text.into())).collect()
    }

    #[test]
    fn one_text_is_read_as_its_style_has_it() {
        let list = shape(json!({ "type": "array", "items": { "type": "integer" } }));
        assert_eq!(list.read(Style::Commas, "1,2,x".into()), json!([1, 2, "x"]));
        assert_eq!(list.read(Style::Pipes, "1|2".into()), json!([1, 2]));
        assert_eq!(list.read(Style::Commas, String::new()), json!([]));
        let object = shape(json!({ "properties": { "a": { "type": "boolean" } } }));
        assert_eq!(object.read(Style::Commas, "a,true,b,c".into()), json!({ "a": true, "b": "c" }));
        assert_eq!(object.read(Style::Pairs, "a=true,b=c".into()), json!({ "a": true, "b": "c" }));
        assert_eq!(object.read(Style::Json, "{\"a\":1}".into()), json!({ "a": 1 }));
        assert_eq!(object.read(Style::Json, "{".into()), json!("{"));
    }

    #[test]
    fn fields_make_an_object_as_deep_as_their_brackets() {
        let schema = json!({ "type": "object", "properties": {
            "n": { "type": "number" }, "l": { "type": "array", "items": { "type": "integer" } },
            "o": { "type": "object", "properties": { "k": { "type": "integer" } } },
        } });
        let object = shape(schema);
        let read = object.object(fields("n=1.5&l=1&o[k]=2&o[m][n]=x&free=y&twice=a&twice=b&l=3&s[]=4"));
        let expected = json!({
            "n": 1.5, "l": [1, 3], "free": "y", "twice": ["a", "b"], "o": { "k": 2, "m": { "n": "x" } }, "s": ["4"],
        });
        assert_eq!(read, expected);
        assert_eq!(bracketed("f[a][b]", "f").as_deref(), Some("a[b]"));
        assert_eq!((bracketed("f", "f"), bracketed("fg[a]", "f"), bracketed("f[a", "f")), (None, None, None));
    }

    #[test]
    fn prefixes_of_paths_are_taken_off() {
        let list = shape(json!({ "type": "array", "items": { "type": "integer" } }));
        let plain = |style, text| list.read(style, unprefixed(style, "p", text).unwrap().to_owned());
        assert_eq!(plain(Style::Label, ".1,2"), json!([1, 2]));
        assert_eq!(plain(Style::LabelPairs, ".1.2"), json!([1, 2]));
        assert_eq!(plain(Style::Matrix, ";p=1,2"), json!([1, 2]));
        assert_eq!((unprefixed(Style::Matrix, "p", ";q=1"), unprefixed(Style::Label, "p", "1")), (None, None));
        assert_eq!(matrix(";a=1;b=2"), [("a".into(), "1".into()), ("b".into(), "2".into())]);
    }

    #[test]
    fn null_beside_a_type_changes_nothing() {
        let maybe = shape(json!({ "anyOf": [{ "type": "boolean" }, { "type": "null" }] }));
        assert_eq!(maybe.read(Style::Commas, "true".into()), json!(true));
        assert_eq!(shape(json!({ "type": ["null", "integer"] })).read(Style::Commas, "7".into()), json!(7));
    }
}
