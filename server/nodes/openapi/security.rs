//! The security schemes of a document, and the credentials that they take.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::document::Document;

/// How a credential is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scheme {
    Header(String),
    Query(String),
    Cookie(String),
    Basic,
    Bearer,
    /// It cannot be sent by this server.
    Other,
}

/// The alternatives of an operation: each is the names and schemes of the credentials that are sent together.
pub(super) type Alternatives = Vec<Vec<(String, Scheme)>>;

/// The alternatives of an operation; none if it needs no credential.
pub(super) fn alternatives(document: &Document, operation: &Value) -> Alternatives {
    let written = operation.get("security").or_else(|| document.root.get("security"));
    let alternative = |one: &Value| {
        let names = one.as_object().into_iter().flatten().map(|(name, _)| name);
        names.map(|name| (name.clone(), scheme(document, name))).collect()
    };
    written.and_then(Value::as_array).into_iter().flatten().map(alternative).collect()
}

fn scheme(document: &Document, name: &str) -> Scheme {
    let schemes = document.root.pointer("/components/securitySchemes").and_then(Value::as_object);
    let found = schemes.and_then(|schemes| schemes.get(name)).and_then(|found| document.resolved(found).ok());
    let Some(found) = found else { return Scheme::Other };
    let key = || found["name"].as_str().unwrap_or_default().to_owned();
    match (found["type"].as_str(), found["in"].as_str()) {
        (Some("apiKey"), Some("header")) => Scheme::Header(key()),
        (Some("apiKey"), Some("query")) => Scheme::Query(key()),
        (Some("apiKey"), Some("cookie")) => Scheme::Cookie(key()),
        (Some("oauth2" | "openIdConnect"), _) => Scheme::Bearer,
        (Some("http"), _) => match found["scheme"].as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "basic" => Scheme::Basic,
            "bearer" => Scheme::Bearer,
            _ => Scheme::Other,
        },
        _ => Scheme::Other,
    }
}

/// The value of the header `authorization` for `user:password`.
pub(super) fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}
