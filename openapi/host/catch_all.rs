//! The catch-all: the only file that names dropshot's endpoint machinery.
//!
//! One unpublished endpoint per standard method takes every path. Only documented API of dropshot is used.

use std::sync::Arc;

use dropshot::{
    ApiDescription, ApiDescriptionRegisterError, ApiEndpoint, ApiEndpointVersions, HttpError, Path, RawRequest,
    RequestContext,
};
use http::{Method, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::door::Door;
use super::{Body, Document, Head, MountError, Mounted};

/// The context of a dropshot server that serves a mounted document.
#[derive(Debug, Clone)]
pub struct Hosted {
    door: Arc<Door>,
}

/// Every method that RFC 9110 and RFC 5789 define. Others are dropshot's to refuse.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

impl Mounted {
    /// What a dropshot user mounts in a server of their own.
    ///
    /// Set `default_handler_task_mode` to `Detached` (dropshot's default), so that a client that goes away does not stop a
    /// handler half way. The body limit is the host's own, in [`Settings`](super::Settings). Streams end when
    /// `Settings::stopping` is cancelled; do that before `HttpServer::close`, which waits for them.
    ///
    /// # Errors
    /// [`MountError`] when the document does not fit its code, or dropshot refuses a catch-all.
    pub fn into_dropshot(self) -> Result<(ApiDescription<Hosted>, Hosted), MountError> {
        let door = self.open()?;
        let description = describe().map_err(|error| {
            let reason = format!("dropshot refuses an endpoint: {error}");
            MountError { document: door.document().name, operation: None, reason }
        })?;
        Ok((description, Hosted { door }))
    }
}

/// The same endpoint for every method.
fn describe() -> Result<ApiDescription<Hosted>, ApiDescriptionRegisterError> {
    let mut description = ApiDescription::new();
    for method in METHODS {
        let id = format!("host_{}", method.as_str().to_lowercase());
        let all = ApiEndpointVersions::All;
        description
            .register(ApiEndpoint::new(id, catch_all, method, "application/json", "/{path:.*}", all).visible(false))?;
    }
    Ok(description)
}

impl Hosted {
    /// Cancelled when this server stops, by its own closing or by the process.
    pub fn stopping(&self) -> &CancellationToken {
        self.door.stopping()
    }

    /// The document that is served.
    pub fn document(&self) -> &'static Document {
        self.door.document()
    }

    pub(super) fn body_bytes_max(&self) -> usize {
        self.door.body_bytes_max()
    }
}

/// Dropshot wants the path's variable to be taken. The host reads the raw path instead.
#[derive(Deserialize, JsonSchema)]
struct Rest {
    #[serde(rename = "path")]
    _path: Vec<String>,
}

async fn catch_all(
    context: RequestContext<Hosted>,
    _rest: Path<Rest>,
    request: RawRequest,
) -> Result<Response<Body>, HttpError> {
    let (parts, body) = request.into_inner().into_parts();
    let door = Arc::clone(&context.context().door);
    let head = Head {
        method: parts.method,
        uri: parts.uri,
        headers: Arc::new(parts.headers),
        remote: context.request.remote_addr(),
        request_id: context.request_id.as_str().into(),
        stopping: door.stopping().clone(),
    };
    Ok(door.answer(head, body).await)
}
