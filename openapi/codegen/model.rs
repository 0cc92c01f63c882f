//! What a document says, operation by operation, in the shape that code is made from.
//!
//! Schemas are named by pointer (for the validator) and kept as values (for types). `reader.rs` fills this in.

use std::collections::BTreeSet;

use serde_json::Value;

/// A whole document.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) operations: Vec<Operation>,
    /// The one schema that every documented error has; `None` when they do not agree, or have none.
    pub(crate) problem: Option<Value>,
    /// Every error status that is documented by number.
    pub(crate) problem_statuses: BTreeSet<u16>,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    /// The name of the method in Rust.
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) description: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) secured: bool,
    /// Whether the document says that repeating it does no more than doing it once.
    pub(crate) idempotent: bool,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// One parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// The name of the field in Rust.
    pub(crate) field: String,
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) many: bool,
    pub(crate) schema: Value,
    pub(crate) pointer: String,
    pub(crate) description: String,
}

/// A JSON request body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) required: bool,
    pub(crate) schema: Value,
    pub(crate) pointer: String,
    pub(crate) description: String,
}

/// One documented answer in one medium.
#[derive(Debug)]
pub(crate) struct Answer {
    /// As the document writes it: `200`, `4XX`, `default`.
    pub(crate) status: String,
    pub(crate) media: Option<String>,
    pub(crate) schema: Option<(Value, String)>,
    pub(crate) description: String,
    pub(crate) headers: Vec<String>,
}

impl Answer {
    /// The status, when it is one.
    pub(crate) fn code(&self) -> Option<u16> {
        self.status.parse().ok()
    }

    /// Whether this is what a handler returns as `Ok`.
    pub(crate) fn is_success(&self) -> bool {
        self.code().is_some_and(|code| (200..400).contains(&code))
    }

    /// Whether the body is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.media.as_deref().is_some_and(is_json)
    }
}

/// `application/json`, with or without parameters, and the `+json` family (RFC 6839).
pub(crate) fn is_json(media: &str) -> bool {
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Whether a medium is one that is read piece by piece as it arrives.
pub(crate) fn is_stream(media: &str) -> bool {
    matches!(media.split(';').next().unwrap_or_default().trim(), "application/x-ndjson" | "text/event-stream")
}
