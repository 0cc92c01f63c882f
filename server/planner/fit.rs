//! Whether a node type accounts for what a clause says. BM25 always finds something; this is what refuses "generate a poem"
//! although it shares a word with "generate a UUID", and "the md5 hash" although there is a hash.

use runyard_engine::SideEffect;

use super::rank;
use super::vocabulary::{self, Vocabulary, is_blocking};
use super::words::{self, Word};
use crate::catalog::Entry;

/// More than this share of the words that name a node type or are strange to it must name it.
const COVERAGE_OVER: f64 = 0.5;

/// How a node type fits what is left of a clause once its arguments are taken out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fit {
    /// It serves the clause.
    Serves,
    /// A word asks for a condition, a loop or the opposite.
    Blocked(String),
    /// The clause never names it.
    Unnamed,
    /// The clause says more than the node type can account for: these words.
    Leftover(Vec<String>),
}

/// Judges the words that no argument has used.
pub(super) fn judge(entry: &Entry, words: &[Word], used: &[bool], vocabulary: &Vocabulary) -> Fit {
    let own = Own::of(entry);
    if entry.hints.verb_needed
        && rank::leading_verb(entry, words).is_none()
        && !asks_for(entry, &own, words, vocabulary)
    {
        return Fit::Unnamed;
    }
    let unused = || words.iter().zip(used).filter(|(_, used)| !**used).map(|(word, _)| word);
    if let Some(word) = blocking(words, used) {
        return Fit::Blocked(word.to_owned());
    }
    let (mut named, mut leftover) = (0_usize, Vec::new());
    // "a UUID identifier and uppercase it": what "and" adds must be accounted for in full.
    let (mut added, mut addition_left) = (false, false);
    for word in unused() {
        // "generate a UUID for the new customer": a purpose changes nothing.
        if named > 0 && word.is("for") {
            break;
        }
        let before = leftover.len();
        added |= word.is("and");
        for stem in vocabulary::stems(&word.lower) {
            match own.judge(&stem, vocabulary) {
                Says::Name => named += 1,
                Says::Known | Says::Nothing => {}
                Says::Other => leftover.push(word.lower.clone()),
            }
        }
        if word.quoted.is_some() {
            leftover.push("the quoted text".to_owned());
        }
        addition_left |= added && leftover.len() > before;
    }
    // A number that nobody uses always matters: "version 7", "512".
    let number = leftover.iter().any(|word| words::number(word).is_some());
    let coverage = named as f64 / (named + leftover.len()).max(1) as f64;
    match named {
        0 => Fit::Unnamed,
        _ if coverage > COVERAGE_OVER && !number && !addition_left => Fit::Serves,
        _ => Fit::Leftover(leftover),
    }
}

/// Whether a clause without a verb of its own, such as what is left of "show me the tickets", can be about what only reads.
fn asks_for(entry: &Entry, own: &Own, words: &[Word], vocabulary: &Vocabulary) -> bool {
    let Some(first) = words.first().filter(|_| entry.side_effect == SideEffect::Read) else { return false };
    let stranger = |stem: &String| own.judge(stem, vocabulary) == Says::Other;
    !vocabulary.is_request(&first.lower) && !vocabulary::stems(&first.lower).iter().any(stranger)
}

/// The first unused word that only a model can follow. "A while" is none.
fn blocking<'w>(words: &'w [Word], used: &[bool]) -> Option<&'w str> {
    let after_article = |at: usize| at > 0 && words[at - 1].is("a");
    let found = (0..words.len()).find(|&at| !used[at] && is_blocking(&words[at].lower) && !after_article(at))?;
    Some(&words[found].lower)
}

/// Whether these words name a product of the node type and say nothing else: "the current time".
pub(super) fn is_wholly(entry: &Entry, words: &[Word], vocabulary: &Vocabulary) -> bool {
    let own = Own::of(entry);
    let stems: Vec<String> = words.iter().flat_map(|word| vocabulary::stems(&word.lower)).collect();
    let says: Vec<Says> = stems.iter().map(|stem| own.judge(stem, vocabulary)).collect();
    words.iter().all(|word| word.quoted.is_none()) && says.contains(&Says::Name) && !says.contains(&Says::Other)
}

/// What a word says of a node type.
#[derive(PartialEq)]
enum Says {
    /// It names it.
    Name,
    /// It occurs in its description.
    Known,
    Nothing,
    Other,
}

struct Own {
    names: Vec<String>,
    known: Vec<String>,
}

impl Own {
    fn of(entry: &Entry) -> Self {
        let hints = &entry.hints;
        let stems = |words: &[String]| words.iter().map(|word| vocabulary::stem(word)).collect::<Vec<_>>();
        let (verbs, mut known) = (stems(&hints.verbs), vocabulary::stems(&entry.description));
        let mut names = [stems(&hints.keywords), stems(&hints.produces)].concat();
        // Where the verb is a condition, it says nothing of what the thing is.
        if hints.verb_needed {
            known.extend(verbs)
        } else {
            names.extend(verbs)
        }
        Self { names, known }
    }

    fn judge(&self, stem: &String, vocabulary: &Vocabulary) -> Says {
        match stem {
            stem if self.names.contains(stem) && stem != "text" => Says::Name,
            stem if vocabulary.is_silent(stem) => Says::Nothing,
            stem if self.known.contains(stem) => Says::Known,
            _ => Says::Other,
        }
    }
}
