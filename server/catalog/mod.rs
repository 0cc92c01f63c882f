//! The catalogue: every node type that this server knows, with the schemas that its inputs and outputs must fit.
//!
//! | file           | what                                                                        |
//! |----------------|-----------------------------------------------------------------------------|
//! | `core.rs`      | inputs and outputs of `runyard.core.*`, as Rust types; schemas come from them |
//! | `composite.rs` | the same for the composites                                                 |
//! | `graph.rs`     | the same for graphs, lists of items, and nodes of graphs                     |
//! | `web.rs`       | the same for those that call over HTTP                                      |
//! | `builtin.rs`   | the table of node types that come with the server                           |
//! | `integration.rs` | integrations of the configuration, and their node types                   |
//! | `entry.rs`     | one node type: schemas, compiled validators, hints for the planner          |
//! | `resolve.rs`   | a reference to a node type, as asked, to the one that is meant              |
//! | `violation.rs` | what is wrong with a value, field by field                                  |
//!
//! Nothing is performed here: see `driver/perform`. How a node run moves is the engine's business.

mod builtin;
pub mod composite;
pub mod core;
mod entry;
pub mod graph;
pub mod integration;
mod resolve;
pub(crate) mod violation;
pub mod web;

pub use entry::{Argument, Entry, Hints, Reads};
pub use integration::Integration;
pub use resolve::ResolveError;
use runyard_engine::{NodeType, Object};
pub use violation::Violation;

/// Every node type that this server knows.
#[derive(Debug)]
pub struct Catalog {
    /// Sorted by id; of one id, oldest version first.
    entries: Vec<Entry>,
    /// In the order of the configuration.
    integrations: Vec<Integration>,
}

impl Catalog {
    /// The node types that come with the server.
    pub fn builtin() -> Self {
        Self::with(&[])
    }

    /// The same, with those of integrations that were checked when the configuration was loaded.
    pub fn with(integrations: &[crate::config::integrations::Integration]) -> Self {
        let mut entries = builtin::entries();
        entries.extend(integrations.iter().flat_map(integration::entries));
        entries.sort_by(|a, b| {
            a.id.cmp(&b.id).then_with(|| resolve::numbers(&a.version).cmp(&resolve::numbers(&b.version)))
        });
        Self { entries, integrations: integrations.iter().map(integration::shown).collect() }
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
