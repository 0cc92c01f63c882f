//! An implementation made ready to serve: routes and schemas compiled once, before the first request.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use super::answers::Lately;
use super::ignored::KnownFields;
use super::mounted_api::MountedApi;
use super::parameters::CompiledParameter;
use super::router::Router;
use super::styles::Shape;
use super::validate::Compiled;
use super::{Api, BodyRule, Bound, Document, Operation, Page, ServeError, Server, Settings};

/// A document and its implementation, ready to be served by dropshot.
#[derive(Clone)]
pub struct Mounted {
    api: Arc<dyn Api>,
    settings: Settings,
    pages: Vec<Page>,
    without_prefix: Option<&'static str>,
}

/// Why a document cannot be served: the generated constants and the document do not fit each other.
///
/// A bug of the document or of the generator, never of a request; a test that mounts each document finds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("document {document}{}: {reason}", .operation.map(|id| format!(", operation {id}")).unwrap_or_default())]
pub struct MountError {
    /// The document's short name.
    pub document: &'static str,
    /// The operation, when one is to blame.
    pub operation: Option<&'static str>,
    /// What does not fit.
    pub reason: String,
}

impl Mounted {
    /// An implementation and how it is to be served.
    pub fn new(api: Arc<dyn Api>, settings: Settings) -> Self {
        Self { api, settings, pages: Vec::new(), without_prefix: None }
    }

    /// The document that is served.
    pub fn document(&self) -> &'static Document {
        self.api.document()
    }

    /// With pages beside the document. One that stands where the document has a path of its own keeps it from being served.
    #[must_use]
    pub fn with_pages(mut self, pages: Vec<Page>) -> Self {
        self.pages.extend(pages);
        self
    }

    /// Answers paths that begin with this prefix without it as well, for a vendor whose clients disagree on it.
    #[must_use]
    pub fn also_without(mut self, prefix: &'static str) -> Self {
        self.without_prefix = Some(prefix);
        self
    }

    /// Takes an address for this document, and does not serve yet. See [`bind`](super::bind).
    ///
    /// # Errors
    /// [`ServeError`] when the document does not fit its code, or the address cannot be listened on.
    pub fn bind(self, address: SocketAddr, log: slog::Logger) -> Result<Bound, ServeError> {
        super::bind(self, address, log)
    }

    /// Starts a server of its own for this document. See [`serve`](super::serve).
    ///
    /// # Errors
    /// [`ServeError`] when the document does not fit its code, or the address cannot be listened on.
    pub fn serve(self, address: SocketAddr, log: slog::Logger) -> Result<Server, ServeError> {
        super::serve(self, address, log)
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

/// One operation with everything compiled that its requests are checked against.
#[derive(Debug)]
pub(super) struct CompiledOperation {
    pub(super) operation: &'static Operation,
    pub(super) parameters: Vec<CompiledParameter>,
    pub(super) body: Option<CompiledBody>,
    pub(super) lately: Lately,
}

impl CompiledOperation {
    /// Whether it takes constant time and memory, so that it needs no slot: health and readiness are answered when nothing else is.
    pub(super) fn is_cheap(&self) -> bool {
        let Operation { secured, streams, method, parameters, body, .. } = self.operation;
        !secured && !streams && *method == "GET" && parameters.is_empty() && *body == BodyRule::None
    }
}

/// The schema of a body, and what it must look like.
#[derive(Debug)]
pub(super) struct CompiledBody {
    pub(super) rule: BodyRule,
    pub(super) shape: Shape,
    pub(super) schema: Arc<Compiled>,
    pub(super) known: KnownFields,
}

fn compile(document: &'static Document) -> Result<Vec<CompiledOperation>, MountError> {
    let failed = |operation, reason| MountError { document: document.name, operation, reason };
    let full: Value =
        serde_json::from_str(document.full_json).map_err(|error| failed(None, format!("not JSON: {error}")))?;
    let one = |operation: &'static Operation| {
        compile_operation(&full, operation).map_err(|reason| failed(Some(operation.id), reason))
    };
    document.operations.iter().map(one).collect()
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
