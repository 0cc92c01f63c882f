//! The address of a run: its server, and the agent runtime if the path names one.

use runyard_api::acp::types::ServerKind;
use runyard_api::host::Caller;
use runyard_engine::State;

pub(super) use super::server_body::DEFAULT;
use super::{Handlers, error, server_body};
use crate::dialects::common::refusal::Refusal;

/// The label by which a server's runs are found.
pub(super) const SERVER: &str = "acp.server";

/// The path that a request took.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way<'a> {
    /// `/servers/{serverId}`.
    Server(&'a str),
    /// `/servers/{serverId}/runtime/agent`.
    Connected(&'a str),
    /// `/agent-runtimes/{runtimeId}`.
    Runtime(&'a str),
}

/// An existing server, and the agent runtime that the path names or that is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) server: String,
    pub(super) agent_runtime: Option<String>,
}

impl Handlers {
    /// The place that a path names, if it exists.
    pub(super) async fn place(&self, cx: &Caller, way: Way<'_>) -> Result<Place, Refusal> {
        let (Way::Server(id) | Way::Connected(id) | Way::Runtime(id)) = way;
        let server = server_body::find(self, cx, id).await?;
        let agent_runtime = match way {
            Way::Server(_) => None,
            Way::Connected(_) => Some(server.body.agent_runtime.unwrap_or_else(|| DEFAULT.to_owned())),
            Way::Runtime(_) if server.body.kind != ServerKind::AgentRuntime => return Err(error::no_server(id)),
            Way::Runtime(_) => Some(server.id.clone()),
        };
        Ok(Place { server: server.id, agent_runtime })
    }
}

/// The server that a run is on.
pub(super) fn server_of(state: &State) -> &str {
    let start = state.start.as_deref();
    let found = start.and_then(|start| start.labels.get(SERVER)?.first());
    found.map_or(DEFAULT, String::as_str)
}
