//! How many times a clause requests the same.

use super::vocabulary::Vocabulary;
use super::words::{self, Word};

/// How many times a clause requests the same: "three UUIDs", "say hello twice".
pub(super) struct Repeat {
    pub(super) count: u64,
    /// How many words of the clause remain without "three times".
    pub(super) words_kept: usize,
    /// The words of the count, among those.
    pub(super) words: Vec<usize>,
    /// The count is before a product, so only a node type without other inputs matches.
    pub(super) needs_product: bool,
}

impl Repeat {
    /// Reads the count of a clause; 1 without one.
    pub(super) fn of(words: &[Word], vocabulary: &Vocabulary) -> Self {
        let once = Self { count: 1, words_kept: words.len(), words: Vec::new(), needs_product: false };
        let last = words.len().saturating_sub(1);
        let count = |at: usize| words.get(at).and_then(|word| words::count(&word.lower));
        match words.last() {
            Some(word) if word.is("twice") && last > 0 => return Self { count: 2, words_kept: last, ..once },
            Some(word) if word.is("times") && last > 1 => {
                if let Some(count) = count(last - 1) {
                    return Self { count: u64::from(count), words_kept: last - 1, ..once };
                }
            }
            _ => {}
        }
        let product = |at: usize| {
            let ahead = words[at + 1..].iter().take(4).take_while(|word| !word.is_one_of(&["and", "of", "for"]));
            ahead
                .into_iter()
                .any(|word| word.lower.ends_with('s') == (count(at) != Some(1)) && vocabulary.is_product(&word.lower))
        };
        match (0..words.len()).find_map(|at| Some((at, count(at)?)).filter(|_| product(at))) {
            Some((at, count)) => Self { count: u64::from(count), words: vec![at], needs_product: true, ..once },
            None => once,
        }
    }
}
