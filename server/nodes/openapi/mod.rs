//! The provider of OpenAPI services: every operation of a document is a node type `openapi.NAME.OPERATION`.
//!
//! | file            | what |
//! |-----------------|------|
//! | this one        | [`OpenapiServices`]: which tenant has which, and their execution |
//! | `stored.rs`     | the imported documents, in the data folder |
//! | `document.rs`   | reads a document into the normal form; `swagger.rs` converts version 2.0 |
//! | `operation.rs`  | from operations to node types |
//! | `schemas.rs`    | from schemas of a document to draft 7 |
//! | `parameters.rs`, `body.rs` | how values are written |
//! | `security.rs`, `target.rs` | credentials, and the service with its secrets |
//! | `call.rs`       | one call: from inputs to outputs |
//!
//! `config/tools/openapi.rs` has the configuration, and `nodes/perform/http/operation.rs` sends the requests.

mod body;
mod call;
pub mod document;
mod operation;
mod parameters;
mod schemas;
mod security;
pub mod stored;
mod swagger;
mod target;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use runyard_engine::Routed;
use runyard_engine::event::Failure;

use super::catalog::entry::Entry;
use super::failures::unavailable;
use super::integrations::Integration;
use super::perform::http::Outside;
use super::provider::{NodeContext, Provider, Snapshot};
use crate::config::integrations::AuthType;
use crate::config::tools::openapi::OpenapiService;
use document::{Document, DocumentError, read_file};
use operation::Operation;
use target::Target;

pub use operation::{Listing, listing};
pub use target::base_url;

/// Why a service prevents the start of a server.
#[derive(Debug, thiserror::Error)]
pub enum OpenapiError {
    /// The document.
    #[error("OpenAPI service `{0}`: {1}")]
    Document(String, #[source] DocumentError),
    /// Its URL or secrets.
    #[error("OpenAPI service `{0}`: {1}")]
    Service(String, String),
}

/// The services of the configuration and of the imported documents.
pub struct OpenapiServices {
    /// For tenants that no service names.
    shared: Arc<Snapshot>,
    tenants: BTreeMap<String, Arc<Snapshot>>,
    operations: HashMap<String, (Arc<Target>, Operation)>,
    outside: Arc<Outside>,
}

/// One service with its node types.
struct Loaded {
    target: Arc<Target>,
    shown: Integration,
    entries: Vec<Arc<Entry>>,
}

impl OpenapiServices {
    /// Reads the documents and the secrets. Imported documents are in `folder`. Callers without a credential, whose
    /// tenant is `anonymous` if there are others, have no services.
    ///
    /// # Errors
    /// A document of the configuration cannot be read, or a secret is missing.
    pub fn open(
        configured: &[OpenapiService],
        folder: &Path,
        anonymous: Option<&str>,
        outside: Arc<Outside>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, OpenapiError> {
        let imported = stored::names(folder).into_iter().filter(|name| !configured.iter().any(|one| one.name == *name));
        let imported: Vec<OpenapiService> = imported.map(|name| OpenapiService::imported(&name)).collect();
        let (mut services, mut operations) = (Vec::new(), HashMap::new());
        for one in configured.iter().chain(&imported).filter(|one| one.active) {
            match load(one, folder, &environment) {
                Ok(Some((loaded, calls))) => {
                    operations.extend(calls.into_iter().map(|(id, call)| (id, (loaded.target.clone(), call))));
                    services.push(loaded);
                }
                Ok(None) => tracing::warn!(service = one.name, "no document was imported for the OpenAPI service"),
                // An imported document does not stop a server.
                Err(error) if one.document.is_none() => tracing::warn!(%error, "an OpenAPI service is not used"),
                Err(error) => return Err(error),
            }
        }
        let named = services.iter().flat_map(|one| one.target.configured.tenants.iter().flatten()).cloned();
        let named: BTreeSet<String> = named.chain(anonymous.map(str::to_owned)).collect();
        let shared = snapshot(0, &services, |tenants| tenants.is_none());
        let of = |(tenant, revision): (String, u64)| {
            let is_in = |tenants: Option<&[String]>| {
                anonymous != Some(tenant.as_str()) && tenants.is_none_or(|tenants| tenants.contains(&tenant))
            };
            let snapshot = snapshot(revision, &services, is_in);
            (tenant, snapshot)
        };
        Ok(OpenapiServices { shared, tenants: named.into_iter().zip(1..).map(of).collect(), operations, outside })
    }
}

fn snapshot(revision: u64, services: &[Loaded], is_in: impl Fn(Option<&[String]>) -> bool) -> Arc<Snapshot> {
    let listed = || services.iter().filter(|one| is_in(one.target.configured.tenants.as_deref()));
    let node_types = listed().flat_map(|one| one.entries.iter().cloned()).collect();
    Arc::new(Snapshot { revision, node_types, integrations: listed().map(|one| one.shown.clone()).collect() })
}

type Calls = Vec<(String, Operation)>;

fn load(
    one: &OpenapiService,
    folder: &Path,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Option<(Loaded, Calls)>, OpenapiError> {
    let failed = |error| OpenapiError::Document(one.name.clone(), error);
    let (place, root) = match &one.document {
        Some(path) => (path.display().to_string(), read_file(path).map_err(failed)?),
        None => match stored::read(folder, &one.name).map_err(failed)? {
            Some(root) => (one.name.clone(), root),
            None => return Ok(None),
        },
    };
    let document = Document::of(&place, root).map_err(failed)?;
    let target = Target::open(one, &document, environment);
    let target = Arc::new(target.map_err(|reason| OpenapiError::Service(one.name.clone(), reason))?);
    let listing = listing(one, &document);
    let (name, count, skipped) = (&one.name, listing.count(), listing.skipped.len());
    tracing::info!(service = name, node_types = count, skipped, "the OpenAPI service has node types");
    let (mut entries, mut calls) = (Vec::new(), Vec::new());
    for (mut entry, operation) in listing.entries {
        entry.integration = Some(one.name.clone());
        calls.push((entry.id.clone(), operation));
        entries.push(Arc::new(entry));
    }
    let has_secrets = !target.credentials.is_empty() || !target.secret_headers.is_empty();
    let shown = Integration {
        id: one.name.clone(),
        customer_id: one.name.clone(),
        name: target::title(&document, &one.name).as_str().unwrap_or_default().to_owned(),
        description: None,
        logo_url: None,
        host: crate::config::urls::host(&target.url).unwrap_or_default(),
        auth_type: if has_secrets { AuthType::ApiToken } else { AuthType::None },
        active: true,
        node_type_ids: entries.iter().map(|entry| entry.id.clone()).collect(),
    };
    Ok(Some((Loaded { target, shown, entries }, calls)))
}

#[async_trait]
impl Provider for OpenapiServices {
    fn node_types(&self, tenant: &str) -> Arc<Snapshot> {
        self.tenants.get(tenant).unwrap_or(&self.shared).clone()
    }

    async fn perform(&self, cx: &NodeContext<'_>) -> Result<Routed, Failure> {
        let listed = self.node_types(cx.tenant).node_types.iter().any(|entry| entry.id == cx.node_type.id);
        let found = self.operations.get(&cx.node_type.id).filter(|_| listed);
        let Some((target, operation)) = found else { return Err(unavailable(cx.node_type)) };
        let outputs = call::call(&self.outside, target, operation, cx).await?;
        Ok(Routed { outputs, ..Routed::default() })
    }
}
