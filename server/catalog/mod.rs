//! The catalogue: every node type that this server knows, with the schemas that its inputs and outputs must fit.
//!
//! | file           | what                                                                        |
//! |----------------|-----------------------------------------------------------------------------|
//! | `integration.rs` | integrations of the configuration, and their node types                   |
//! | `entry.rs`     | one node type: schemas, compiled validators, hints for the planner          |
//! | `resolve.rs`   | a reference to a node type, as asked, to the one that is meant              |
//! | `sub_run.rs`   | what is seen of a run that a node has started                               |
//! | `violation.rs` | what is wrong with a value, field by field                                  |
//!
//! The node types that come with the server, and how all are performed, are in `nodes/`. How a node run moves is the engine's business.

pub mod entry;
pub mod integration;
mod resolve;
mod sub_run;
pub(crate) mod violation;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use entry::{Argument, Entry, Hints, Reads};
pub use integration::Integration;
pub use resolve::ResolveError;
use runyard_engine::{NodeType, Object};
pub use sub_run::seen_run;
pub use violation::Violation;

use crate::config::integrations::Integration as Configured;
use crate::nodes;

/// Every node type that this server knows.
#[derive(Debug)]
pub struct Catalog {
    /// Sorted by id; of one id, oldest version first.
    entries: Vec<Entry>,
    /// In the order of the configuration.
    integrations: Vec<Integration>,
    /// The catalogues of tenants that have integrations of their own. Every other tenant has this one.
    tenants: BTreeMap<String, Arc<Catalog>>,
}

impl Catalog {
    /// The node types that come with the server.
    pub fn builtin() -> Self {
        Self::with(&[])
    }

    /// The same, with those of integrations that were checked when the configuration was loaded. An integration that names tenants is in
    /// the catalogues of those alone ([`Catalog::of`]): the catalogue itself is for tenants that nothing names.
    pub fn with(integrations: &[Configured]) -> Self {
        Self::without(integrations, None)
    }

    /// The same, where callers without a credential have this tenant and others have one: it has no integrations, because those carry
    /// the secrets of the operator.
    pub fn without(integrations: &[Configured], anonymous: Option<&str>) -> Self {
        let is_for = |one: &Configured, tenant: Option<&str>| match &one.tenants {
            None => true,
            Some(tenants) => tenant.is_some_and(|tenant| tenants.iter().any(|named| named == tenant)),
        };
        let named = integrations.iter().flat_map(|one| one.tenants.iter().flatten()).map(String::as_str);
        let named: BTreeSet<&str> = named.chain(anonymous).collect();
        // Tenants with the same integrations share a catalogue: what it compiles is large.
        let mut known: BTreeMap<Vec<bool>, Arc<Catalog>> = BTreeMap::new();
        let mut tenants = BTreeMap::new();
        for tenant in named {
            let has = |one: &Configured| anonymous != Some(tenant) && is_for(one, Some(tenant));
            let set: Vec<bool> = integrations.iter().map(has).collect();
            let own = || Arc::new(Self::only(integrations.iter().filter(|one| has(one))));
            tenants.insert(tenant.to_owned(), known.entry(set).or_insert_with(own).clone());
        }
        Self { tenants, ..Self::only(integrations.iter().filter(|one| is_for(one, None))) }
    }

    /// The catalogue of a tenant.
    pub fn of(&self, tenant: &str) -> &Self {
        self.tenants.get(tenant).map_or(self, |own| own)
    }

    /// The same, to be kept.
    pub fn shared_of(self: &Arc<Self>, tenant: &str) -> Arc<Self> {
        self.tenants.get(tenant).unwrap_or(self).clone()
    }

    /// Tenants with a catalogue of their own.
    pub fn tenants(&self) -> &BTreeMap<String, Arc<Catalog>> {
        &self.tenants
    }

    fn only<'a>(integrations: impl Iterator<Item = &'a Configured> + Clone) -> Self {
        let mut entries = nodes::BUILTINS.iter().map(|builtin| (builtin.entry)()).collect::<Vec<_>>();
        entries.extend(integrations.clone().flat_map(integration::entries));
        entries.sort_by(|a, b| {
            a.id.cmp(&b.id).then_with(|| resolve::numbers(&a.version).cmp(&resolve::numbers(&b.version)))
        });
        Self { entries, integrations: integrations.map(integration::shown).collect(), tenants: BTreeMap::new() }
    }

    /// Every integration, also those that are not offered.
    pub fn integrations(&self) -> &[Integration] {
        &self.integrations
    }

    /// Every node type, sorted by id.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Node types whose id, alias or description contains `query`, in any case; all of them for an empty query.
    pub fn list(&self, query: &str) -> Vec<&Entry> {
        let query = query.trim().to_lowercase();
        self.entries.iter().filter(|entry| query.is_empty() || entry.mentions(&query)).collect()
    }

    /// The entry with exactly this resolved id and version, as a pinned node type names it.
    pub fn entry(&self, id: &str, version: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id && entry.version == version)
    }

    /// Checks inputs against the pinned node type's schema and rules.
    ///
    /// # Errors
    /// Everything that does not fit; never empty.
    pub fn validate_inputs(&self, node_type: &NodeType, inputs: &Object) -> Result<(), Vec<Violation>> {
        self.pinned(node_type)?.validate_inputs(inputs)
    }

    /// Checks outputs against the pinned node type's schema.
    ///
    /// # Errors
    /// Everything that does not fit; never empty.
    pub fn validate_outputs(&self, node_type: &NodeType, outputs: &Object) -> Result<(), Vec<Violation>> {
        self.pinned(node_type)?.validate_outputs(outputs)
    }

    /// A log may name a node type that a later server no longer has.
    fn pinned(&self, node_type: &NodeType) -> Result<&Entry, Vec<Violation>> {
        self.entry(&node_type.id, &node_type.version).ok_or_else(|| {
            let reason = format!("node type {} {} is not in this server's catalogue", node_type.id, node_type.version);
            vec![Violation { field: String::new(), reason }]
        })
    }
}

#[cfg(test)]
mod tests;
