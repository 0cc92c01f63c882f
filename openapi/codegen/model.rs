//! The operations of a document, in the form that code is generated from.
//!
//! Schemas are stored as pointers (for the validator) and as values (for types). `reader.rs` fills the model.

use std::collections::BTreeSet;

use serde_json::Value;

/// A whole document.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) operations: Vec<Operation>,
    /// The schema that all documented errors share; `None` if they differ, or have none.
    pub(crate) problem: Option<Value>,
    /// Every error status that is documented as a number.
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
    /// Whether the document says that repeating it has no further effect.
    pub(crate) idempotent: bool,
    /// Whether the host's router supports its path. If not, only the client has the operation.
    pub(crate) routable: bool,
}

/// The part of the request with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
    Cookie,
}

impl Place {
    /// The name in OpenAPI.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// The serialization style of arrays and objects; the variants are those of the run-time `Style`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Repeated,
    Commas,
    Spaces,
    Pipes,
    Brackets,
    Pairs,
    Json,
    Label,
    LabelPairs,
    Matrix,
    MatrixPairs,
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
    pub(crate) style: Style,
    pub(crate) schema: Value,
    pub(crate) pointer: String,
    pub(crate) description: String,
}

/// The format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    /// `application/x-www-form-urlencoded`.
    Fields,
    /// `multipart/form-data`.
    Parts,
    /// `text/*`.
    Text,
    /// Anything else.
    Bytes,
}

impl Form {
    /// The format of a media type. `*/*` is JSON if its schema describes more than text.
    pub(crate) fn of(media: &str, schema: Option<&Value>) -> Self {
        let essence = essence(media);
        match essence.as_str() {
            _ if is_json(media) => Self::Json,
            "*/*" | "application/*" if schema.is_some_and(is_structured) => Self::Json,
            "application/x-www-form-urlencoded" => Self::Fields,
            "multipart/form-data" => Self::Parts,
            _ if essence.starts_with("text/") => Self::Text,
            _ => Self::Bytes,
        }
    }
}

fn is_structured(schema: &Value) -> bool {
    let kind = schema.get("type").and_then(Value::as_str);
    matches!(kind, Some("object" | "array")) || ["$ref", "properties"].iter().any(|key| schema.get(key).is_some())
}

/// A request body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) required: bool,
    pub(crate) form: Form,
    /// The media type as the document writes it; for JSON, the one that clients send.
    pub(crate) media: String,
    pub(crate) schema: Value,
    pub(crate) pointer: String,
    pub(crate) description: String,
    /// The fields of a multipart form, if the document lists them.
    pub(crate) parts: Vec<Part>,
}

/// One field of a multipart form.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// The name of the field in Rust.
    pub(crate) field: String,
    pub(crate) required: bool,
    pub(crate) content: PartContent,
    /// The content type that the document gives.
    pub(crate) media: Option<String>,
    pub(crate) schema: Value,
    pub(crate) description: String,
}

/// What a field of a form holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartContent {
    Value,
    File,
    Files,
}

/// One documented response in one media type.
#[derive(Debug)]
pub(crate) struct Answer {
    /// As the document writes it: `200`, `4XX`, `default`.
    pub(crate) status: String,
    pub(crate) media: Option<String>,
    pub(crate) form: Form,
    /// The schema and its pointer. Without a pointer the document has none, and any JSON is read.
    pub(crate) schema: Option<(Value, Option<String>)>,
    pub(crate) description: String,
    pub(crate) headers: Vec<String>,
    /// Whether a handler returns it as `Ok`.
    pub(crate) success: bool,
}

impl Answer {
    /// The status, if it is a single one.
    pub(crate) fn code(&self) -> Option<u16> {
        self.status.parse().ok()
    }

    /// Whether a handler returns this as `Ok`.
    pub(crate) fn is_success(&self) -> bool {
        self.success
    }

    /// Whether the body is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.media.is_some() && self.form == Form::Json
    }
}

/// Whether this status, as a document writes it, is a success.
pub(crate) fn says_success(status: &str) -> bool {
    match status.parse::<u16>() {
        Ok(code) => (200..400).contains(&code),
        Err(_) => matches!(status, "2XX" | "3XX"),
    }
}

/// `application/json`, with or without parameters, and the `+json` family (RFC 6839).
pub(crate) fn is_json(media: &str) -> bool {
    let essence = essence(media);
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn essence(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media type is read in pieces as they arrive.
pub(crate) fn is_stream(media: &str) -> bool {
    matches!(media.split(';').next().unwrap_or_default().trim(), "application/x-ndjson" | "text/event-stream")
}
