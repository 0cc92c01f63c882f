//! The provider of integrations: services of the configuration, whose operations are node types.
//!
//! | file          | what                                                              |
//! |---------------|-------------------------------------------------------------------|
//! | this one      | [`Integrations`]: which tenant has which, and their execution     |
//! | `entries.rs`  | their description and node types, for the catalogue               |
//! | `requests.rs` | from inputs to a request, with loaded secrets                     |
//! | `path.rs`     | path templates with parameters for inputs                         |
//!
//! `config/integrations.rs` has the configuration, and `nodes/perform/http/integration.rs` sends the requests.

pub mod entries;
mod path;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use runyard_engine::Routed;
use runyard_engine::event::Failure;

use super::failures::unavailable;
use super::perform::http::{Outside, call_operation};
use super::provider::{NodeContext, Provider, Snapshot};
use crate::config::integrations::Integration as Configured;

pub use entries::Integration;
pub use path::PathTemplate;
pub(in crate::nodes) use requests::secret;
pub use requests::{Asked, Operation, Operations, SecretError, Service};

/// The integrations of the configuration.
#[derive(Debug, Default)]
pub struct Integrations {
    /// For tenants that no integration names.
    shared: Arc<Snapshot>,
    /// Tenants with the same integrations share a list, because its compiled validators are large.
    tenants: BTreeMap<String, Arc<Snapshot>>,
    operations: Operations,
    outside: Option<Arc<Outside>>,
}

impl Integrations {
    /// Integrations that can be listed and planned with, but not called.
    ///
    /// An integration that names tenants is only in their lists. If callers without a credential have the tenant
    /// `anonymous` and others have one, its list is empty, because integrations have the secrets of the operator.
    pub fn listed(configured: &[Configured], anonymous: Option<&str>) -> Self {
        let is_for = |one: &Configured, tenant: Option<&str>| match &one.tenants {
            None => true,
            Some(tenants) => tenant.is_some_and(|tenant| tenants.iter().any(|named| named == tenant)),
        };
        let mut lists = Lists { configured, known: BTreeMap::new() };
        let shared = lists.of(configured.iter().map(|one| is_for(one, None)).collect());
        let named = configured.iter().flat_map(|one| one.tenants.iter().flatten()).map(String::as_str);
        let named: BTreeSet<&str> = named.chain(anonymous).collect();
        let mut tenants = BTreeMap::new();
        for tenant in named {
            let has = |one: &Configured| anonymous != Some(tenant) && is_for(one, Some(tenant));
            tenants.insert(tenant.to_owned(), lists.of(configured.iter().map(has).collect()));
        }
        Integrations { shared, tenants, ..Integrations::default() }
    }

    /// The same, called by these clients. `operations` has the secrets.
    #[must_use]
    pub fn called_by(self, outside: Arc<Outside>, operations: Operations) -> Self {
        Integrations { outside: Some(outside), operations, ..self }
    }
}

/// The lists made so far, by which integrations are in them.
struct Lists<'a> {
    configured: &'a [Configured],
    known: BTreeMap<Vec<bool>, Arc<Snapshot>>,
}

impl Lists<'_> {
    fn of(&mut self, chosen: Vec<bool>) -> Arc<Snapshot> {
        // The configuration does not change while the server runs, so a list is known by when it was made.
        let revision = self.known.len() as u64;
        let list = self.known.entry(chosen).or_insert_with_key(|chosen| {
            let in_it = || self.configured.iter().zip(chosen).filter(|(_, is_in)| **is_in).map(|(one, _)| one);
            Arc::new(Snapshot {
                revision,
                node_types: in_it().flat_map(entries::entries).map(Arc::new).collect(),
                integrations: in_it().map(entries::shown).collect(),
            })
        });
        list.clone()
    }
}

#[async_trait]
impl Provider for Integrations {
    fn node_types(&self, tenant: &str) -> Arc<Snapshot> {
        self.tenants.get(tenant).unwrap_or(&self.shared).clone()
    }

    async fn perform(&self, cx: &NodeContext<'_>) -> Result<Routed, Failure> {
        let (Some(outside), Some(operation)) = (&self.outside, self.operations.operation(&cx.node_type.id)) else {
            return Err(unavailable(cx.node_type));
        };
        let outputs = call_operation(outside, operation, cx).await?;
        Ok(Routed { outputs, ..Routed::default() })
    }
}
