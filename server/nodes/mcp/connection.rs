//! One connection to an MCP server: over the pipes of a program, or over HTTP with the clients of the egress rules.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rmcp::ClientHandler;
use rmcp::model::{
    ClientCapabilities, ClientConfig, Implementation, PaginatedRequestParams, ProtocolVersion, SubscriptionFilter,
    TASKS_EXTENSION_ID, Tool,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt, NotificationContext, Peer, RoleClient, RunningService, ServiceError,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use runyard_engine::event::Failure;
use tokio::sync::Notify;

use super::child::{self, Child};
use super::failure;
use super::lines::BoundedLines;
use super::target::{Place, Target};
use crate::clock::Clock;
use crate::nodes::perform::http::Outside;

/// How long a server has for its start and the handshake. Programs that install themselves at their first start need
/// long.
const HANDSHAKE: Duration = Duration::from_secs(60);
/// How long a server has for the list of its tools.
const LISTING: Duration = Duration::from_secs(30);
/// The most tools of one server.
const TOOLS_MAX: usize = 2_000;
/// The most pages of its list.
const PAGES_MAX: usize = 100;
/// The longest wait between two attempts to open a stream of notifications again.
const REOPEN_MAX: Duration = Duration::from_secs(60);
/// How long closing a connection may take.
const CLOSE: Duration = Duration::from_secs(1);

/// A connection after the handshake.
pub(super) struct Connection {
    pub(super) service: RunningService<RoleClient, Client>,
    pub(super) child: Option<Child>,
    /// Whether the program wrote a message that is larger than allowed, which ended the connection.
    pub(super) too_large: Arc<AtomicBool>,
}

/// This side of a connection.
pub(super) struct Client {
    /// Notified when the list of tools has changed.
    changed: Arc<Notify>,
}

impl ClientHandler for Client {
    /// Declares tasks, which calls follow to their end. No elicitation, sampling or roots: a server must not ask for
    /// them, and requests are declined.
    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        let extensions = [(TASKS_EXTENSION_ID.to_owned(), serde_json::Map::new())];
        capabilities.extensions = Some(extensions.into_iter().collect());
        let client = Implementation::new("runyard", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(capabilities, client).with_protocol_version(ProtocolVersion::V_2025_11_25)
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }
}

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// With `server/discover`, and with `initialize` if the server does not know that.
    Discover,
    /// With `initialize`, for servers that end at anything else.
    Initialize,
}

impl Beginning {
    /// The other one, for the next attempt.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Discover => Self::Initialize,
            Self::Initialize => Self::Discover,
        }
    }

    fn mode(self) -> ClientLifecycleMode {
        match self {
            Self::Discover => ClientLifecycleMode::Auto {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
                legacy_version: Some(ProtocolVersion::V_2025_11_25),
            },
            Self::Initialize => ClientLifecycleMode::Initialize,
        }
    }
}

/// Connects to a server. `changed` is notified when its tools change.
///
/// # Errors
/// It cannot be started or reached, or the handshake fails or takes too long.
pub(super) async fn connect(
    target: &Arc<Target>,
    outside: &Outside,
    clock: &Clock,
    changed: Arc<Notify>,
    beginning: Beginning,
) -> Result<Connection, Failure> {
    let client = Client { changed };
    let too_large = Arc::new(AtomicBool::new(false));
    let bytes_max = outside.bytes_max();
    let connected = async {
        match &target.place {
            Place::Program { command, .. } => {
                let (child, stdout, stdin) =
                    child::start(target, clock).map_err(|error| failure::not_started(target, command, &error))?;
                let lines = BoundedLines::new(stdout, bytes_max, too_large.clone());
                let transport = AsyncRwTransport::new_client(lines, stdin).with_max_line_length(usize::MAX);
                let service = client.serve_with_lifecycle(transport, beginning.mode()).await;
                service.map(|service| (service, Some(child))).map_err(|error| failure::handshake(target, error))
            }
            Place::Service { url, private, headers } => {
                let http = outside.client_of(url, *private)?;
                let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                    .custom_headers(headers.clone())
                    .max_sse_event_size(bytes_max)
                    .max_json_response_size(bytes_max);
                let mut backoff = ExponentialBackoff::default();
                backoff.max_delay = Some(REOPEN_MAX);
                config.retry_config = Arc::new(backoff);
                config.reinit_on_expired_session = true;
                let transport = StreamableHttpClientTransport::with_client(http, config);
                let service = client.serve_with_lifecycle(transport, beginning.mode()).await;
                service.map(|service| (service, None)).map_err(|error| failure::handshake(target, error))
            }
        }
    };
    let (service, child) = tokio::select! {
        connected = connected => connected?,
        () = clock.sleep(HANDSHAKE) => return Err(failure::slow(target, "connect", HANDSHAKE)),
    };
    Ok(Connection { service, child, too_large })
}

impl Connection {
    /// Closes the connection, and ends its program.
    pub(super) async fn close(mut self) {
        // The program is ended in any case, so it does not matter how this ends.
        let _ = self.service.close_with_timeout(CLOSE).await;
        if let Some(child) = self.child.take() {
            child.stop().await;
        }
    }

    /// Resolves when the program or the connection has ended.
    pub(super) async fn ended(&self, clock: &Clock) {
        const CHECK: Duration = Duration::from_millis(250);
        let closed = async {
            while !self.service.peer().is_transport_closed() && !self.service.is_closed() {
                clock.sleep(CHECK).await;
            }
        };
        let ended = async {
            match &self.child {
                Some(child) => child.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! { () = closed => {}, () = ended => {} }
    }

    /// The tools of the server.
    ///
    /// # Errors
    /// The server does not list them, or not in time.
    pub(super) async fn tools(&self, target: &Target, clock: &Clock) -> Result<Vec<Tool>, Failure> {
        tokio::select! {
            listed = list(self.service.peer(), target) => listed.map_err(|error| failure::of(target, error)),
            () = clock.sleep(LISTING) => Err(failure::slow(target, "list its tools", LISTING)),
        }
    }

    /// Notifies of changes that a server of the stateless protocol tells only to those who listen. Ends when the server
    /// has no such changes, or ends the stream.
    pub(super) async fn listen(&self) {
        let peer = self.service.peer();
        let tells = |info: Arc<rmcp::model::ServerPeerInfo>| {
            let tools = info.capabilities.tools.as_ref();
            !info.protocol_version.has_initialize() && tools.is_some_and(|tools| tools.list_changed == Some(true))
        };
        if !peer.peer_info().is_some_and(tells) {
            return;
        }
        let Ok(mut changes) = peer.listen(SubscriptionFilter::builder().tools_list_changed().build()).await else {
            return;
        };
        while let Ok(Some(_)) = changes.next().await {
            self.service.service().changed.notify_one();
        }
    }
}

async fn list(peer: &Peer<RoleClient>, target: &Target) -> Result<Vec<Tool>, ServiceError> {
    let (mut tools, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = peer.list_tools(Some(PaginatedRequestParams::default().with_cursor(cursor))).await?;
        tools.extend(page.tools);
        cursor = page.next_cursor;
        if cursor.is_none() || tools.len() >= TOOLS_MAX {
            break;
        }
    }
    if cursor.is_some() || tools.len() > TOOLS_MAX {
        let server = &target.configured.name;
        tracing::warn!(
            server,
            "the MCP server lists more tools than {TOOLS_MAX}, or too many pages; others are left out"
        );
    }
    tools.truncate(TOOLS_MAX);
    Ok(tools)
}
