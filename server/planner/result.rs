//! "return it", "give me the hash", "answer with the uuid": clauses about the run's result.

use super::clauses;
use super::references::{self, Antecedents, Means};
use super::vocabulary::{self, Vocabulary};
use super::words::Word;

/// How firmly a clause defines the run's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Force {
    /// "give me", "show": the result is for the caller.
    Weak,
    /// "return": this is the result.
    Strong,
}

/// Endings that request a list.
const AS_LIST: [&str; 8] = [
    "as a list",
    "as an array",
    "as a json list",
    "as a json array",
    "in a list",
    "in an array",
    "as one list",
    "as list",
];

/// Longer phrases first if one is a prefix of another.
const PHRASES: [(&str, Force); 40] = [
    ("return to me", Force::Strong),
    ("return back", Force::Strong),
    ("return", Force::Strong),
    ("respond with", Force::Strong),
    ("reply with", Force::Strong),
    ("answer with", Force::Strong),
    ("answer me with", Force::Strong),
    ("hand back", Force::Strong),
    ("give back", Force::Strong),
    ("give me back", Force::Strong),
    ("send back", Force::Strong),
    ("send me back", Force::Strong),
    ("finish with", Force::Strong),
    ("end with", Force::Strong),
    ("output", Force::Strong),
    ("the result is", Force::Strong),
    ("the result should be", Force::Strong),
    ("the answer is", Force::Strong),
    ("give me", Force::Weak),
    ("give us", Force::Weak),
    ("give", Force::Weak),
    ("show me", Force::Weak),
    ("show us", Force::Weak),
    ("show", Force::Weak),
    ("tell me", Force::Weak),
    ("tell us", Force::Weak),
    ("tell", Force::Weak),
    ("send me", Force::Weak),
    ("let me know", Force::Weak),
    ("report", Force::Weak),
    ("display", Force::Weak),
    ("provide", Force::Weak),
    ("provide me with", Force::Weak),
    ("i want", Force::Weak),
    ("i need", Force::Weak),
    ("i'd like", Force::Weak),
    ("i would like", Force::Weak),
    ("what is", Force::Weak),
    ("what's", Force::Weak),
    ("i want to see", Force::Weak),
];

/// What a clause wants as result.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// Existing values, in their order.
    Values(Vec<Means>),
    /// A quoted text.
    Text,
    /// A value that has to be made first.
    Made,
}

/// The force of a clause about the result, and the length of its phrase in words.
pub(super) fn asked(words: &[Word]) -> Option<(Force, usize)> {
    let found = PHRASES.iter().filter_map(|&(phrase, force)| Some((force, clauses::begins_with(words, phrase)?)));
    found.max_by_key(|&(_, length)| length)
}

/// What the words after the phrase want as result.
pub(super) fn answer(words: &[Word], known: &Antecedents<'_>, vocabulary: &Vocabulary) -> Answer {
    let quoted = words.iter().filter(|word| word.quoted.is_some()).count();
    let silent = |word: &Word| vocabulary::stems(&word.lower).iter().all(|stem| vocabulary.is_silent(stem));
    if quoted > 0 {
        let only = quoted == 1 && words.iter().all(|word| word.quoted.is_some() || silent(word));
        return if only { Answer::Text } else { Answer::Made };
    }
    let references = known.references(words);
    let covered = references::covered(&references, words.len());
    if !words.iter().enumerate().all(|(at, word)| covered[at] || silent(word)) {
        return Answer::Made;
    }
    let mut means: Vec<Means> = Vec::new();
    for reference in references {
        if !means.contains(&reference.means) {
            means.push(reference.means);
        }
    }
    if means.is_empty() {
        means.push(known.latest());
    }
    Answer::Values(means)
}

/// How many words remain without an ending that requests a list; `None` without such an ending.
pub(super) fn without_list(words: &[Word]) -> Option<usize> {
    AS_LIST.iter().find_map(|ending| {
        let length = ending.split(' ').count();
        let start = words.len().checked_sub(length)?;
        clauses::begins_with(&words[start..], ending).map(|_| start)
    })
}
