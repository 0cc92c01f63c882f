//! What nodes may use, and the caller: integrations, connectors and agents from the catalogue and the configuration,
//! the caller from the credential. Nothing of it is stored, so this API cannot create or change it.
//!
//! | here          | what it is                                                                     |
//! |---------------|--------------------------------------------------------------------------------|
//! | integration   | a configured integration; its actions are its node types                      |
//! | connector     | the account that the configuration has for it: one for each                   |
//! | agent         | the planner, which answers the prompt of any node of kind `agent`             |
//! | user          | the subject of the credential                                                 |
//! | workspace     | the tenant                                                                    |

use runyard_api::cargo::types::{
    Agent, AgentEnvelope, AgentList, Connector, ConnectorEnvelope, ConnectorList, Integration, IntegrationEnvelope,
    IntegrationList, User, UserEnvelope, Workspace, WorkspaceEnvelope,
};
use runyard_api::cargo::{ListConnectorsRequest, ListIntegrationsRequest};
use runyard_api::host::Caller;
use runyard_engine::Object;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::lower::PLANNER;
use super::{Handlers, error};
use crate::catalog::{self, Catalog, Entry};
use crate::dialects::common::refusal::Refusal;
use crate::dialects::common::time::time;

/// The category of every integration: an operator configures it.
const CATEGORY: &str = "custom";

/// The integrations that match.
pub(super) fn integrations(handlers: &Handlers, cx: &Caller, request: &ListIntegrationsRequest) -> IntegrationList {
    let ListIntegrationsRequest { category, slug, search, has_actions, has_extractors } = request;
    let search = search.as_ref().map(|text| text.to_lowercase());
    let fits = |one: &Integration| {
        let mentions = |text: &String| {
            [&one.slug, &one.name, &one.description].iter().any(|said| said.to_lowercase().contains(text))
        };
        category.as_ref().is_none_or(|category| *category == one.category)
            && slug.as_ref().is_none_or(|slug| *slug == one.slug)
            && search.as_ref().is_none_or(mentions)
            && has_actions.is_none_or(|has| has != one.actions.is_empty())
            && has_extractors.is_none_or(|has| has != one.extractors.is_empty())
    };
    let catalog = handlers.runs.catalog_of(&cx.tenant);
    IntegrationList { integrations: offered(&catalog).map(|one| integration(&catalog, one)).filter(fits).collect() }
}

/// An integration.
pub(super) fn get_integration(handlers: &Handlers, cx: &Caller, slug: &str) -> Result<IntegrationEnvelope, Refusal> {
    let catalog = handlers.runs.catalog_of(&cx.tenant);
    let found = offered(&catalog).find(|one| one.id == slug).ok_or_else(|| error::no_integration(slug))?;
    Ok(IntegrationEnvelope { integration: integration(&catalog, found) })
}

/// The connectors that match.
pub(super) fn connectors(handlers: &Handlers, cx: &Caller, request: &ListConnectorsRequest) -> ConnectorList {
    let fits = |one: &&catalog::Integration| request.integration_slug.as_ref().is_none_or(|slug| *slug == one.id);
    let catalog = handlers.runs.catalog_of(&cx.tenant);
    ConnectorList { connectors: offered(&catalog).filter(fits).map(|one| connector(handlers, cx, one)).collect() }
}

