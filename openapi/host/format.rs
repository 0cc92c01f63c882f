//! The formats in which a document is served.

/// The format in which the document is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}
