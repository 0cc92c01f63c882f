//! A listening server that can be closed.
//!
//! Which documents are served on which ports, and what happens on a signal, is the server crate's business.

use std::net::SocketAddr;
use std::time::Duration;

use dropshot::{ApiDescription, BuildError, ConfigDropshot, HandlerTaskMode, HttpServer, ServerBuilder};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Document, MountError, Mounted};

/// How long clients have to take their last answers once nothing is worked on any more. A stream that is not read, or an answer that
/// is not taken, waits in buffers that nobody can look into: only time tells a client that is slow from one that has gone deaf.
const TAKEN_WITHIN: Duration = Duration::from_secs(3);

/// Why a document cannot be served at an address.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The document does not fit the code that was made from it.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The address is taken, not ours, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Dropshot did not start for another reason.
    #[error("cannot start a server on {address}")]
    Start {
        /// The address that was asked for.
        address: SocketAddr,
        /// What dropshot says.
        source: BuildError,
    },
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Everything in flight was answered.
    Clean,
    /// The bound passed first, or a client did not take its answer. What is still open goes with the process.
    Busy,
}

/// A running server. Dropping it stops accepting, but waits for nothing.
pub struct Server {
    http: HttpServer<()>,
    document: &'static Document,
    stopping: CancellationToken,
    at_work: TaskTracker,
}

/// Starts a server for one document. Port 0 takes a free port.
///
/// Must be called within a tokio runtime. `log` is what dropshot writes to.
///
/// # Errors
/// [`ServeError`] when the document does not fit its code, or the address cannot be listened on.
pub fn serve(mounted: Mounted, address: SocketAddr, log: slog::Logger) -> Result<Server, ServeError> {
    let mut description = ApiDescription::new();
    let hosted = mounted.mount(&mut description, "")?;
    let (document, stopping, at_work) = (hosted.document(), hosted.stopping().clone(), hosted.at_work().clone());
    let config = ConfigDropshot {
        bind_address: address,
        // The host counts for itself; this only keeps dropshot's 1024 bytes out of the way.
        default_request_body_max_bytes: hosted.body_bytes_max(),
        // A client that goes away must not stop a handler between its commit and its answer.
        default_handler_task_mode: HandlerTaskMode::Detached,
        ..ConfigDropshot::default()
    };
    let started = ServerBuilder::new(description, (), log).config(config).start();
    let http = started.map_err(|error| match error {
        BuildError::BindError { address, error } => ServeError::Bind { address, source: error },
        source => ServeError::Start { address, source },
    })?;
    Ok(Server { http, document, stopping, at_work })
}

impl Server {
    /// The address that is listened on, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.http.local_addr()
    }

    /// The document that is served.
    pub fn document(&self) -> &'static Document {
        self.document
    }

    /// Resolves when the server has ended by itself or was closed.
    ///
    /// # Errors
    /// Says why it ended, when dropshot's task died.
    pub fn ended(&self) -> impl Future<Output = Result<(), String>> + Send + 'static {
        self.http.wait_for_shutdown()
    }

    /// Stops accepting, ends streams, finishes what is in flight, and waits for that at most `within`. Once nothing is worked on
    /// any more, clients have three seconds to take what is on its way to them.
    pub async fn close(self, within: Duration) -> Closed {
        self.stopping.cancel();
        self.at_work.close();
        // Dropshot waits for ever for a client that neither reads nor leaves.
        let mut closing = std::pin::pin!(self.http.close());
        let closed = tokio::time::timeout(within, async {
            tokio::select! {
                closed = &mut closing => return Some(closed),
                () = self.at_work.wait() => {}
            }
            tokio::time::timeout(TAKEN_WITHIN, &mut closing).await.ok()
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
