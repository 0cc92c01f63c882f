//! "it", "the result", "the uuid", "the second hash", "step 2's output", "the customer name": references to values
//! that earlier steps made, to the goal's context, and to answers of earlier runs of the thread.

use std::ops::Range;

use runyard_engine::Object;
use runyard_engine::plan::Source;
use serde_json::Value;

use super::vocabulary;
use super::words::{self, Word};
use crate::catalog::Entry;

/// A planned step, to which later clauses may refer.
#[derive(Debug, Clone)]
pub(super) struct Made<'a> {
    pub(super) id: String,
    pub(super) entry: &'a Entry,
    /// The number of its clause in a numbered list.
    pub(super) number: Option<u32>,
    /// The clause of the goal that it serves, from 0: one clause may need several steps.
    pub(super) clause: usize,
}

impl Made<'_> {
    /// Its value: its only output, or all of them.
    pub(super) fn main_output(&self) -> Source {
        let escaped = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let pointer = self.entry.main_output().map_or(String::new(), escaped);
        Source { step: self.id.clone(), pointer }
    }

    /// Whether it makes a value: every step but a wait does.
    pub(super) fn is_value(&self) -> bool {
        self.entry.kind.facts().makes_value
    }
}

/// The values to which clauses may refer.
#[derive(Debug, Default)]
pub(super) struct Antecedents<'a> {
    /// Steps, in order.
    pub(super) made: Vec<Made<'a>>,
    /// Context values of the goal.
    pub(super) context: Object,
    /// The answers of earlier runs of the thread, the oldest first. Used if a reference means no step of this plan.
    pub(super) earlier: Vec<EarlierAnswer<'a>>,
}

/// The answer of an earlier run of the thread.
#[derive(Debug, Clone)]
pub(super) struct EarlierAnswer<'a> {
    pub(super) value: Value,
    /// The node type that made it, if known.
    pub(super) entry: Option<&'a Entry>,
}

/// Words of a clause that refer to a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reference {
    /// The words.
    pub(super) words: Range<usize>,
    pub(super) means: Means,
}

/// The target of a reference.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Means {
    /// An earlier step's main output.
    Output {
        source: Source,
        /// Whether it is a string.
        text: bool,
    },
    /// A context value.
    Given(Value),
    /// Several steps' main outputs at once: "both".
    Several(Vec<Source>),
    /// No existing value.
    Nothing,
}

impl Means {
    /// The outputs that it means.
    pub(super) fn sources(&self) -> &[Source] {
        match self {
            Means::Output { source, .. } => std::slice::from_ref(source),
            Means::Several(sources) => sources,
            Means::Given(_) | Means::Nothing => &[],
        }
    }
}

const ORDINALS: [(&str, usize); 10] = [
    ("first", 0),
    ("second", 1),
    ("third", 2),
    ("fourth", 3),
    ("fifth", 4),
    ("sixth", 5),
    ("seventh", 6),
    ("eighth", 7),
    ("ninth", 8),
    ("tenth", 9),
];

/// Nouns for any value.
const ANY: [&str; 8] = ["result", "output", "value", "answer", "response", "one", "outcome", "thing"];

/// Words without meaning between "the" and the noun.
const PADDING: [&str; 14] = [
    "previous",
    "last",
    "latest",
    "final",
    "generated",
    "new",
    "resulting",
    "same",
    "above",
    "earlier",
    "preceding",
    "prior",
    "random",
    "computed",
];

