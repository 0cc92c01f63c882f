//! The OpenAPI version of a document.

use serde_json::Value;

/// Whether a document has OpenAPI version 3.1 or later.
pub(super) fn is_latest(document: &Value) -> bool {
    document.get("openapi").and_then(Value::as_str).is_some_and(|version| !version.starts_with("3.0"))
}
