//! The providers of a server, and the catalogue that each tenant gets from them.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use runyard_engine::NodeType;

use super::Builtins;
use super::catalog::Catalog;
use super::perform::http::Http;
use super::provider::{Provider, Snapshot};
use super::script::Scripts;

/// How many catalogues are kept. Tenants with the same lists share one.
const CATALOGS_MAX: NonZeroUsize = NonZeroUsize::new(1024).expect("it is more than 0");

/// All providers. If two list the same node type, that of the earlier one counts.
pub struct Providers {
    all: Vec<Arc<dyn Provider>>,
    /// By the revisions of the providers' lists.
    catalogs: Mutex<LruCache<Vec<u64>, Arc<Catalog>>>,
}

impl Providers {
    /// These providers.
    pub fn new(all: Vec<Arc<dyn Provider>>) -> Arc<Self> {
        Arc::new(Providers { all, catalogs: Mutex::new(LruCache::new(CATALOGS_MAX)) })
    }

    /// The node types that come with the server. Those that call over HTTP are listed and cannot be called.
    pub fn builtin() -> Arc<Self> {
        Self::builtin_and(Http::default(), None)
    }

    /// The node types that come with the server, with calls over HTTP by `http`, and those of more providers.
    pub fn builtin_and(http: Http, others: impl IntoIterator<Item = Arc<dyn Provider>>) -> Arc<Self> {
        let mut all: Vec<Arc<dyn Provider>> = vec![Arc::new(Builtins), Arc::new(Scripts), Arc::new(http)];
        all.extend(others);
        Self::new(all)
    }

    /// The catalogue of a tenant, as the providers list it now.
    pub fn catalog(&self, tenant: &str) -> Arc<Catalog> {
        let lists: Vec<Arc<Snapshot>> = self.all.iter().map(|provider| provider.node_types(tenant)).collect();
        let revisions: Vec<u64> = lists.iter().map(|list| list.revision).collect();
        let mut catalogs = self.catalogs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = catalogs.get(&revisions) {
            return known.clone();
        }
        let made = Arc::new(Catalog::of(revisions.clone(), &lists));
        catalogs.put(revisions, made.clone());
        made
    }

    /// The provider of a node type in a catalogue of these providers, if the catalogue has it.
    pub fn of(&self, catalog: &Catalog, node_type: &NodeType) -> Option<&dyn Provider> {
        let place = catalog.provider_of(&node_type.id, &node_type.version)?;
        self.all.get(place).map(|provider| &**provider)
    }
}

impl Catalog {
    /// The node types that come with the server.
    pub fn builtin() -> Arc<Self> {
        Providers::builtin().catalog("")
    }
}