impl Antecedents<'_> {
    /// Every reference in a clause, in order, without overlap.
    pub(super) fn references(&self, words: &[Word]) -> Vec<Reference> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < words.len() {
            match self.reference_at(words, at) {
                Some(reference) => {
                    at = reference.words.end;
                    found.push(reference);
                }
                None => at += 1,
            }
        }
        found
    }

    fn reference_at(&self, words: &[Word], at: usize) -> Option<Reference> {
        let word = words[at].base();
        if let Some((step, end)) = step_at(words, at) {
            return Some(self.of_step(step, at, end, words));
        }
        let determined = matches!(
            word,
            "the" | "that" | "this" | "its" | "these" | "those" | "our" | "your" | "my" | "both" | "all"
        );
        if determined && let Some(reference) = self.noun_phrase(words, at) {
            return Some(reference);
        }
        let content_follows = words.get(at + 1).is_some_and(|next| next.quoted.is_none() && is_noun_like(next.base()));
        match word {
            "it" => Some(self.pronoun(at)),
            "that" | "this" if !content_follows => Some(self.pronoun(at)),
            "them" | "both" | "everything" | "all" if !content_follows => Some(self.several(at..at + 1)),
            _ => None,
        }
    }

    /// "the (first) (generated) uuid", "the result of step 2", "the customer name".
    fn noun_phrase(&self, words: &[Word], at: usize) -> Option<Reference> {
        let ahead = words[at + 1..].iter().take(6).take_while(|word| word.quoted.is_none());
        let ahead: Vec<&str> = ahead.map(Word::base).collect();
        if let Some((length, value)) = self.context_key(&ahead) {
            return Some(Reference { words: at..at + 1 + length, means: Means::Given(value.clone()) });
        }
        let (mut index, mut ordinal) = (0, None);
        while let Some(word) = ahead.get(index) {
            let named = ORDINALS.iter().find(|(name, _)| name == word).map(|&(_, nth)| nth);
            if named.is_none() && !PADDING.contains(word) && *word != "of" && *word != "the" {
                break;
            }
            ordinal = named.or(ordinal);
            index += 1;
        }
        let noun = ahead.get(index).copied().unwrap_or_default();
        let end = at + 1 + index + 1;
        let candidates = self.candidates(noun);
        if candidates.is_none()
            && let Some((length, means)) = self.field_of_output(&ahead[index.min(ahead.len())..])
        {
            return Some(Reference { words: at..at + 1 + index + length, means });
        }
        let goes_on = words.get(end).is_some_and(|word| word.is_one_of(&["of", "from"]));
        if candidates.as_ref().is_none_or(Vec::is_empty)
            && !goes_on
            && let Some(said) = self.said_before(noun)
        {
            return Some(Reference { words: at..end, means: Means::Given(said.value.clone()) });
        }
        let padded =
            index > 0 && (ordinal.is_some() || matches!(ahead.get(index - 1), Some(&("last" | "previous" | "latest"))));
        let (candidates, end) = match candidates {
            Some(candidates) => (candidates, end),
            // "the first", "the last", with no noun after it.
            None if padded && !is_noun_like(noun) => (self.values(), end - 1),
            None => return None,
        };
        if words.get(end).is_some_and(|word| word.is_one_of(&["of", "from"])) {
            if let Some((step, end)) = step_at(words, end + 1) {
                return Some(self.of_step(step, at, end, words));
            }
            // "the hash of it" requests a hash; it does not refer to one.
            if words[end].is("of") {
                return None;
            }
        }
        let plural = noun.ends_with('s') && candidates.len() > 1 && ordinal.is_none();
        let chosen = match ordinal {
            Some(nth) => candidates.get(nth).copied(),
            None => candidates.last().copied(),
        };
        let means = if plural { several(&candidates) } else { self.or_earlier(meaning(chosen)) };
        Some(Reference { words: at..end, means })
    }

    /// "the text", "the status code": a field of the latest step with several outputs and this one among them.
    fn field_of_output(&self, ahead: &[&str]) -> Option<(usize, Means)> {
        (1..=ahead.len().min(2)).rev().find_map(|length| {
            let field = ahead[..length].join("_");
            let made = self.made.iter().rev().filter(|made| made.entry.main_output().is_none()).find_map(|made| {
                let schema = made.entry.output_schema["properties"].get(&field)?;
                Some((made, schema))
            });
            let (made, schema) = made?;
            let source = Source { step: made.id.clone(), pointer: format!("/{field}") };
            Some((length, Means::Output { source, text: may_be_text(schema) }))
        })
    }

    /// The steps that a noun may mean. `None`: the noun means no step; for "result" the list may be empty.
    fn candidates(&self, noun: &str) -> Option<Vec<&Made<'_>>> {
        let noun = vocabulary::stem(noun);
        if ANY.contains(&noun.as_str()) || ANY.iter().any(|any| vocabulary::stem(any) == noun) {
            return Some(self.values());
        }
        let named = |made: &&Made<'_>| made.entry.hints.produces.iter().any(|name| vocabulary::stem(name) == noun);
        let candidates: Vec<&Made<'_>> = self.made.iter().filter(named).collect();
        (!candidates.is_empty()).then_some(candidates)
    }

    /// Steps whose output is a value: all but waits, unless there are only waits.
    fn values(&self) -> Vec<&Made<'_>> {
        let values: Vec<&Made<'_>> = self.made.iter().filter(|made| made.is_value()).collect();
        if values.is_empty() { self.made.iter().collect() } else { values }
    }

    fn pronoun(&self, at: usize) -> Reference {
        Reference { words: at..at + 1, means: self.latest() }
    }

    fn several(&self, words: Range<usize>) -> Reference {
        let values = self.values();
        let means = if values.len() > 1 { several(&values) } else { self.latest() };
        Reference { words, means }
    }

    /// The output of a numbered step, with the words after the number: "step 2's result".
    fn of_step(&self, step: u32, start: usize, mut end: usize, words: &[Word]) -> Reference {
        let noun = words.get(end).map(Word::base).unwrap_or_default();
        if ANY.contains(&noun) || self.made.iter().any(|made| made.entry.hints.produces.iter().any(|name| name == noun))
        {
            end += 1;
        }
        let numbered = self.made.iter().rev().find(|made| made.number == Some(step));
        let counted = || self.made.get((step as usize).checked_sub(1)?).filter(|made| made.number.is_none());
        Reference { words: start..end, means: meaning(numbered.or_else(counted)) }
    }

    /// The longest sequence of words that is a key of the context.
    fn context_key(&self, ahead: &[&str]) -> Option<(usize, &Value)> {
        let spelled = |key: &str| key.to_lowercase().replace(['_', '-', '.'], " ");
        (1..=ahead.len().min(4)).rev().find_map(|length| {
            let words = ahead[..length].join(" ");
            let found = self
                .context
                .iter()
                .find(|(key, _)| spelled(key) == words || key.to_lowercase() == words.replace(' ', ""));
            found.map(|(_, value)| (length, value))
        })
    }

    /// The most recent value, for a clause that names none.
    pub(super) fn latest(&self) -> Means {
        self.or_earlier(meaning(self.values().last().copied()))
    }

    /// The answer of the thread's last run, if no step is meant.
    fn or_earlier(&self, means: Means) -> Means {
        match (means, self.earlier.last()) {
            (Means::Nothing, Some(said)) => Means::Given(said.value.clone()),
            (means, _) => means,
        }
    }

    /// The answer of an earlier run that this noun names.
    fn said_before(&self, noun: &str) -> Option<&EarlierAnswer<'_>> {
        let noun = vocabulary::stem(noun);
        if ANY.iter().any(|any| vocabulary::stem(any) == noun) {
            return self.earlier.last();
        }
        let named = |said: &&EarlierAnswer<'_>| {
            said.entry.is_some_and(|entry| entry.hints.produces.iter().any(|name| vocabulary::stem(name) == noun))
        };
        self.earlier.iter().rev().find(named)
    }
}

