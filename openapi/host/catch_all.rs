//! The catch-all endpoint: the only file that uses dropshot's endpoint API.
//!
//! One unpublished endpoint per standard method takes every path below a prefix. It uses only the documented API of
//! dropshot.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dropshot::{
    ApiDescription, ApiDescriptionRegisterError, ApiEndpoint, ApiEndpointVersions, HttpError, Path, RawRequest,
    RequestContext, ServerContext,
};
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use http::{Method, Response, Uri};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::mounted_api::{MountedApi, message};
use super::{Body, Document, MountError, Mounted};

/// A document that is mounted in a dropshot server.
#[derive(Debug, Clone)]
pub struct Hosted {
    api: Arc<MountedApi>,
}

/// Every method of RFC 9110 and RFC 5789. Dropshot refuses others.
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
    /// Mounts this document in an existing dropshot server. It answers everything below `prefix`, including
    /// `/openapi.json`. The prefix is literal (`/arp`); `""` takes the whole server. The server keeps its context and
    /// its own endpoints, and further documents can be mounted below other prefixes.
    ///
    /// Dropshot allows no literal beside a catch-all. So nothing else can be registered below the prefix, and nothing
    /// at all with `""`. Leave `default_handler_task_mode` at `Detached` (dropshot's default), so that a client that
    /// disconnects does not stop a handler half way. Body limits are in [`Settings`](super::Settings). Streams end when
    /// [`Hosted::stopping`] is cancelled; cancel it before `HttpServer::close`, which waits for them. The served
    /// document does not mention the prefix.
    ///
    /// # Errors
    /// [`MountError`] when the document does not fit its code, or dropshot refuses the catch-all.
    pub fn mount<C: ServerContext>(
        self,
        description: &mut ApiDescription<C>,
        prefix: &str,
    ) -> Result<Hosted, MountError> {
        let api = self.open()?;
        let failed = |reason| MountError { document: api.document().name, operation: None, reason };
        if prefix.contains(['{', '}', '%', '?', '#']) {
            return Err(failed(format!("`{prefix}` is not a prefix: write literal segments, as in `/arp`")));
        }
        // Dropshot panics when it refuses a route.
        let registered = catch_unwind(AssertUnwindSafe(|| register(&api, description, prefix)));
        match registered {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(format!("dropshot refuses an endpoint below `{prefix}`: {error}"))),
            Err(panic) => {
                return Err(failed(format!("dropshot refuses an endpoint below `{prefix}`: {}", message(&*panic))));
            }
        }
        Ok(Hosted { api })
    }
}

/// The same endpoint for every method.
fn register<C: ServerContext>(
    api: &Arc<MountedApi>,
    description: &mut ApiDescription<C>,
    prefix: &str,
) -> Result<(), ApiDescriptionRegisterError> {
    let segments: Vec<&str> = prefix.split('/').filter(|segment| !segment.is_empty()).collect();
    let path: String = segments.iter().flat_map(|segment| ["/", segment]).chain(["/{path:.*}"]).collect();
    for method in METHODS {
        let id = format!("host_{}_{}", segments.join("_"), method.as_str().to_lowercase());
        let (handler, all) = (handler(Arc::clone(api), segments.len()), ApiEndpointVersions::All);
        description.register(ApiEndpoint::new(id, handler, method, "application/json", &path, all).visible(false))?;
    }
    Ok(())
}

impl Hosted {
    /// Cancelled to end this document's streams and to refuse new requests, either when its server closes or by the
    /// embedding program.
    pub fn stopping(&self) -> &CancellationToken {
        self.api.stopping()
    }

    /// The document that is served.
    pub fn document(&self) -> &'static Document {
        self.api.document()
    }
}

/// Dropshot wants the path's variable to be taken. The host reads the raw path instead.
#[derive(Deserialize, JsonSchema)]
struct Rest {
    #[serde(rename = "path")]
    _path: Vec<String>,
}

type Answered = BoxFuture<'static, Result<Response<Body>, HttpError>>;

/// The endpoint. It captures the API, so that the server's context can be any type.
fn handler<C: ServerContext>(
    api: Arc<MountedApi>,
    segments: usize,
) -> impl Fn(RequestContext<C>, Path<Rest>, RawRequest) -> Answered + Send + Sync + 'static {
    move |context, _rest, request| {
        let api = Arc::clone(&api);
        Box::pin(async move {
            let (mut parts, body) = request.into_inner().into_parts();
            parts.uri = below(parts.uri, segments);
            let (remote, local) = (context.request.remote_addr(), context.server.local_addr);
            let head = api.head(parts, &context.request_id, remote, local);
            Ok(api.answer(head, body).await)
        })
    }
}

/// The raw target without its first segments. They are counted, not compared: dropshot decodes segments and skips empty
/// ones before it matches them.
fn below(uri: Uri, segments: usize) -> Uri {
    if segments == 0 {
        return uri;
    }
    let mut rest = uri.path();
    for _ in 0..segments {
        rest = rest.trim_start_matches('/');
        rest = rest.find('/').map_or("", |at| &rest[at..]);
    }
    let path = if rest.is_empty() { "/" } else { rest };
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    // A suffix of a valid target is a valid target.
    PathAndQuery::try_from(target).map_or(uri, Uri::from)
}
