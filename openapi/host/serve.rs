//! A listening server that can be closed.
//!
//! It has its own accept loop over hyper. Dropshot's has no limit on connections and no time limit on request heads or
//! idle connections. It also does not expose its sockets, so that small writes are delayed (`TCP_NODELAY`). The routes
//! are the same in both.
//!
//! The server crate decides which documents are served on which ports, and handles signals.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::connections::{Admitted, Busy, Connection, Watched};
use super::mounted_api::MountedApi;
use super::{Body, Document, MountError, Mounted, Settings};

/// How long clients have to read their last responses once no request is in progress. Unread bytes wait in buffers that
/// the server cannot inspect, so only a time limit separates a slow client from one that never reads.
const TAKEN_WITHIN: Duration = Duration::from_secs(3);

/// The delay between two accepts while the system has no free descriptor.
const AGAIN: Duration = Duration::from_millis(20);

/// The listen backlog: connections that wait for the accept loop.
const BACKLOG: u32 = 1024;

/// The buffer for sent and received data of a connection: a request head has to fit. No budget counts it, so it is
/// small.
const BUFFER_BYTES: usize = 64 * 1024;

/// Concurrent requests of one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;

/// The header with the request's id in responses, as in dropshot.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a document cannot be served at an address.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The document does not match the generated code.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The address is in use, not local, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The requested address.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Every request in progress was answered.
    Clean,
    /// The time limit passed first, or a client did not read its response. What is still open ends with the process.
    Busy,
}

/// A bound address that is not served yet: clients connect and wait. So several listeners can start together.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    api: Arc<MountedApi>,
    log: slog::Logger,
}

/// A running server. Dropping it stops accepting and waits for nothing.
pub struct Server {
    address: SocketAddr,
    document: &'static Document,
    stopping: CancellationToken,
    at_work: TaskTracker,
    closing: DropGuard,
    ended: Shared<BoxFuture<'static, Result<(), String>>>,
}

impl Mounted {
    /// Binds an address for this document, without serving yet. See [`bind`](super::bind).
    ///
    /// # Errors
    /// [`ServeError`] when the document does not match its code, or the address cannot be bound.
    pub fn bind(self, address: SocketAddr, log: slog::Logger) -> Result<Bound, ServeError> {
        bind(self, address, log)
    }

    /// Starts a server of its own for this document. See [`serve`](super::serve).
    ///
    /// # Errors
    /// [`ServeError`] when the document does not match its code, or the address cannot be bound.
    pub fn serve(self, address: SocketAddr, log: slog::Logger) -> Result<Server, ServeError> {
        serve(self, address, log)
    }
}

/// Binds an address for one document. Port 0 takes a free port.
///
/// Must be called within a tokio runtime. `log` receives the events of connections.
///
/// # Errors
/// [`ServeError`] when the document does not match its code, or the address cannot be bound.
pub fn bind(mounted: Mounted, address: SocketAddr, log: slog::Logger) -> Result<Bound, ServeError> {
    let api = mounted.open()?;
    let listen = || {
        let socket = match address {
            SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
            SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
        };
        // A restart must not wait for connections of the previous process.
        #[cfg(not(windows))]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    let (listener, address) = listen().map_err(|source| ServeError::Bind { address, source })?;
    Ok(Bound { listener, address, api, log })
}

/// Starts a server for one document. Port 0 takes a free port.
///
/// Must be called within a tokio runtime. `log` receives the events of connections.
///
/// # Errors
/// [`ServeError`] when the document does not match its code, or the address cannot be bound.
pub fn serve(mounted: Mounted, address: SocketAddr, log: slog::Logger) -> Result<Server, ServeError> {
    Ok(bind(mounted, address, log)?.start())
}

impl Bound {
    /// The bound address, with the actual port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The document that is to be served.
    pub fn document(&self) -> &'static Document {
        self.api.document()
    }

    /// Begins to accept.
    pub fn start(self) -> Server {
        let Bound { listener, address, api, log } = self;
        let closing = CancellationToken::new();
        let (document, stopping, at_work) = (api.document(), api.stopping().clone(), api.at_work().clone());
        let accepting = tokio::spawn(accept(listener, api, closing.clone(), log));
        let ended = async move { accepting.await.map_err(|error| format!("the accept loop ended: {error}")) };
        let (closing, ended) = (closing.drop_guard(), ended.boxed().shared());
        Server { address, document, stopping, at_work, closing, ended }
    }
}

/// Accepts until closing begins, then waits for the open connections.
#[expect(clippy::disallowed_methods, reason = "the system does not notify when it has descriptors again")]
async fn accept(listener: TcpListener, api: Arc<MountedApi>, closing: CancellationToken, log: slog::Logger) {
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        match accepted {
            Ok((socket, remote)) => begin(socket, remote, &api, &open, &closing, &log),
            // Errors of the one connection that was accepted.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                slog::warn!(log, "accept error"; "error" => %error);
                api.settings().connections.evict_idle();
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
}

fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}

