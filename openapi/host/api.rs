//! The interface between the host and generated code: the [`Api`] trait of a document, and the validated input of a
//! call.
//!
//! Generated code validates nothing. It takes parameters and body out of [`Input`], calls the typed method, and turns
//! its value into a response. Implementations write the generated trait, not [`Api`].

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Response;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Body, Caller, Document, Fault, Head, Multipart, Operation, Place};
use crate::multipart::{FieldError, Form, Received};

/// One document and its implementation, type-erased. The generator writes the implementation.
pub trait Api: Send + Sync + 'static {
    /// The document that is implemented.
    fn document(&self) -> &'static Document;

    /// Authenticates the caller. Called once per request of a secured operation, before the body is read.
    fn admit<'a>(&'a self, head: &'a Head, operation: &'static Operation) -> BoxFuture<'a, Result<Caller, Fault>>;

    /// Turns a fault into the document's own error body.
    fn refuse(&self, caller: &Caller, fault: Fault) -> Response<Body>;

    /// Calls the handler with one validated request. The host passes an `Err` to [`refuse`](Self::refuse).
    fn call(
        self: Arc<Self>,
        operation: &'static Operation,
        caller: Caller,
        input: Input,
    ) -> BoxFuture<'static, Result<Response<Body>, Fault>>;
}

/// The parameters and body of a request, decoded, coerced to the schema's types, and validated against the document.
///
/// It has only documented parameters, under the names in the document. A repeated query parameter is an array.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Path parameters.
    pub path: Map<String, Value>,
    /// Query parameters that were given or have a default.
    pub query: Map<String, Value>,
    /// Header parameters that were given or have a default.
    pub headers: Map<String, Value>,
    /// Cookies that were given or have a default.
    pub cookies: Map<String, Value>,
    /// The body, if it was sent and the operation takes JSON or a form. Files of a form are empty text here.
    pub body: Option<Value>,
    /// The parts of a multipart form.
    pub parts: Option<Multipart>,
    /// The raw body, if the operation takes neither JSON nor a form.
    pub raw: Option<Bytes>,
}

impl Input {
    /// Takes a required parameter.
    ///
    /// # Errors
    /// [`Fault::Invalid`] when it is absent, or is not a `T` although it fits the schema.
    pub fn required<T: DeserializeOwned>(&mut self, place: Place, name: &str) -> Result<T, Fault> {
        self.optional(place, name)?.ok_or_else(|| Fault::invalid(place, name, "is required"))
    }

    /// Takes an optional parameter.
    ///
    /// # Errors
    /// [`Fault::Invalid`] when it is not a `T` although it fits the schema.
    pub fn optional<T: DeserializeOwned>(&mut self, place: Place, name: &str) -> Result<Option<T>, Fault> {
        let taken = match place {
            Place::Path => self.path.remove(name),
            Place::Query => self.query.remove(name),
            Place::Header => self.headers.remove(name),
            Place::Cookie => self.cookies.remove(name),
            Place::Body => self.body.take(),
        };
        taken.map(|value| typed(value, place, name)).transpose()
    }

    /// Takes the body of an operation that requires one.
    ///
    /// # Errors
    /// [`Fault::BodyMissing`], or [`Fault::Invalid`] when it is not a `T` although it fits the schema.
    pub fn body<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        self.optional_body()?.ok_or(Fault::BodyMissing)
    }

    /// Takes an optional body.
    ///
    /// # Errors
    /// [`Fault::Invalid`] when it is not a `T` although it fits the schema.
    pub fn optional_body<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Fault> {
        self.optional(Place::Body, "")
    }

    /// Takes the parts of a form.
    ///
    /// # Errors
    /// [`Fault::Invalid`] when a field is not of its type although it fits the schema.
    pub fn parts<T: Form>(&mut self) -> Result<Option<T>, Fault> {
        let Some(parts) = self.parts.take() else { return Ok(None) };
        let values = match self.body.take() {
            Some(Value::Object(values)) => values,
            _ => Map::new(),
        };
        let invalid = |error: FieldError| {
            let reason = super::validate::shown(&error.reason);
            Fault::invalid(Place::Body, format!("/{}", error.name), reason)
        };
        T::from_parts(Received { parts, values }).map(Some).map_err(invalid)
    }

    /// Takes a body of bytes.
    ///
    /// # Errors
    /// Never fails; a `Result` like the other methods.
    pub fn bytes(&mut self) -> Result<Option<Bytes>, Fault> {
        Ok(self.raw.take())
    }

    /// Takes a body of text.
    ///
    /// # Errors
    /// [`Fault::Invalid`] when it is not UTF-8.
    pub fn text(&mut self) -> Result<Option<String>, Fault> {
        let text = self.raw.take().map(|bytes| String::from_utf8(bytes.into()));
        text.transpose().map_err(|_| Fault::invalid(Place::Body, "", "must be text in UTF-8"))
    }
}

/// A Rust type can be narrower than the schema (`1.0` is an integer in JSON Schema). The request is then invalid; it
/// must not panic.
fn typed<T: DeserializeOwned>(value: Value, place: Place, name: &str) -> Result<T, Fault> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = if place == Place::Body { pointer(error.path()) } else { name.to_owned() };
        Fault::invalid(place, field, super::validate::shown(&error.inner().to_string()))
    })
}

/// A path as a JSON pointer (RFC 6901), in the form that the validator uses for fields.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |mut pointer, segment| {
        let step = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => "?".to_owned(),
        };
        pointer.push('/');
        pointer.push_str(&step);
        pointer
    })
}
