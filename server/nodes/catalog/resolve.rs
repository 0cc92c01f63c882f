//! Resolves a caller's reference to a node type: exact versions, prefixes of a version, `latest`, aliases.

use std::fmt;
use std::sync::Arc;

use runyard_engine::{NodeType, NodeTypeRef};

use super::{Catalog, Entry};

/// The maximum number of similar ids in an error.
const NEAREST_MAX: usize = 3;

/// The maximum length of an unknown id that is compared and shown.
const ASKED_CHARS_MAX: usize = 120;

/// No such node type, or not in this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ResolveError {
    /// The reference.
    pub asked: NodeTypeRef,
    /// Similar ids, best first; empty if the id is known.
    pub nearest: Vec<String>,
    /// The versions of the id, oldest first; empty if the id is unknown.
    pub versions: Vec<String>,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, version) = (shown(&self.asked.id), shown(&self.asked.version));
        if self.versions.is_empty() {
            write!(f, "node type `{id}` is not known; the nearest are {}", self.nearest.join(", "))
        } else {
            let known = self.versions.join(", ");
            write!(
                f,
                "node type `{id}` has no version `{version}`; it has {known} (a prefix such as `1`, or `latest`, will do)"
            )
        }
    }
}

impl Catalog {
    /// The node type of a reference: an exact version, a prefix of one (`1`, `1.0`: the newest match) or `latest`. An
    /// alias means its node type, in the requested version.
    ///
    /// # Errors
    /// An unknown id, with similar ids; an unknown version, with the existing ones.
    pub fn resolve(&self, asked: &NodeTypeRef) -> Result<NodeType, ResolveError> {
        let mut named = self.entries.iter().filter(|entry| entry.id == asked.id).peekable();
        if named.peek().is_none() {
            let newest = self.entries.iter().rfind(|entry| entry.aliases.contains(&asked.id));
            return newest.map(|entry| entry.pin(asked.clone())).ok_or_else(|| self.unknown(asked));
        }
        let versions: Vec<&Entry> = named.map(Arc::as_ref).collect();
        let newest =
            versions.iter().rev().find(|entry| asked.version == "latest" || has_prefix(&entry.version, &asked.version));
        newest.map(|entry| entry.pin(asked.clone())).ok_or_else(|| ResolveError {
            asked: asked.clone(),
            nearest: Vec::new(),
            versions: versions.iter().map(|entry| entry.version.clone()).collect(),
        })
    }

    /// The resolved id of an id or alias: allow and deny lists compare this id.
    pub fn canonical(&self, id: &str) -> Option<&str> {
        let found = self.entries.iter().find(|entry| entry.id == id || entry.aliases.iter().any(|alias| alias == id));
        found.map(|entry| entry.id.as_str())
    }

    fn unknown(&self, asked: &NodeTypeRef) -> ResolveError {
        let mut near: Vec<(f64, &str)> = self
            .entries
            .iter()
            .flat_map(|entry| std::iter::once(&entry.id).chain(&entry.aliases))
            .map(|id| (likeness(&shown(&asked.id), id), id.as_str()))
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let nearest = near.into_iter().take(NEAREST_MAX).map(|(_, id)| id.to_owned()).collect();
        ResolveError { asked: asked.clone(), nearest, versions: Vec::new() }
    }
}

/// Whether `asked` is this version or a prefix of it.
fn has_prefix(version: &str, asked: &str) -> bool {
    let mut parts = version.split('.');
    asked.split('.').all(|part| parts.next() == Some(part))
}

/// The similarity from 0 to 1. The last part alone counts nearly as much: users write `uuid4` or `runyard.uuid4`.
fn likeness(asked: &str, id: &str) -> f64 {
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_lowercase();
    let whole = strsim::normalized_damerau_levenshtein(&asked.to_lowercase(), id);
    whole.max(0.9 * strsim::normalized_damerau_levenshtein(&last(asked), &last(id)))
}

fn shown(text: &str) -> String {
    text.chars().take(ASKED_CHARS_MAX).collect()
}
