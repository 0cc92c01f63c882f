//! The catalogue: every node type of this server, with the schemas of its inputs and outputs.
//!
//! | file           | what                                                                        |
//! |----------------|-----------------------------------------------------------------------------|
//! | `integration.rs` | integrations of the configuration, and their node types                   |
//! | `entry.rs`     | one node type: schemas, compiled validators, hints for the planner          |
//! | `resolve.rs`   | from a reference to the node type that it means                             |
//! | `sub_run.rs`   | the view of a run that a node has started                                   |
//! | `violation.rs` | the defects of a value, field by field                                      |
//!
//! `nodes/` has the node types that come with the server, and the execution of all node types. The engine moves node
//! runs.

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

/// Every node type of this server.
#[derive(Debug)]
pub struct Catalog {
    /// Sorted by id, then by version, oldest first.
    entries: Vec<Entry>,
    /// In the order of the configuration.
    integrations: Vec<Integration>,
    /// The catalogues of tenants that have their own integrations. Every other tenant uses this one.
    tenants: BTreeMap<String, Arc<Catalog>>,
}

impl Catalog {
    /// The node types that come with the server.
    pub fn builtin() -> Self {
        Self::with(&[])
    }

    /// The same, with the integrations that were checked when the configuration was loaded. An integration that names
    /// tenants is only in their catalogues ([`Catalog::of`]); the catalogue itself is for tenants that no integration
    /// names.
    pub fn with(integrations: &[Configured]) -> Self {
        Self::without(integrations, None)
    }

    /// The same, for servers where callers without a credential have this tenant and others have one. Its catalogue has
    /// no integrations, because those have the secrets of the operator.
    pub fn without(integrations: &[Configured], anonymous: Option<&str>) -> Self {
        let is_for = |one: &Configured, tenant: Option<&str>| match &one.tenants {
            None => true,
            Some(tenants) => tenant.is_some_and(|tenant| tenants.iter().any(|named| named == tenant)),
        };
        let named = integrations.iter().flat_map(|one| one.tenants.iter().flatten()).map(String::as_str);
        let named: BTreeSet<&str> = named.chain(anonymous).collect();
        // Tenants with the same integrations share a catalogue, because its compiled validators are large.
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

    /// The same, as a shared pointer.
    pub fn shared_of(self: &Arc<Self>, tenant: &str) -> Arc<Self> {
        self.tenants.get(tenant).unwrap_or(self).clone()
    }

    /// Tenants with their own catalogue.
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

    /// Every integration, including disabled ones.
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

    /// Validates inputs against the pinned node type's schema and rules.
    ///
    /// # Errors
    /// Every violation; never empty.
    pub fn validate_inputs(&self, node_type: &NodeType, inputs: &Object) -> Result<(), Vec<Violation>> {
        self.pinned(node_type)?.validate_inputs(inputs)
    }

    /// Validates outputs against the pinned node type's schema.
    ///
    /// # Errors
    /// Every violation; never empty.
    pub fn validate_outputs(&self, node_type: &NodeType, outputs: &Object) -> Result<(), Vec<Violation>> {
        self.pinned(node_type)?.validate_outputs(outputs)
    }

    /// The log of a run may name a node type that a later server no longer has.
    fn pinned(&self, node_type: &NodeType) -> Result<&Entry, Vec<Violation>> {
        self.entry(&node_type.id, &node_type.version).ok_or_else(|| {
            let reason = format!("node type {} {} is not in this server's catalogue", node_type.id, node_type.version);
            vec![Violation { field: String::new(), reason }]
        })
    }
}

#[cfg(test)]
mod tests;
