//! The catalogue: every node type that a tenant may use, with the schemas of its inputs and outputs.
//!
//! | file           | what                                                                        |
//! |----------------|-----------------------------------------------------------------------------|
//! | `entry.rs`     | one node type: schemas, compiled validators, hints for the planner          |
//! | `resolve.rs`   | from a reference to the node type that it means                             |
//! | `sub_run.rs`   | the view of a run that a node has started                                   |
//! | `violation.rs` | the defects of a value, field by field                                      |
//!
//! A catalogue is merged from the lists of the providers, for one tenant and at one time: `nodes/providers.rs`.

pub mod entry;
mod resolve;
mod sub_run;
pub(crate) mod violation;

use std::sync::Arc;

pub use entry::{Argument, Entry, Hints, Reads};
pub use resolve::ResolveError;
use runyard_engine::{NodeType, Object};
pub use sub_run::seen_run;
pub use violation::Violation;

use super::provider::Snapshot;

pub use super::integrations::entries as integration;
pub use integration::Integration;

/// Every node type that a tenant may use.
#[derive(Debug)]
pub struct Catalog {
    /// Sorted by id, then by version, oldest first.
    entries: Vec<Arc<Entry>>,
    /// The provider of each entry, by its place among the providers.
    providers: Vec<usize>,
    /// In the order of the configuration.
    integrations: Vec<Integration>,
    revisions: Vec<u64>,
}

impl Catalog {
    /// The node types in the lists of providers, which have these revisions. Of two with the same id and version, the
    /// first counts.
    pub fn of(revisions: Vec<u64>, lists: &[Arc<Snapshot>]) -> Self {
        let listed = lists.iter().enumerate();
        let mut found: Vec<(Arc<Entry>, usize)> =
            listed.flat_map(|(place, list)| list.node_types.iter().map(move |entry| (entry.clone(), place))).collect();
        // Stable, so that the earlier provider stays first.
        found.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id).then_with(|| a.version_numbers().cmp(&b.version_numbers())));
        found.dedup_by(|(later, _), (earlier, _)| later.id == earlier.id && later.version == earlier.version);
        let (entries, providers) = found.into_iter().unzip();
        let integrations = lists.iter().flat_map(|list| list.integrations.iter().cloned()).collect();
        Self { entries, providers, integrations, revisions }
    }

    /// The revisions of the lists that it was made from: two catalogues of the same providers with the same revisions
    /// are the same.
    pub fn revisions(&self) -> &[u64] {
        &self.revisions
    }

    /// Every integration, including disabled ones.
    pub fn integrations(&self) -> &[Integration] {
        &self.integrations
    }

    /// Every node type, sorted by id.
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Node types whose id, alias or description contains `query`, in any case; all of them for an empty query.
    pub fn list(&self, query: &str) -> Vec<&Entry> {
        let query = query.trim().to_lowercase();
        self.entries.iter().map(Arc::as_ref).filter(|entry| query.is_empty() || entry.mentions(&query)).collect()
    }

    /// The entry with exactly this resolved id and version, as a pinned node type names it.
    pub fn entry(&self, id: &str, version: &str) -> Option<&Entry> {
        self.place(id, version).map(|place| &*self.entries[place])
    }

    /// The place of the provider that listed this node type.
    pub(crate) fn provider_of(&self, id: &str, version: &str) -> Option<usize> {
        self.place(id, version).map(|place| self.providers[place])
    }

    fn place(&self, id: &str, version: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == id && entry.version == version)
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
