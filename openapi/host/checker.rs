//! Checks responses against the document. Only tests use it, for successes and errors alike.
//!
//! The host checks requests in `api.rs`. It does not check responses in production: a wrong response is a bug, which a
//! test should find.

use std::collections::HashMap;

use serde_json::Value;

use super::direction::Direction;
use super::validate::Compiled;
use super::{Document, DocumentedResponse, MountError, Operation, Place, mounted};

/// Checks the responses of one document's operations.
#[derive(Debug)]
pub struct Checker {
    document: &'static Document,
    /// Keyed by JSON pointer.
    schemas: HashMap<&'static str, Compiled>,
}

impl Checker {
    /// Compiles the schemas of every documented response.
    ///
    /// # Errors
    /// [`MountError`] when a schema does not compile.
    pub fn new(document: &'static Document) -> Result<Self, MountError> {
        let failed = |operation, reason| MountError { document: document.name, operation, reason };
        let full = mounted::schemas(document, Direction::Response)?;
        let mut schemas = HashMap::new();
        for operation in document.operations {
            for pointer in operation.responses.iter().filter_map(|response| response.schema) {
                let compiled = Compiled::new(&full, pointer).map_err(|reason| failed(Some(operation.id), reason))?;
                schemas.insert(pointer, compiled);
            }
        }
        Ok(Self { document, schemas })
    }

    /// Checks that the document allows a response. Returns the status as the document writes it: `200`, `4XX`,
    /// `default`.
    ///
    /// The content of a stream is not checked, because documents describe it in prose only.
    ///
    /// # Errors
    /// Says how the response differs from the document.
    pub fn check(
        &self,
        operation: &str,
        status: u16,
        media: Option<&str>,
        body: &[u8],
    ) -> Result<&'static str, String> {
        let known = self.document.operations.iter().find(|one| one.id == operation);
        let known = known.ok_or_else(|| format!("{} has no operation {operation}", self.document.name))?;
        let written =
            documented(known, status).ok_or_else(|| format!("{operation} does not document status {status}"))?;
        let forms: Vec<_> = known.responses.iter().filter(|response| response.status == written).collect();
        let form = form(&forms, media, body).map_err(|reason| format!("{operation} {status}: {reason}"))?;
        self.content(form, body).map_err(|reason| format!("{operation} {status}: {reason}"))?;
        Ok(written)
    }

    fn content(&self, form: &DocumentedResponse, body: &[u8]) -> Result<(), String> {
        let (Some(schema), true) = (form.schema.and_then(|pointer| self.schemas.get(pointer)), is_json(form.media))
        else {
            return Ok(());
        };
        let value: Value = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
        schema
            .check(&value, 0, Place::Body, "")
            .map_err(|fault| fault.violations().iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }
}

/// The most specific entry of the document for a status.
fn documented(operation: &Operation, status: u16) -> Option<&'static str> {
    let exact = status.to_string();
    let range = format!("{}XX", status / 100);
    let written =
        |wanted: &str| operation.responses.iter().map(|one| one.status).find(|one| one.eq_ignore_ascii_case(wanted));
    written(&exact).or_else(|| written(&range)).or_else(|| written("default"))
}

/// The entry with the response's media type.
fn form<'a>(
    forms: &[&'a DocumentedResponse],
    media: Option<&str>,
    body: &[u8],
) -> Result<&'a DocumentedResponse, String> {
    let sent = media.map(essence);
    let fits = |form: &&&'a DocumentedResponse| form.media.map(essence) == sent;
    match forms.iter().find(fits) {
        Some(form) if form.media.is_none() && !body.is_empty() => Err("a body where none is documented".to_owned()),
        Some(form) => Ok(form),
        None => Err(format!("content type {} is not documented", media.unwrap_or("(none)"))),
    }
}

fn essence(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(media: Option<&str>) -> bool {
    media.map(essence).is_some_and(|media| media == "application/json" || media.ends_with("+json"))
}
