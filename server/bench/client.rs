//! One keep-alive connection, as cheap as possible: requests are made in advance, and answers are only bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::BenchError;

/// The address of requests, and their credential.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) host: HeaderValue,
    pub(super) credential: Option<HeaderValue>,
}

/// A request that can be sent any number of times.
#[derive(Debug, Clone)]
pub(super) struct PreparedRequest {
    pub(super) method: Method,
    pub(super) path: Uri,
    pub(super) body: Bytes,
    /// Whether a started run is then followed to its end, as one request.
    pub(super) follow: bool,
    /// The kind of the request, if there are several.
    pub(super) kind: &'static str,
}

impl PreparedRequest {
    /// A body of JSON.
    pub(super) fn post(path: &str, body: String) -> Self {
        Self { method: Method::POST, path: uri(path), body: body.into(), follow: false, kind: "" }
    }

    /// No body.
    pub(super) fn get(path: &str) -> Self {
        Self { method: Method::GET, path: uri(path), body: Bytes::new(), follow: false, kind: "" }
    }

    /// Follows the started run to its end.
    pub(super) fn followed(self) -> Self {
        Self { follow: true, ..self }
    }

    /// Names the kind of the request.
    pub(super) fn called(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }
}

/// The fields that are read of a started run.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct Started {
    pub(super) run_id: String,
    pub(super) root_node_run_id: String,
}

impl Started {
    pub(super) fn read(answer: &Bytes) -> Result<Self, BenchError> {
        serde_json::from_slice(answer).map_err(|error| BenchError::Server(format!("answered with no run: {error}")))
    }

    /// The path of its events after a `seq`.
    pub(super) fn events(&self, after_seq: u64) -> String {
        format!("/v1/runs/{}/events?after_seq={after_seq}", self.run_id)
    }
}

/// Paths are constants, or made of ids that a server returned.
fn uri(path: &str) -> Uri {
    path.parse().unwrap_or_default()
}

/// A connection.
pub(super) struct Client {
    sender: SendRequest<Full<Bytes>>,
    target: Target,
}

impl Client {
    pub(super) async fn open(target: &Target) -> Result<Self, BenchError> {
        let stream = TcpStream::connect(target.address).await.map_err(BenchError::io("connect to the server"))?;
        stream.set_nodelay(true).map_err(BenchError::io("set up a connection"))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // The task that waits for an answer learns how the connection ended.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, target: target.clone() })
    }

    /// Sends, and if a started run is to be followed, reads its events to their end.
    pub(super) async fn ask(&mut self, prepared: &PreparedRequest) -> Result<(StatusCode, Bytes), BenchError> {
        let (status, answer) = self.send(prepared).await?;
        if !prepared.follow || !status.is_success() {
            return Ok((status, answer));
        }
        let events = PreparedRequest::get(&Started::read(&answer)?.events(0));
        let (status, events) = self.send(&events).await?;
        // A failed run ends sooner than one that did its work.
        let wanted = b"\"state\":\"succeeded\"";
        if !events.windows(wanted.len()).any(|window| window == wanted) {
            return Err(BenchError::Server(format!(
                "did not bring a run to its end: {}",
                String::from_utf8_lossy(&events)
            )));
        }
        Ok((status, events))
    }

    /// Sends, and reads the answer to its end.
    pub(super) async fn send(&mut self, prepared: &PreparedRequest) -> Result<(StatusCode, Bytes), BenchError> {
        let (parts, body) = self.stream(prepared).await?.into_parts();
        Ok((parts.status, body.collect().await.map_err(broken)?.to_bytes()))
    }

    /// Sends, and leaves the answer's body to be read as a stream.
    pub(super) async fn stream(&mut self, prepared: &PreparedRequest) -> Result<Response<Incoming>, BenchError> {
        self.sender.ready().await.map_err(broken)?;
        let mut request = Request::new(Full::new(prepared.body.clone()));
        *request.method_mut() = prepared.method.clone();
        *request.uri_mut() = prepared.path.clone();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.target.host.clone());
        if !prepared.body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(credential) = &self.target.credential {
            headers.insert(header::AUTHORIZATION, credential.clone());
        }
        self.sender.send_request(request).await.map_err(broken)
    }
}

fn broken(error: hyper::Error) -> BenchError {
    BenchError::Server(format!("broke off a connection: {error}"))
}
