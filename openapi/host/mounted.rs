//! An implementation that is ready to serve: routes and schemas are compiled once, before the first request.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::answers::Lately;
use super::compiled::{CompiledBody, CompiledOperation};
use super::direction::{self, Direction};
use super::discriminator;
use super::ignored::KnownFields;
use super::mounted_api::MountedApi;
use super::parameters::CompiledParameter;
use super::router::Router;
use super::styles::Shape;
use super::validate::Compiled;
use super::{Api, BodyRule, Document, Operation, Page, Settings};

/// A document and its implementation, ready to be served.
#[derive(Clone)]
pub struct Mounted {
    api: Arc<dyn Api>,
    settings: Settings,
    pages: Vec<Page>,
    without_prefix: Option<&'static str>,
}

/// Why a document cannot be served: the generated constants and the document do not match.
///
/// This is a bug of the document or of the generator, never of a request. A test that mounts each document finds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("document {document}{}: {reason}", .operation.map(|id| format!(", operation {id}")).unwrap_or_default())]
pub struct MountError {
    /// The document's short name.
    pub document: &'static str,
    /// The operation with the mismatch, if it is in one.
    pub operation: Option<&'static str>,
    /// The mismatch.
    pub reason: String,
}

impl Mounted {
    /// An implementation with its settings.
    pub fn new(api: Arc<dyn Api>, settings: Settings) -> Self {
        Self { api, settings, pages: Vec::new(), without_prefix: None }
    }

    /// The document that is served.
    pub fn document(&self) -> &'static Document {
        self.api.document()
    }

    /// Adds pages beside the document. Mounting fails if a page has the path of an operation.
    #[must_use]
    pub fn with_pages(mut self, pages: Vec<Page>) -> Self {
        self.pages.extend(pages);
        self
    }

    /// Also answers paths with this prefix without it, for a vendor whose clients disagree on the prefix.
    #[must_use]
    pub fn also_without(mut self, prefix: &'static str) -> Self {
        self.without_prefix = Some(prefix);
        self
    }

    /// Compiles every route and schema.
    pub(super) fn open(self) -> Result<Arc<MountedApi>, MountError> {
        let document = self.document();
        let operations = compile(document)?;
        let failed = |reason| MountError { document: document.name, operation: None, reason };
        let routes = Router::new(document, &self.pages).map_err(failed)?;
        let routes = match self.without_prefix {
            Some(prefix) => routes.also_without(document, prefix).map_err(failed)?,
            None => routes,
        };
        Ok(Arc::new(MountedApi::new(self.api, routes, operations, self.pages, self.settings)))
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted").field("document", &self.document().name).finish_non_exhaustive()
    }
}

fn compile(document: &'static Document) -> Result<Vec<CompiledOperation>, MountError> {
    let failed = |operation, reason| MountError { document: document.name, operation, reason };
    let full = schemas(document, Direction::Request)?;
    let one = |operation: &'static Operation| {
        compile_operation(&full, operation).map_err(|reason| failed(Some(operation.id), reason))
    };
    document.operations.iter().map(one).collect()
}

/// The document with schemas for values of this direction.
pub(super) fn schemas(document: &'static Document, direction: Direction) -> Result<Value, MountError> {
    let mut full: Value = serde_json::from_str(document.full_json).map_err(|error| MountError {
        document: document.name,
        operation: None,
        reason: format!("not JSON: {error}"),
    })?;
    direction::relax(&mut full, direction);
    discriminator::bind_children(&mut full);
    Ok(full)
}

fn compile_operation(full: &Value, operation: &'static Operation) -> Result<CompiledOperation, String> {
    let parameters = operation.parameters.iter().map(|parameter| CompiledParameter::new(full, parameter));
    let pointer = operation.body.schema().unwrap_or_default();
    let body = match operation.body {
        BodyRule::None => None,
        rule => Some(CompiledBody {
            rule,
            shape: Shape::of(full, full.pointer(pointer).filter(|_| !pointer.is_empty()).unwrap_or(&Value::Null)),
            schema: Arc::new(Compiled::new(full, pointer)?),
            known: KnownFields::of(full, pointer),
        }),
    };
    let parameters = parameters.collect::<Result<_, _>>()?;
    Ok(CompiledOperation { operation, parameters, body, lately: Lately::new() })
}
