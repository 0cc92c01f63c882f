//! Stored data of a server, and the server that always exists.

use runyard_api::acp::types::ServerKind;
use runyard_api::host::Caller;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Handlers;
use super::error::{no_server, of_objects};
use crate::dialects::common::refusal::Refusal;
use crate::objects::{ObjectType, Stored};

/// The server that always exists. Runs started through other APIs belong to it.
pub(super) const DEFAULT: &str = "default";

/// Stored data of a server. Every field has a default, so that older data can be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default = "agent_runtime")]
    pub(super) kind: ServerKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<String>,
    /// The agent runtime that is bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agent_runtime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Map<String, Value>>,
}

fn agent_runtime() -> ServerKind {
    ServerKind::AgentRuntime
}

impl ObjectType for Body {
    const KIND: &'static str = "acp.server";
}

/// The server with this id.
pub(super) async fn find(handlers: &Handlers, cx: &Caller, id: &str) -> Result<Stored<Body>, Refusal> {
    if id == DEFAULT {
        return Ok(always());
    }
    let found = handlers.objects.get(&cx.tenant, id).await.map_err(of_objects)?;
    found.ok_or_else(|| no_server(id))
}

/// The server that always exists.
pub(super) fn always() -> Stored<Body> {
    let body = Body {
        name: Some(DEFAULT.to_owned()),
        kind: ServerKind::AgentRuntime,
        description: Some("This server. Runs that were started through other APIs are on it.".to_owned()),
        project: None,
        agent_runtime: None,
        metadata: None,
    };
    Stored { id: DEFAULT.to_owned(), name: None, parent: None, version: 0, created_at_ms: 0, updated_at_ms: 0, body }
}
