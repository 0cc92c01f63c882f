//! The yardstick for streams: dropshot with one endpoint whose answer never ends and is silent after its first byte. A
//! subscription of Runyard costs at least this much.

use dropshot::{ApiDescription, Body, ConfigDropshot, HttpError, HttpServer, RequestContext, ServerBuilder, endpoint};
use futures::StreamExt;
use http::Response;
use http_body_util::StreamBody;
use hyper::body::Frame;

/// Serves it, on a free port.
pub(super) fn serve(log: slog::Logger) -> Result<HttpServer<()>, String> {
    let mut description = ApiDescription::new();
    description.register(silent).map_err(|error| error.to_string())?;
    let config = ConfigDropshot::default();
    ServerBuilder::new(description, (), log).config(config).start().map_err(|error| error.to_string())
}

/// One byte, and then nothing.
#[endpoint { method = GET, path = "/" }]
async fn silent(_context: RequestContext<()>) -> Result<Response<Body>, HttpError> {
    let first = futures::stream::iter([Ok::<_, std::io::Error>(Frame::data(bytes::Bytes::from_static(b" ")))]);
    let mut response = Response::new(Body::wrap(StreamBody::new(first.chain(futures::stream::pending()))));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}
