//! A document's operations, as constants that the generator writes.
//!
//! Schemas are JSON pointers (RFC 6901) into the full document's JSON text. They are compiled when the document is
//! mounted (see `validate.rs`).

use crate::style::Style;

/// One document: its texts and its operations.
#[derive(Debug)]
pub struct Document {
    /// The document's short name, for instance `run-gateway`.
    pub name: &'static str,
    /// The vendor's document alone, as JSON.
    pub owner_json: &'static str,
    /// The vendor's document alone, as YAML.
    pub owner_yaml: &'static str,
    /// The vendor's document with Runyard's overlay, as JSON. Schema pointers point into this text.
    pub full_json: &'static str,
    /// The vendor's document with Runyard's overlay, as YAML.
    pub full_yaml: &'static str,
    /// Every operation of the document.
    pub operations: &'static [Operation],
}

/// One operation of a document.
#[derive(Debug)]
pub struct Operation {
    /// The document's `operationId`.
    pub id: &'static str,
    /// The method in capital letters: `POST`.
    pub method: &'static str,
    /// The document's path template, including verbs: `/v1/runs/{run_id}:cancel`.
    pub path: &'static str,
    /// The rule for the request body.
    pub body: BodyRule,
    /// The documented path, query, header and cookie parameters.
    pub parameters: &'static [Parameter],
    /// The documented responses.
    pub responses: &'static [DocumentedResponse],
    /// Whether the document requires credentials. Only then does the host call [`Api::admit`](super::Api::admit).
    pub secured: bool,
    /// Whether a success of this operation is a stream.
    pub streams: bool,
}

/// The rule for a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRule {
    /// The document has no body. One that is sent is ignored.
    None,
    /// `application/json` that fits the schema.
    Json {
        /// Whether the body may be left out.
        required: bool,
        /// JSON pointer into the full document. Empty: any JSON.
        schema: &'static str,
    },
    /// JSON with another media type, such as `application/merge-patch+json`.
    JsonAs {
        /// Whether the body may be left out.
        required: bool,
        /// JSON pointer into the full document. Empty: any JSON.
        schema: &'static str,
        /// The content type; `application/json` is accepted too.
        media: &'static str,
    },
    /// `application/x-www-form-urlencoded` whose fields fit the schema.
    Fields {
        /// Whether the body may be left out.
        required: bool,
        /// JSON pointer into the full document. Empty: any fields.
        schema: &'static str,
    },
    /// `multipart/form-data` whose parts fit the schema; of files only the name is checked.
    Parts {
        /// Whether the body may be left out.
        required: bool,
        /// JSON pointer into the full document. Empty: any parts.
        schema: &'static str,
    },
    /// Bytes or text, passed on unchanged.
    Raw {
        /// Whether the body may be left out.
        required: bool,
        /// The content type, or a range of them: `image/*`.
        media: &'static str,
    },
}

impl BodyRule {
    /// Whether the body is required.
    pub fn is_required(&self) -> bool {
        match self {
            Self::None => false,
            Self::Json { required, .. }
            | Self::JsonAs { required, .. }
            | Self::Fields { required, .. }
            | Self::Parts { required, .. }
            | Self::Raw { required, .. } => *required,
        }
    }

    /// The JSON pointer to the schema, if there is one.
    pub fn schema(&self) -> Option<&'static str> {
        match self {
            Self::Json { schema, .. }
            | Self::JsonAs { schema, .. }
            | Self::Fields { schema, .. }
            | Self::Parts { schema, .. } => Some(*schema).filter(|schema| !schema.is_empty()),
            Self::None | Self::Raw { .. } => None,
        }
    }

    /// The required content type, or the range of content types.
    pub fn media(&self) -> &'static str {
        match self {
            Self::None | Self::Json { .. } => "application/json",
            Self::JsonAs { media, .. } | Self::Raw { media, .. } => media,
            Self::Fields { .. } => "application/x-www-form-urlencoded",
            Self::Parts { .. } => "multipart/form-data",
        }
    }
}

/// One documented parameter.
#[derive(Debug)]
pub struct Parameter {
    /// The name as the document writes it.
    pub name: &'static str,
    /// The part of the request that it is in.
    pub place: Place,
    /// Whether it is required.
    pub required: bool,
    /// JSON pointer into the full document. Empty: any JSON.
    pub schema: &'static str,
    /// Whether it may be repeated (an exploded array).
    pub many: bool,
    /// The serialization style of arrays and objects.
    pub style: Style,
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the body.
    Body,
    /// In the query string.
    Query,
    /// In the path.
    Path,
    /// In a header.
    Header,
    /// In the `Cookie` header.
    Cookie,
}

impl Place {
    /// The place as OpenAPI spells it: `body`, `query`, `path`, `header`, `cookie`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
            Self::Path => "path",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// One documented response of an operation.
#[derive(Debug)]
pub struct DocumentedResponse {
    /// The status as the document writes it: `200`, `4XX`, `default`.
    pub status: &'static str,
    /// The media type, if there is content.
    pub media: Option<&'static str>,
    /// JSON pointer into the full document, if the content has a schema.
    pub schema: Option<&'static str>,
}