/// Serves a connection in its own task, or refuses it.
fn begin(
    socket: TcpStream,
    remote: SocketAddr,
    api: &Arc<MountedApi>,
    open: &TaskTracker,
    closing: &CancellationToken,
    log: &slog::Logger,
) {
    let Settings { connections, reached, .. } = api.settings();
    let Ok(local) = prepare(&socket) else { return };
    let Some(admitted) = connections.admit(remote.ip(), reached) else {
        // A response that does not fit into the empty buffer of a new socket is not sent: the loop must not wait for
        // this client.
        let _ = socket.try_write(&api.refuse_connection(remote, local));
        return;
    };
    let connection = Serving { api: Arc::clone(api), remote, local, log: log.clone() };
    open.spawn(connection.serve(socket, admitted, closing.clone()));
}

/// Sends small writes at once. Otherwise the second event of a stream waits for the acknowledgement of the first, for
/// which many clients take 40 ms. Returns the local address.
fn prepare(socket: &TcpStream) -> std::io::Result<SocketAddr> {
    socket.set_nodelay(true)?;
    socket.local_addr()
}

/// The state that requests of one connection share.
#[derive(Clone)]
struct Serving {
    api: Arc<MountedApi>,
    remote: SocketAddr,
    local: SocketAddr,
    log: slog::Logger,
}

impl Serving {
    /// Serves one connection to its end.
    async fn serve(self, socket: TcpStream, admitted: Admitted, closing: CancellationToken) {
        let socket = TokioIo::new(Watched::new(socket, Arc::clone(admitted.connection())));
        let connection = Arc::clone(admitted.connection());
        let service = service_fn(move |request| self.clone().answer(request, Arc::clone(&connection)));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().max_buf_size(BUFFER_BYTES);
        builder.http2().max_concurrent_streams(STREAMS_MAX).max_send_buf_size(BUFFER_BYTES);
        let mut serving = pin!(builder.serve_connection(socket, service));
        let mut over = pin!(admitted.over());
        let mut shutting_down = false;
        loop {
            tokio::select! {
                // Errors here are the client's: it disconnected, or it does not speak HTTP.
                _ = serving.as_mut() => return,
                () = &mut over => return,
                () = closing.cancelled(), if !shutting_down => {
                    shutting_down = true;
                    serving.as_mut().graceful_shutdown();
                }
            }
        }
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        connection: Arc<Connection>,
    ) -> Result<Response<Counted>, Infallible> {
        let busy = connection.busy();
        let Serving { api, remote, local, log } = self;
        let request_id = uuid::Uuid::new_v4().to_string();
        let (parts, body) = request.into_parts();
        let head = api.head(parts, &request_id, remote, local);
        let leaving = Leaving { log, waits: true };
        // In its own task: a client that disconnects must not stop a handler between its commit and its response.
        let answered = tokio::spawn(async move { api.answer(head, Body::wrap(body)).await }).await;
        leaving.stayed();
        let mut response = answered.unwrap_or_else(|_| {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
        if let Ok(id) = HeaderValue::try_from(request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        Ok(response.map(|body| Counted { body, _busy: busy }))
    }
}

/// Logs when a client disconnected before its response.
struct Leaving {
    log: slog::Logger,
    waits: bool,
}

impl Leaving {
    fn stayed(mut self) {
        self.waits = false;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if self.waits {
            slog::warn!(self.log, "request handling cancelled (client disconnected)");
        }
    }
}

/// A body that marks its connection as busy until it has been sent.
struct Counted {
    body: Body,
    _busy: Busy,
}

impl http_body::Body for Counted {
    type Data = <Body as http_body::Body>::Data;
    type Error = <Body as http_body::Body>::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

impl Server {
    /// The bound address, with the actual port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The document that is served.
    pub fn document(&self) -> &'static Document {
        self.document
    }

    /// Resolves when the server has stopped by itself or was closed.
    ///
    /// # Errors
    /// Says why, if the accept loop failed.
    pub fn ended(&self) -> impl Future<Output = Result<(), String>> + Send + 'static {
        self.ended.clone()
    }

    /// Stops accepting, ends streams, completes requests in progress, and waits for them at most `within`. Once no
    /// request is in progress, clients have three seconds to read their responses.
    pub async fn close(self, within: Duration) -> Closed {
        self.stopping.cancel();
        self.at_work.close();
        drop(self.closing);
        let mut ended = self.ended;
        let closed = tokio::time::timeout(within, async {
            tokio::select! {
                ended = &mut ended => {
                    // Handlers whose clients have disconnected.
                    self.at_work.wait().await;
                    return Some(ended);
                }
                () = self.at_work.wait() => {}
            }
            tokio::time::timeout(TAKEN_WITHIN, &mut ended).await.ok()
        });
        match closed.await {
            Ok(Some(Ok(()))) => Closed::Clean,
            Ok(Some(Err(reason))) => {
                tracing::error!(document = self.document.name, reason, "the server did not end well");
                Closed::Busy
            }
            Ok(None) | Err(_) => Closed::Busy,
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("document", &self.document.name).field("address", &self.local_addr()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_accepted_connection_sends_small_writes_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (accepted, _) = accepted.unwrap();
        assert!(!accepted.nodelay().unwrap());
        assert_eq!(prepare(&accepted).unwrap(), address);
        assert!(accepted.nodelay().unwrap());
        drop(client);
    }
}
