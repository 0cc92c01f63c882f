//! Node types that a clause names by their ids: "use jarvis.core.uuid4 to make an id". Such a clause means that node
//! type and no other.

use std::ops::Range;

use super::bind::ClauseText;
use crate::catalog::Catalog;

/// A node type that is named by an id or an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedType<'a> {
    /// Its resolved id.
    pub(super) id: &'a str,
    /// The words of its name.
    pub(super) words: Range<usize>,
}

/// The first id in a clause, outside quoted text.
pub(super) fn named<'a>(reading: &ClauseText<'_>, catalog: &'a Catalog) -> Option<NamedType<'a>> {
    let words = reading.words;
    (0..words.len()).filter(|&at| words[at].quoted.is_none()).find_map(|at| {
        let start = words[at].span.start;
        let text = &reading.text[start..];
        let end = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || "._-".contains(letter)));
        let said = text[..end.unwrap_or(text.len())].trim_end_matches(['.', '-', '_']);
        // An id has dots; a single word is not an id.
        let id = catalog.canonical(said).filter(|_| said.contains('.'))?;
        let ends = words[at..].iter().take_while(|word| word.span.start < start + said.len()).count();
        Some(NamedType { id, words: at..at + ends })
    })
}
