//! A document as a tree of JSON values: reading it, and traversing it by pointer.
//!
//! The order stays as written. `model.rs` interprets the tree.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{Error, Result};

/// The methods that a path item may have (OpenAPI 3.0.3, Path Item Object).
pub(crate) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Reads YAML, which includes JSON.
pub(crate) fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    // YAML 1.2, as OpenAPI requires: a parameter that is named `on` is not a boolean.
    let options = serde_saphyr::options! { strict_booleans: true };
    let value: Value = serde_saphyr::from_str_with_options(&text, options)
        .map_err(|error| Error::NotYaml { path: path.to_owned(), reason: first_line(&error.to_string()) })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Error::NotYaml { path: path.to_owned(), reason: "the top is not a mapping".into() })
    }
}

/// A document as YAML text, for readers.
pub(crate) fn yaml(path: &Path, value: &Value) -> Result<String> {
    serde_saphyr::to_string(value).map_err(|error| tool(path, "the YAML writer", &error.to_string()))
}

/// A document as JSON text, for readers and programs.
pub(crate) fn json(path: &Path, value: &Value) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|error| tool(path, "the JSON writer", &error.to_string()))
}

fn tool(path: &Path, tool: &'static str, reason: &str) -> Error {
    Error::Tool { path: path.to_owned(), place: "the document".into(), tool, reason: reason.to_owned() }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// One segment of a JSON pointer, escaped (RFC 6901).
pub(crate) fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// Where a path item of OpenAPI 3.2 has operations with other methods.
const ADDITIONAL: &str = "additionalOperations";

/// Every operation with its pointer, in document order: path, method, pointer, operation. Those of OpenAPI 3.2 with
/// other methods than [`METHODS`] are among them.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, String, &Value)> {
    let paths = document.get("paths").and_then(Value::as_object);
    paths.into_iter().flatten().flat_map(|(path, item)| {
        let entries = item.as_object().into_iter().flatten();
        let named = entries.filter(|(method, _)| METHODS.contains(&method.as_str()) || *method == "query");
        let others = item.get(ADDITIONAL).and_then(Value::as_object).into_iter().flatten();
        let named = named.map(move |(method, operation)| {
            (path.as_str(), method.as_str(), format!("/paths/{}/{method}", escape(path)), operation)
        });
        let others = others.map(move |(method, operation)| {
            (
                path.as_str(),
                method.as_str(),
                format!("/paths/{}/{ADDITIONAL}/{}", escape(path), escape(method)),
                operation,
            )
        });
        named.chain(others)
    })
}

/// A non-empty text field, without surrounding white space.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// The entries of an object field; none if it is absent.
pub(crate) fn entries<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

/// The object under `key`, which is created if it is missing. `None` if `value` or the field has another type.
pub(crate) fn object_mut<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    value.as_object_mut()?.entry(key).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}

/// The schemas below `components`, which are created if they are missing. A value that is not a mapping is replaced.
pub(crate) fn schemas_mut(document: &mut Value) -> Option<&mut Map<String, Value>> {
    let slot = |value: &mut Value| {
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
    };
    let components = document.as_object_mut()?.entry("components").or_insert_with(|| Value::Object(Map::new()));
    slot(components);
    let schemas = components.as_object_mut()?.entry("schemas").or_insert_with(|| Value::Object(Map::new()));
    slot(schemas);
    schemas.as_object_mut()
}

/// The value at the end of a chain of local references, and its pointer.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value, pointer: &str) -> Option<(&'a Value, String)> {
    let (mut value, mut pointer) = (value, pointer.to_owned());
    // Longer than any real chain, so that a cycle of references ends.
    for _ in 0..32 {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Some((value, pointer)) };
        pointer = reference.strip_prefix('#')?.to_owned();
        value = document.pointer(&pointer)?;
    }
    None
}

/// Calls `visit` on every value of a tree, with the pointer to it.
pub(crate) fn walk<'a>(
    value: &'a Value,
    pointer: &mut String,
    visit: &mut dyn FnMut(&str, &'a Value) -> Result<()>,
) -> Result<()> {
    visit(pointer, value)?;
    let length = pointer.len();
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                pointer.push('/');
                pointer.push_str(&escape(key));
                walk(field, pointer, visit)?;
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                walk(item, pointer, visit)?;
                pointer.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Method and path of the operation that contains a pointer.
pub(crate) fn operation_at(document: &Value, pointer: &str) -> Option<(String, String)> {
    operations(document)
        .find(|(_, _, operation, _)| pointer == operation || pointer.starts_with(&format!("{operation}/")))
        .map(|(path, method, _, _)| (method.to_uppercase(), path.to_owned()))
}

/// The place of a pointer for an error message: the operationId if it is inside an operation, else the pointer.
pub(crate) fn place(document: &Value, pointer: &str) -> String {
    operations(document)
        .find(|(_, _, operation, _)| pointer == operation || pointer.starts_with(&format!("{operation}/")))
        .map_or_else(
            || pointer.to_owned(),
            |(path, method, _, operation)| {
                text(operation, "operationId")
                    .map_or_else(|| format!("{} {path}", method.to_uppercase()), |id| format!("operation {id}"))
            },
        )
}
