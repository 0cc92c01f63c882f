//! Whether a node type accounts for the words of a clause. BM25 always finds something; this refuses "generate a poem"
//! although it shares a word with "generate a UUID", and "the md5 hash" although there is a hash.

use std::ops::Range;

use runyard_engine::SideEffect;

use super::cuts;
use super::rank;
use super::vocabulary::{self, Vocabulary, is_blocking};
use super::words::{self, Word};
use crate::catalog::{Entry, Hints};

/// More than this fraction of the words that name a node type or are unknown to it must name it.
const COVERAGE_OVER: f64 = 0.5;

/// Words that do not change the meaning of a clause with a side effect. Words of time, order, number and condition are
/// not among them.
const SILENT: &str = "a an the of in on at to into onto from with as for and via using please kindly just simply also i me my we us \
    our you your its is are be do can could will would like want need new now called named";

/// How many names and verbs of a node type a message lists.
const ASKED_BY_MAX: usize = 6;

/// Verbs that mean a read where a URL follows.
const LINK_VERBS: [&str; 8] = ["get", "read", "open", "load", "retrieve", "fetch", "download", "visit"];

/// Verbs before an id.
const USE_VERBS: [&str; 6] = ["use", "call", "run", "invoke", "execute", "perform"];

/// How well a node type matches the words of a clause that its arguments have not used.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fit {
    /// It serves the clause.
    Serves,
    /// A word means a condition, a loop or a negation.
    Blocked(String),
    /// No word of the clause names it.
    Unnamed,
    /// The clause has more words than the node type accounts for: these.
    Leftover(Vec<String>),
}

/// The words of a clause.
pub(super) struct ClauseWords<'a> {
    pub(super) words: &'a [Word],
    /// Which of them an argument has used.
    pub(super) used: &'a [bool],
    /// Those that are the node type's id.
    pub(super) by_id: Option<Range<usize>>,
    /// Whether an argument is a URL from the clause.
    pub(super) has_link: bool,
}

impl ClauseWords<'_> {
    fn is_id(&self, at: usize) -> bool {
        self.by_id.as_ref().is_some_and(|words| words.contains(&at))
    }

    /// The unused words, with their indices.
    fn unused(&self) -> impl Iterator<Item = (usize, &Word)> {
        let left = |(at, _): &(usize, &Word)| !self.used[*at] && !self.is_id(*at);
        self.words.iter().enumerate().filter(left)
    }

    /// Names of the node type besides words: its id, and a URL for one that reads URLs.
    fn names_beside_words(&self, entry: &Entry) -> usize {
        let reads = self.has_link
            && entry.side_effect == SideEffect::Read
            && self.words.first().is_some_and(|first| first.is_one_of(&LINK_VERBS));
        usize::from(self.by_id.is_some()) + usize::from(reads)
    }
}

/// Judges the unused words.
///
/// A node type that only reads may ignore some words of a clause. One with a side effect may not: "delete it tomorrow"
/// is not "delete it".
pub(super) fn judge(entry: &Entry, said: &ClauseWords<'_>, vocabulary: &Vocabulary) -> Fit {
    let own = TypeWords::of(entry);
    let words = said.words;
    let verb = rank::leading_verb(entry, words).is_some();
    if entry.hints.verb_needed && !verb && said.by_id.is_none() && !asks_for(entry, &own, words, vocabulary) {
        return Fit::Unnamed;
    }
    if let Some(word) = blocking(words, said) {
        return Fit::Blocked(word.to_owned());
    }
    if entry.side_effect != SideEffect::Read {
        return judge_strictly(entry, &own, said, verb);
    }
    let (mut named, mut leftover) = (said.names_beside_words(entry), Vec::new());
    // "a UUID identifier and uppercase it": the node type must account for every word after "and".
    let (mut added, mut addition_left) = (false, false);
    for (at, word) in said.unused() {
        if said.by_id.is_some() && at == 0 && word.is_one_of(&USE_VERBS) {
            continue;
        }
        // "generate a UUID for the new customer": a purpose changes nothing.
        if named > 0 && word.is("for") {
            break;
        }
        let before = leftover.len();
        added |= word.is("and");
        for stem in vocabulary::stems(&word.lower) {
            match own.judge(&stem, vocabulary) {
                WordMeaning::Name => named += 1,
                WordMeaning::Known | WordMeaning::Nothing => {}
                WordMeaning::Other => leftover.push(word.lower.clone()),
            }
        }
        if word.quoted.is_some() {
            leftover.push("the quoted text".to_owned());
        }
        addition_left |= added && leftover.len() > before;
    }
    // An unused number always matters: "version 7", "512".
    let number = leftover.iter().any(|word| words::number(word).is_some());
    let coverage = named as f64 / (named + leftover.len()).max(1) as f64;
    match named {
        0 => Fit::Unnamed,
        _ if coverage > COVERAGE_OVER && !number && !addition_left => Fit::Serves,
        _ => Fit::Leftover(leftover),
    }
}

