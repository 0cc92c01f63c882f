//! The descriptions of a document, one per line, so that a changed description is a changed line.
//!
//! No code depends on descriptions, so nothing else would show their changes. `surface.rs` has types, bounds and
//! statuses.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bundle::Loaded;
use crate::document;

/// The keywords for human readers.
const WORDS: [&str; 3] = ["title", "summary", "description"];

/// The descriptions of a document with its overlay. For a shared schema, only those that the overlay changes: the
/// others are listed once, with the schemas.
pub(crate) fn of_document(loaded: &Loaded) -> String {
    let full = &loaded.full.document;
    let mut lines = lines(full, "");
    let shared = |name: &String| format!("/components/schemas/{}", document::escape(name));
    for pointer in loaded.full.foreign.keys().map(shared) {
        let lines_at = |whole: &Value| -> BTreeSet<String> {
            whole.pointer(&pointer).map(|schema| self::lines(schema, &pointer)).into_iter().flatten().collect()
        };
        let (owners, ours) = (lines_at(&loaded.owner), lines_at(full));
        lines.retain(|line| !ours.contains(line) || !owners.contains(line));
    }
    lines.into_iter().map(|line| place(full, &line) + "\n").collect()
}

/// The descriptions of a file of schemas.
pub(crate) fn of_schemas(whole: &Value) -> String {
    lines(whole, "").into_iter().map(|line| place(whole, &line) + "\n").collect()
}

/// `POINTER: text`, in document order.
fn lines(value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    gather(value, at, false, &mut found);
    found
}

/// `named`: the keys of `value` are names that the author chose. So a property that is called `title` is not a title.
fn gather(value: &Value, at: &str, named: bool, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if !named && WORDS.contains(&key.as_str()) => {
                        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                        let which = if key == "description" { String::new() } else { format!("/{key}") };
                        found.push(format!("{at}{which}: {text}"));
                    }
                    _ if !named && matches!(key.as_str(), "example" | "examples" | "default" | "enum") => {}
                    _ => {
                        let names =
                            !named && matches!(key.as_str(), "properties" | "schemas" | "responses" | "headers");
                        gather(field, &format!("{at}/{}", document::escape(key)), names, found);
                    }
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                gather(item, &format!("{at}/{index}"), false, found);
            }
        }
        _ => {}
    }
}

/// The line with a readable pointer: the operation instead of its path, the schema instead of its pointer.
fn place(whole: &Value, line: &str) -> String {
    let (pointer, text) = line.split_once(": ").unwrap_or((line, ""));
    let operation = document::operations(whole).find_map(|(_, _, at, operation)| {
        let rest = pointer.strip_prefix(&at).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        Some(format!("{}{rest}", document::text(operation, "operationId")?))
    });
    let place = operation.unwrap_or_else(|| {
        let short = pointer.strip_prefix("/components/schemas/").or_else(|| pointer.strip_prefix('/'));
        short.unwrap_or(pointer).to_owned()
    });
    let place = place.replace("/properties/", "/").replace('/', " ").replace("~1", "/").replace("~0", "~");
    format!("{place}: {text}")
}
