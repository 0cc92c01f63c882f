//! Servers and agent runtimes (which are servers of one kind): small named objects, and the server that always exists.
//!
//! A server's status is always `active`: there is nothing to deploy, because this process executes every run.

use http::StatusCode;
use runyard_api::acp::types::{
    AgentRuntime, Deleted, ListObject, NewServer, Server, ServerChange, ServerEnvelope, ServerKind, ServerList,
};
use runyard_api::host::Caller;

use super::error::{invalid, no_server, of_objects};
use super::server_body::{Body, DEFAULT, always, find};
use super::{Handlers, runs};
use crate::codes::Code;
use crate::dialects::common::answer_size::AnswerSize;
use crate::dialects::common::refusal::Refusal;
use crate::dialects::common::time::time;
use crate::objects::{New, Stored};

/// The status of every server.
const ACTIVE: &str = "active";
/// The number of objects read at once while a list is filtered.
const PAGE: usize = 100;

/// Whether a request is about all servers, or about those that run agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerScope {
    /// `/servers`.
    All,
    /// `/agent-runtimes`.
    Runtimes,
}

impl ServerScope {
    fn admits(self, kind: ServerKind) -> bool {
        self == ServerScope::All || kind == ServerKind::AgentRuntime
    }
}

async fn find_which(handlers: &Handlers, cx: &Caller, which: ServerScope, id: &str) -> Result<Stored<Body>, Refusal> {
    let server = find(handlers, cx, id).await?;
    if which.admits(server.body.kind) { Ok(server) } else { Err(no_server(id)) }
}

pub(super) async fn create(
    handlers: &Handlers,
    cx: &Caller,
    which: ServerScope,
    body: NewServer,
) -> Result<ServerEnvelope, Refusal> {
    let kind = match which {
        ServerScope::All => body.kind.unwrap_or(ServerKind::AgentRuntime),
        ServerScope::Runtimes => ServerKind::AgentRuntime,
    };
    let kept = Body {
        name: body.name,
        kind,
        description: body.description,
        project: body.project_id.clone(),
        agent_runtime: bound(handlers, cx, body.agent_runtime_id).await?,
        metadata: body.metadata,
    };
    let id = format!("server_{}", handlers.runs.clock().new_run_id().uuid().simple());
    let new = New { id, name: None, parent: body.project_id, body: kept };
    let created = handlers.objects.create(&cx.tenant, new).await.map_err(of_objects)?;
    Ok(envelope(&created))
}

/// An agent runtime that may be bound: one that exists.
async fn bound(handlers: &Handlers, cx: &Caller, id: Option<String>) -> Result<Option<String>, Refusal> {
    let Some(id) = id else { return Ok(None) };
    match find_which(handlers, cx, ServerScope::Runtimes, &id).await {
        Ok(_) => Ok(Some(id)),
        Err(refusal) if refusal.status == StatusCode::NOT_FOUND => {
            Err(invalid("agentRuntimeId", format!("there is no agent runtime `{id}`")))
        }
        Err(refusal) => Err(refusal),
    }
}

pub(super) async fn get(
    handlers: &Handlers,
    cx: &Caller,
    which: ServerScope,
    id: &str,
) -> Result<ServerEnvelope, Refusal> {
    Ok(envelope(&find_which(handlers, cx, which, id).await?))
}

pub(super) async fn update(
    handlers: &Handlers,
    cx: &Caller,
    which: ServerScope,
    id: &str,
    change: ServerChange,
) -> Result<ServerEnvelope, Refusal> {
    let mut server = find_which(handlers, cx, which, id).await?;
    if server.id == DEFAULT {
        return Err(fixed());
    }
    let body = &mut server.body;
    body.name = change.name.or(body.name.take());
    body.description = change.description.or(body.description.take());
    body.project = change.project_id.or(body.project.take());
    body.metadata = change.metadata.or(body.metadata.take());
    body.agent_runtime = bound(handlers, cx, change.agent_runtime_id).await?.or(body.agent_runtime.take());
    server.parent = server.body.project.clone();
    let changed = handlers.objects.replace(&cx.tenant, server).await.map_err(of_objects)?;
    Ok(envelope(&changed))
}

pub(super) async fn delete(handlers: &Handlers, cx: &Caller, which: ServerScope, id: &str) -> Result<Deleted, Refusal> {
    if find_which(handlers, cx, which, id).await?.id == DEFAULT {
        return Err(fixed());
    }
    let deleted = handlers.objects.delete::<Body>(&cx.tenant, id).await.map_err(of_objects)?;
    if deleted { Ok(Deleted { id: Some(id.to_owned()), deleted }) } else { Err(no_server(id)) }
}

/// The filters of a list request.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerQuery {
    pub(super) kind: Option<ServerKind>,
    pub(super) project: Option<String>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

/// Lists servers, newest first. The server that always exists comes last.
pub(super) async fn list(handlers: &Handlers, cx: &Caller, wanted: ServerQuery) -> Result<ServerList, Refusal> {
    let limit = wanted.limit.unwrap_or(runs::LIMIT);
    let fits = |server: &Stored<Body>| {
        wanted.kind.is_none_or(|kind| kind == server.body.kind)
            && wanted.project.as_deref().is_none_or(|project| server.body.project.as_deref() == Some(project))
    };
    let (mut found, mut after) = (Vec::new(), None);
    // One more than requested, to see whether there is a next page.
    while found.len() <= wanted.offset + limit {
        let page = handlers.objects.list::<Body>(&cx.tenant, wanted.project.as_deref(), after.as_ref(), PAGE).await;
        let page = page.map_err(of_objects)?;
        after = page.last().map(Stored::cursor);
        let last = page.len() < PAGE;
        found.extend(page.into_iter().chain(last.then(always)).filter(fits));
        if last {
            break;
        }
    }
    let mut size = AnswerSize::of(handlers.runs.answer_bytes());
    let page = found.iter().skip(wanted.offset).take(limit).map(shown);
    // The vendor's format contains the list twice.
    let servers: Vec<Server> = page.take_while(|server| size.admits(&[server, server])).collect();
    let has_more = found.len() > wanted.offset + servers.len();
    Ok(ServerList { object: ListObject::List, data: servers.clone(), servers, has_more: Some(has_more) })
}

fn fixed() -> Refusal {
    let message = format!("the server `{DEFAULT}` is always there: it is neither changed nor deleted");
    Refusal::new(Code::ServerFixed, message).with("server_id", DEFAULT)
}

fn envelope(server: &Stored<Body>) -> ServerEnvelope {
    let runtime = (server.body.kind == ServerKind::AgentRuntime).then(|| AgentRuntime {
        id: server.id.clone(),
        server_id: server.id.clone(),
        status: ACTIVE.to_owned(),
    });
    ServerEnvelope { server: shown(server), agent_runtime: runtime }
}

fn shown(server: &Stored<Body>) -> Server {
    let Body { name, kind, description, project, agent_runtime, metadata } = server.body.clone();
    let made = |at_ms: i64| (server.version > 0).then(|| time(at_ms));
    Server {
        id: server.id.clone(),
        name,
        kind,
        status: Some(ACTIVE.to_owned()),
        description,
        project_id: project,
        agent_runtime_id: agent_runtime,
        metadata,
        created_at: made(server.created_at_ms),
        updated_at: made(server.updated_at_ms),
    }
}