/// Judges the unused words for a node type with a side effect: every word must be its name, its verb, or without
/// meaning.
fn judge_strictly(entry: &Entry, own: &TypeWords, said: &ClauseWords<'_>, verb: bool) -> Fit {
    let own_verb = |stem: &String| entry.hints.verbs.iter().any(|verb| vocabulary::stem(verb) == *stem);
    let (mut named, mut leftover) = (usize::from(said.by_id.is_some()), Vec::new());
    for (at, word) in said.unused() {
        if word.quoted.is_some() {
            leftover.push("the quoted text".to_owned());
            continue;
        }
        let by_id = said.by_id.is_some();
        if SILENT.split_whitespace().any(|silent| word.is(silent)) || (by_id && at == 0 && word.is_one_of(&USE_VERBS)) {
            continue;
        }
        let stems = vocabulary::stems(&word.lower);
        if (by_id || (verb && at == 0)) && stems.iter().all(own_verb) {
            named += usize::from(!entry.hints.verb_needed);
            continue;
        }
        if !stems.is_empty() && stems.iter().all(|stem| own.names.contains(stem) && stem != "text") {
            named += 1;
        } else {
            leftover.push(word.lower.clone());
        }
    }
    match (named, leftover.is_empty()) {
        (0, _) => Fit::Unnamed,
        (_, true) => Fit::Serves,
        (_, false) => Fit::Leftover(leftover),
    }
}

/// The words of a heading that do more than announce a list.
pub(super) fn left_of_heading(words: &[Word]) -> Vec<String> {
    let silent = |word: &&Word| {
        word.quoted.is_none()
            && (cuts::ANNOUNCING.contains(&word.base()) || SILENT.split_whitespace().any(|silent| word.is(silent)))
    };
    let said = |word: &Word| if word.quoted.is_some() { "the quoted text".to_owned() } else { word.lower.clone() };
    words.iter().filter(|word| !silent(word)).map(said).collect()
}

/// The names of a node type, for a clause that does not request it.
pub(super) fn asked_by(entry: &Entry) -> String {
    let Hints { keywords, verbs, verb_needed, .. } = &entry.hints;
    let list = |words: &[String]| words.iter().take(ASKED_BY_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match (keywords.is_empty(), verbs.is_empty()) {
        (false, false) if *verb_needed => {
            format!("{} is asked for by a verb ({}) and a name ({})", entry.id, list(verbs), list(keywords))
        }
        (false, true) => format!("{} is asked for by its name ({})", entry.id, list(keywords)),
        (true, false) => format!("{} is asked for by a verb ({})", entry.id, list(verbs)),
        (false, false) => {
            format!("{} is asked for by its name ({}) or a verb ({})", entry.id, list(keywords), list(verbs))
        }
        (true, true) => format!("{} is asked for by its id", entry.id),
    }
}

/// Whether a clause without a verb of its own, such as the rest of "show me the tickets", can match a node type that
/// only reads.
fn asks_for(entry: &Entry, own: &TypeWords, words: &[Word], vocabulary: &Vocabulary) -> bool {
    let Some(first) = words.first().filter(|_| entry.side_effect == SideEffect::Read) else { return false };
    let stranger = |stem: &String| own.judge(stem, vocabulary) == WordMeaning::Other;
    !vocabulary.is_request(&first.lower) && !vocabulary::stems(&first.lower).iter().any(stranger)
}

/// The first unused word that only a model can follow. "A while" does not count.
fn blocking<'w>(words: &'w [Word], said: &ClauseWords<'_>) -> Option<&'w str> {
    let after_article = |at: usize| at > 0 && words[at - 1].is("a");
    let found = (0..words.len())
        .find(|&at| !said.used[at] && !said.is_id(at) && is_blocking(&words[at].lower) && !after_article(at))?;
    Some(&words[found].lower)
}

/// Whether these words only name a product of the node type: "the current time".
pub(super) fn is_wholly(entry: &Entry, words: &[Word], vocabulary: &Vocabulary) -> bool {
    let own = TypeWords::of(entry);
    let stems: Vec<String> = words.iter().flat_map(|word| vocabulary::stems(&word.lower)).collect();
    let says: Vec<WordMeaning> = stems.iter().map(|stem| own.judge(stem, vocabulary)).collect();
    words.iter().all(|word| word.quoted.is_none())
        && says.contains(&WordMeaning::Name)
        && !says.contains(&WordMeaning::Other)
}

/// What a word means for a node type.
#[derive(PartialEq)]
enum WordMeaning {
    /// It names it.
    Name,
    /// It occurs in its description.
    Known,
    Nothing,
    Other,
}

struct TypeWords {
    names: Vec<String>,
    known: Vec<String>,
}

impl TypeWords {
    fn of(entry: &Entry) -> Self {
        let hints = &entry.hints;
        let stems = |words: &[String]| words.iter().map(|word| vocabulary::stem(word)).collect::<Vec<_>>();
        let (verbs, mut known) = (stems(&hints.verbs), vocabulary::stems(&entry.description));
        let mut names = [stems(&hints.keywords), stems(&hints.produces)].concat();
        // If the verb is required, it does not name the product.
        if hints.verb_needed {
            known.extend(verbs)
        } else {
            names.extend(verbs)
        }
        Self { names, known }
    }

    fn judge(&self, stem: &String, vocabulary: &Vocabulary) -> WordMeaning {
        match stem {
            stem if self.names.contains(stem) && stem != "text" => WordMeaning::Name,
            stem if vocabulary.is_silent(stem) => WordMeaning::Nothing,
            stem if self.known.contains(stem) => WordMeaning::Known,
            _ => WordMeaning::Other,
        }
    }
}