/// A connector.
pub(super) fn get_connector(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<ConnectorEnvelope, Refusal> {
    let catalog = handlers.runs.catalog_of(&cx.tenant);
    let mut all = offered(&catalog).map(|one| connector(handlers, cx, one));
    let connector = all.find(|one| one.uuid == uuid).ok_or_else(|| error::no_connector(uuid))?;
    Ok(ConnectorEnvelope { connector })
}

/// Every agent: the planner.
pub(super) fn agents(handlers: &Handlers, cx: &Caller) -> AgentList {
    AgentList { agents: vec![agent(handlers, cx)] }
}

/// An agent.
pub(super) fn get_agent(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<AgentEnvelope, Refusal> {
    let agent = agent(handlers, cx);
    if agent.uuid == uuid { Ok(AgentEnvelope { agent }) } else { Err(error::no_agent(uuid)) }
}

/// The caller.
pub(super) fn user(cx: &Caller) -> UserEnvelope {
    let subject = cx.subject.as_deref();
    let user = User {
        // The same value as `userUuid` of runs that this caller starts. A caller without a credential has no name.
        uuid: subject.map_or_else(|| identifier(cx, "user", "anonymous"), str::to_owned),
        workspace_uuid: cx.tenant.to_string(),
        email: subject.filter(|subject| subject.contains('@')).map(str::to_owned),
        permissions: cx.scopes.iter().map(ToString::to_string).collect(),
    };
    UserEnvelope { user }
}

/// The workspace.
pub(super) fn workspace(cx: &Caller) -> WorkspaceEnvelope {
    WorkspaceEnvelope { workspace: Workspace { uuid: cx.tenant.to_string(), name: cx.tenant.to_string() } }
}

/// The integrations that nodes of a tenant may call.
fn offered(catalog: &Catalog) -> impl Iterator<Item = &catalog::Integration> {
    catalog.integrations().iter().filter(|one| one.active)
}

fn integration(catalog: &Catalog, one: &catalog::Integration) -> Integration {
    let entry = |id: &String| catalog.entries().iter().find(|entry| entry.id == *id);
    let actions = one.node_type_ids.iter().filter_map(|id| {
        let slug = id.strip_prefix(&catalog::integration::node_type_id(&one.id, ""))?;
        Some((slug.to_owned(), action(slug, entry(id)?)))
    });
    Integration {
        slug: one.id.clone(),
        name: one.name.clone(),
        description: one.description.clone().unwrap_or_default(),
        category: CATEGORY.to_owned(),
        icon: one.logo_url.clone(),
        url: format!("https://{}", one.host),
        // Accounts are in the server's configuration, not in this API.
        connector: Object::from_iter([("config".to_owned(), json!({ "jsonSchema": { "type": "object" } }))]),
        actions: actions.collect(),
        extractors: Object::new(),
        dynamic_schemas: Object::new(),
    }
}

fn action(slug: &str, entry: &Entry) -> Value {
    json!({
        "name": slug, "description": entry.description, "category": CATEGORY, "config": { "jsonSchema": entry.input_schema },
        "childrenCount": 1
    })
}

fn connector(handlers: &Handlers, cx: &Caller, one: &catalog::Integration) -> Connector {
    Connector {
        uuid: identifier(cx, "connector", &one.id),
        workspace_uuid: cx.tenant.to_string(),
        name: one.name.clone(),
        slug: one.customer_id.clone(),
        integration_slug: one.id.clone(),
        is_default: true,
        plays_count: 0,
        tools_count: 0,
        models_count: 0,
        // Runyard bills nothing.
        use_credits: false,
        config: Object::new(),
        created_at: time(handlers.since_ms),
        updated_at: time(handlers.since_ms),
    }
}

fn agent(handlers: &Handlers, cx: &Caller) -> Agent {
    let catalog = handlers.runs.catalog_of(&cx.tenant);
    let planner = catalog.entries().iter().find(|entry| entry.id == PLANNER);
    Agent {
        uuid: identifier(cx, "agent", PLANNER),
        workspace_uuid: cx.tenant.to_string(),
        name: "Planner".to_owned(),
        description: planner.map(|planner| planner.description.clone()),
        triggers: Vec::new(),
        created_at: time(handlers.since_ms),
        updated_at: time(handlers.since_ms),
    }
}

/// A stable identifier for an object that has only a name. It has the form of a random UUID, because clients of this
/// API check for that.
fn identifier(cx: &Caller, kind: &str, name: &str) -> String {
    let mut hash = Sha256::new();
    for part in [kind, &cx.tenant, name] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}
