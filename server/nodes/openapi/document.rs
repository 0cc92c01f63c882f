//! Reads an OpenAPI document, 2.0, 3.0 or 3.1, into the normal form: one form of schemas, and references to components
//! only.

use std::path::Path;

use runyard_openapi_diff::{Unreadable, load};
use runyard_openapi_normal::{decoded, lift, normalise};
use serde_json::{Map, Value};

use super::swagger;

/// The largest document, bytes.
pub const DOCUMENT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The deepest document, levels.
const LEVELS_MAX: usize = 120;
/// How many references in a row are followed.
const REFERENCES_MAX: usize = 16;

/// Why a document is not used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// A file, or one that it refers to.
    #[error(transparent)]
    File(#[from] Unreadable),
    /// The content.
    #[error("{place}: {reason}")]
    Content {
        /// The file or URL.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

/// A document in the normal form.
#[derive(Debug, Clone)]
pub struct Document {
    /// The whole document.
    pub root: Value,
}

/// Reads the text of a document, JSON or YAML, as written. Documents of version 2.0 are converted to 3.0.
///
/// # Errors
/// It is too large or too deep, or no OpenAPI document of a known version.
pub fn read(place: &str, text: &[u8]) -> Result<Value, DocumentError> {
    let wrong = |reason: String| DocumentError::Content { place: place.to_owned(), reason };
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(wrong(format!("it has more than {DOCUMENT_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(text).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}');
    let json = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten();
    let root = match json {
        Some(root) => root,
        None => yaml(text).map_err(|reason| wrong(format!("it is neither YAML nor JSON: {reason}")))?,
    };
    whole(place, root)
}

/// Reads a document with the files that it refers to.
///
/// # Errors
/// As [`read`], and those of the other files.
pub fn read_file(path: &Path) -> Result<Value, DocumentError> {
    let place = path.display().to_string();
    let cannot = |reason: String| DocumentError::Content { place: place.clone(), reason };
    let size = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?.len();
    if size > DOCUMENT_BYTES_MAX as u64 {
        return Err(cannot(format!("it has more than {DOCUMENT_BYTES_MAX} bytes")));
    }
    let text = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    let root = read(&place, &text)?;
    // A document in one file needs no second look.
    if outside(&root).is_none() {
        return Ok(root);
    }
    whole(&place, load(path)?)
}

/// Checks a parsed document.
fn whole(place: &str, root: Value) -> Result<Value, DocumentError> {
    let wrong = |reason: &str| DocumentError::Content { place: place.to_owned(), reason: reason.to_owned() };
    if levels(&root) > LEVELS_MAX {
        return Err(wrong("it nests too deep"));
    }
    if root.get("swagger").is_some() {
        return match root["swagger"].as_str() {
            Some("2.0") => Ok(swagger::converted(root)),
            _ => Err(wrong("it has a version of Swagger other than 2.0")),
        };
    }
    match root.get("openapi").and_then(Value::as_str) {
        Some(version) if version.starts_with("3.") => {}
        _ => return Err(wrong("it has no `openapi: 3.x` and no `swagger: \"2.0\"`, so it is no OpenAPI document")),
    }
    if !root.get("paths").is_some_and(Value::is_object) {
        return Err(wrong("it has no `paths`, so it has no operations"));
    }
    Ok(root)
}

impl Document {
    /// Brings a document into the normal form.
    ///
    /// # Errors
    /// It refers to another document.
    pub fn of(place: &str, mut root: Value) -> Result<Self, DocumentError> {
        if let Some(reference) = outside(&root) {
            let reason = format!("`$ref: {reference}` is in another document; bundle them, or import a file");
            return Err(DocumentError::Content { place: place.to_owned(), reason });
        }
        lift(&mut root, &name_of);
        normalise(&mut root);
        Ok(Document { root })
    }

    /// The part that a reference means, or the part itself.
    pub(super) fn resolved<'a>(&'a self, part: &'a Value) -> Result<&'a Value, String> {
        let mut part = part;
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = part.get("$ref").and_then(Value::as_str) else { return Ok(part) };
            let pointer = reference.strip_prefix('#').map(decoded);
            part = pointer
                .and_then(|pointer| self.root.pointer(&pointer))
                .ok_or_else(|| format!("`$ref: {reference}` leads nowhere"))?;
        }
        Err("its references never end".to_owned())
    }

    /// The title.
    pub(super) fn title(&self) -> Option<&str> {
        self.root.pointer("/info/title").and_then(Value::as_str).map(str::trim).filter(|title| !title.is_empty())
    }
}

/// The name of a schema that becomes a component.
fn name_of(reference: &str, known: &Map<String, Value>) -> String {
    let letters = reference.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' });
    let name: String = letters.skip_while(|letter| *letter == '_').collect();
    let free = |name: &String| !known.contains_key(name);
    let first = std::iter::once(name.clone());
    first.chain((2..).map(|number| format!("{name}_{number}"))).find(free).unwrap_or(name)
}

/// Parses YAML 1.2: a parameter with the name `on` is not a boolean.
fn yaml(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

/// A reference to another document, if there is one.
fn outside(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).filter(|reference| !reference.starts_with('#'));
            let quoted = ["example", "examples", "default", "enum", "const"];
            let others = fields.iter().filter(|(key, _)| !quoted.contains(&key.as_str()));
            own.or_else(|| others.into_iter().find_map(|(_, field)| outside(field)))
        }
        Value::Array(items) => items.iter().find_map(outside),
        _ => None,
    }
}

fn levels(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_that_cannot_be_used_are_refused_with_the_reason() {
        let deep = format!(
            "{{\"openapi\":\"3.0.0\",\"paths\":{}{}}}",
            "{\"a\":".repeat(125),
            "1".to_owned() + &"}".repeat(125)
        );
        for (text, said) in [
            ("[1", "neither YAML nor JSON"),
            ("{\"swagger\":\"1.2\"}", "other than 2.0"),
            ("info: {}", "no OpenAPI document"),
            ("openapi: 3.1.0", "no `paths`"),
            (deep.as_str(), "too deep"),
        ] {
            let reason = read("desk.yaml", text.as_bytes()).unwrap_err().to_string();
            assert!(reason.contains(said) && reason.starts_with("desk.yaml: "), "{text}: {reason}");
        }
        let elsewhere = json!({ "openapi": "3.0.0", "paths": { "/a": { "$ref": "https://a.example/b.json" } } });
        let reason = Document::of("x", elsewhere).unwrap_err().to_string();
        assert!(reason.contains("in another document"), "{reason}");
    }

    #[test]
    fn references_end_or_are_faults() {
        let looped = json!({ "openapi": "3.0.0", "paths": {}, "components": { "parameters": {
            "A": { "$ref": "#/components/parameters/B" }, "B": { "$ref": "#/components/parameters/A" }
        } } });
        let document = Document::of("x", looped).unwrap();
        let part = json!({ "$ref": "#/components/parameters/A" });
        assert_eq!(document.resolved(&part).unwrap_err(), "its references never end");
        assert!(document.resolved(&json!({ "$ref": "#/gone" })).unwrap_err().contains("leads nowhere"));
    }
}