/// Which of `length` words are part of a reference.
pub(super) fn covered(references: &[Reference], length: usize) -> Vec<bool> {
    let mut covered = vec![false; length];
    references.iter().for_each(|reference| covered[reference.words.clone()].fill(true));
    covered
}

/// "step 2", "item 2" or "S2": the number, and the index after it.
fn step_at(words: &[Word], at: usize) -> Option<(u32, usize)> {
    let at = at + usize::from(words.get(at).is_some_and(|word| word.is("the")));
    let word = words.get(at)?;
    if word.is_one_of(&["step", "item", "task"]) {
        let number = words::count(words.get(at + 1)?.base())?;
        return Some((number, at + 2));
    }
    let digits = word.base().strip_prefix('s')?;
    let number = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
    Some((number, at + 1))
}

fn meaning(made: Option<&Made<'_>>) -> Means {
    let Some(made) = made else { return Means::Nothing };
    Means::Output { source: made.main_output(), text: made.entry.main_output_is_text() }
}

fn several(made: &[&Made<'_>]) -> Means {
    Means::Several(made.iter().map(|made| made.main_output()).collect())
}

/// Whether a value of this schema is a string, or null.
fn may_be_text(schema: &Value) -> bool {
    let is_text = |kind: &Value| kind == "string" || kind == "null";
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "string") && kinds.iter().all(is_text),
        kind => kind == "string",
    }
}

/// Whether a word may be the noun of "that" or "both", and not part of the next phrase.
fn is_noun_like(word: &str) -> bool {
    const AFTER_PRONOUNS: [&str; 34] = [
        "", "to", "and", "or", "with", "as", "in", "on", "for", "from", "by", "back", "too", "also", "again", "now",
        "then", "please", "at", "using", "of", "is", "was", "you", "we", "i", "followed", "plus", "into", "via",
        "only", "twice", "if", "directly",
    ];
    !AFTER_PRONOUNS.contains(&word)
}
