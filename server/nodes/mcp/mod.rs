//! The provider of MCP servers: programs and services of the configuration, whose tools are node types
//! `mcp.SERVER.TOOL`.
//!
//! | file            | what |
//! |-----------------|------|
//! | this one        | [`McpServers`]: starts and stops the connections, and executes calls |
//! | `target.rs`     | [`Targets`]: the servers with loaded secrets |
//! | `supervisor.rs` | one server: connects, lists its tools, connects again with backoff |
//! | `connection.rs` | one connection, over stdio or HTTP |
//! | `child.rs`      | the program of a server: isolated, and ended with everything that it started |
//! | `lines.rs`      | limits the lines of a program, and logs its errors |
//! | `tools.rs`      | from tools to node types |
//! | `lists.rs`      | which tenant has which node types, and the tools that were last seen |
//! | `call.rs`       | one call: from inputs to outputs |
//! | `failure.rs`    | every failure |
//!
//! `config/tools/mcp.rs` has the configuration. The protocol is that of the crate `rmcp`.

mod call;
mod child;
mod connection;
mod failure;
mod lines;
mod lists;
mod supervisor;
mod target;
mod tools;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use runyard_engine::Routed;
use runyard_engine::event::Failure;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::failures::unavailable;
use super::perform::http::Outside;
use super::provider::{NodeContext, Provider, Snapshot};
use crate::clock::Clock;
use lists::Lists;
use supervisor::{State, Supervisor};
use target::Target;

pub use target::{TargetError, Targets};

/// How long a start waits for the tools of servers that were never seen before.
const SETTLE: Duration = Duration::from_secs(5);
/// How long stopping waits for the programs of all servers.
const STOP: Duration = Duration::from_secs(5);

/// What the provider needs.
pub struct Parts {
    /// The servers.
    pub targets: Targets,
    /// The tenant of callers without a credential, if there are other callers: it has no servers, because servers have
    /// the secrets of the operator.
    pub anonymous: Option<&'static str>,
    /// The HTTP clients.
    pub outside: Arc<Outside>,
    /// The clock.
    pub clock: Clock,
    /// Where the tools that were last seen are stored.
    pub folder: PathBuf,
}

/// The MCP servers of the configuration.
pub struct McpServers {
    lists: Arc<Lists>,
    servers: Vec<Server>,
    stopping: CancellationToken,
    clock: Clock,
}

/// One server.
struct Server {
    target: Arc<Target>,
    state: watch::Receiver<State>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl McpServers {
    /// Starts to connect to every server. A server that cannot be reached has the tools that were last seen.
    pub fn start(parts: Parts) -> Self {
        let Parts { targets, anonymous, outside, clock, folder } = parts;
        let lists = Arc::new(Lists::new(&targets.0, anonymous, folder));
        let stopping = CancellationToken::new();
        let server = |(place, target): (usize, Arc<Target>)| {
            let (state, watched) = watch::channel(State::Starting);
            let supervisor = Supervisor {
                place,
                target: target.clone(),
                outside: outside.clone(),
                clock: clock.clone(),
                lists: lists.clone(),
                state,
                stopping: stopping.clone(),
            };
            let supervisor = Mutex::new(Some(tokio::spawn(supervisor.run())));
            Server { target, state: watched, supervisor }
        };
        let servers = targets.0.into_iter().enumerate().map(server).collect();
        McpServers { lists, servers, stopping, clock }
    }

    /// Waits for the first attempt to reach servers whose tools were never seen before; a few seconds at most.
    pub async fn settled(&self) {
        let new = self.servers.iter().enumerate().filter(|(place, _)| !self.lists.has_seen(*place));
        let settled = futures::future::join_all(new.map(|(_, server)| async {
            let mut state = server.state.clone();
            let _ = state.wait_for(|state| !matches!(state, State::Starting)).await;
        }));
        tokio::select! {
            _ = settled => {}
            () = self.clock.sleep(SETTLE) => {}
        }
    }

    /// Closes the connections and ends the programs, within a few seconds.
    pub async fn stop(&self) {
        self.stopping.cancel();
        let handles: Vec<_> = self.servers.iter().filter_map(Server::take).collect();
        let aborts: Vec<_> = handles.iter().map(JoinHandle::abort_handle).collect();
        tokio::select! {
            _ = futures::future::join_all(handles) => {}
            () = self.clock.sleep(STOP) => aborts.iter().for_each(tokio::task::AbortHandle::abort),
        }
    }
}

impl Server {
    fn take(&self) -> Option<JoinHandle<()>> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for McpServers {
    fn drop(&mut self) {
        self.servers.iter().filter_map(Server::take).for_each(|handle| handle.abort());
    }
}

#[async_trait]
impl Provider for McpServers {
    fn node_types(&self, tenant: &str) -> Arc<Snapshot> {
        self.lists.snapshot(tenant)
    }

    async fn perform(&self, cx: &NodeContext<'_>) -> Result<Routed, Failure> {
        let found = self.servers.iter().zip(0..).find_map(|(server, place)| {
            let tool = self.lists.tool(place, &cx.node_type.id)?;
            Some((server, tool))
        });
        let Some((server, tool)) = found else { return Err(unavailable(cx.node_type)) };
        let outputs = call::call(&server.target, server.state.clone(), &tool, cx).await?;
        Ok(Routed { outputs, ..Routed::default() })
    }
}
