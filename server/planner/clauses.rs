//! Splits a goal into clauses, each a request of its own: removes what introduces a clause, and drops clauses without
//! content. `cuts.rs` decides where clauses end; `order.rs` reorders "after ..." and "before ...".

use super::clause::Clause;
use super::cuts::{self, Link, Stretch};
use super::order;
use super::vocabulary::Vocabulary;
use super::words::{self, Word};

/// Introductions without content, or with only an order. Longer ones first if one is a prefix of another.
const OPENINGS: [(&str, Option<Link>); 62] = [
    ("and", None),
    ("but", None),
    ("plus", None),
    ("so", None),
    ("also", None),
    ("please", None),
    ("kindly", None),
    ("just", None),
    ("simply", None),
    ("now", None),
    ("ok", None),
    ("okay", None),
    ("hi", None),
    ("hey", None),
    ("hello", None),
    ("then", Some(Link::Then)),
    ("next", Some(Link::Then)),
    ("finally", Some(Link::Then)),
    ("lastly", Some(Link::Then)),
    ("afterwards", Some(Link::Then)),
    ("afterward", Some(Link::Then)),
    ("subsequently", Some(Link::Then)),
    ("thereafter", Some(Link::Then)),
    ("after that", Some(Link::Then)),
    ("after this", Some(Link::Then)),
    ("after which", Some(Link::Then)),
    ("following that", Some(Link::Then)),
    ("at last", Some(Link::Then)),
    ("at the end", Some(Link::Then)),
    ("in the end", Some(Link::Then)),
    ("to finish", Some(Link::Then)),
    ("first of all", None),
    ("firstly", None),
    ("secondly", Some(Link::Then)),
    ("thirdly", Some(Link::Then)),
    ("to start", None),
    ("to begin with", None),
    ("start by", None),
    ("begin by", None),
    ("could you", None),
    ("can you", None),
    ("would you", None),
    ("will you", None),
    ("could we", None),
    ("can we", None),
    ("you should", None),
    ("you must", None),
    ("i want you to", None),
    ("i need you to", None),
    ("i would like you to", None),
    ("i'd like you to", None),
    ("i want to", None),
    ("i need to", None),
    ("i would like to", None),
    ("i'd like to", None),
    ("we need to", None),
    ("let's", None),
    ("let us", None),
    ("go ahead and", None),
    ("try to", None),
    ("make sure to", None),
    ("your task is to", None),
];

/// Introductions that are an order only before a comma or a verb: "second, ..." but not "second result".
const ORDINALS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "last"];

/// Words of a clause without a request.
const PLEASANTRIES: [&str; 12] =
    ["thanks", "thank", "you", "please", "hi", "hello", "hey", "cheers", "kindly", "dear", "assistant", "much"];

/// The clauses of a goal.
pub(super) struct Split {
    /// Its requests, in order.
    pub(super) clauses: Vec<Clause>,
    /// The headings of its lists.
    pub(super) headings: Vec<String>,
}

/// Splits a goal into its requests.
pub(super) fn split(goal: &str, vocabulary: &Vocabulary) -> Split {
    let words = words::read(goal);
    let mut clauses: Vec<Clause> = Vec::new();
    let mut headings = Vec::new();
    let mut lead = String::new();
    // An "and then" without a clause still orders the next one.
    let mut pending: Option<Link> = None;
    for stretch in cuts::cut(goal, &words, vocabulary) {
        if stretch.heading {
            headings.push(text_of(goal, &words[stretch.words.clone()], stretch.end));
            continue;
        }
        let opened = open(goal, &words, &stretch, vocabulary);
        let link = [opened.link, pending.unwrap_or(opened.link)]
            .into_iter()
            .find(|link| *link == Link::Then)
            .unwrap_or(opened.link);
        if opened.words.is_empty() || is_pleasantry(opened.words) {
            pending = Some(link);
            continue;
        }
        pending = None;
        let said = text_of(goal, opened.words, stretch.end);
        let text = if stretch.elided { format!("{lead} {said}") } else { said };
        if !stretch.elided {
            lead = lead_of(opened.words);
        }
        order::unfold(Clause { text, link, number: stretch.number }, vocabulary, &mut clauses);
    }
    if let Some(first) = clauses.first_mut() {
        first.link = Link::Alone;
    }
    Split { clauses, headings }
}

struct Opened<'a> {
    words: &'a [Word],
    link: Link,
}

/// Removes the introduction of a clause.
fn open<'a>(goal: &str, words: &'a [Word], stretch: &Stretch, vocabulary: &Vocabulary) -> Opened<'a> {
    let mut rest = &words[stretch.words.clone()];
    let mut link = stretch.link;
    while let Some((length, order)) = opening(goal, rest, vocabulary) {
        rest = &rest[length..];
        link = order.unwrap_or(link);
    }
    Opened { words: rest, link }
}

fn opening(goal: &str, words: &[Word], vocabulary: &Vocabulary) -> Option<(usize, Option<Link>)> {
    let first = words.first()?;
    if first.is_one_of(&ORDINALS) {
        let order = if first.is("first") { None } else { Some(Link::Then) };
        let Some(second) = words.get(1) else { return Some((1, order)) };
        let comma = goal[first.span.end..second.span.start].contains([',', ':']);
        return (comma || vocabulary.is_request(&second.lower)).then_some((1, order));
    }
    if words.len() == 1 && first.is("now") {
        return None;
    }
    OPENINGS.iter().find_map(|&(phrase, order)| begins_with(words, phrase).map(|length| (length, order)))
}

/// The length of a phrase in words, if these words begin with it.
pub(super) fn begins_with(words: &[Word], phrase: &str) -> Option<usize> {
    let length = phrase.split(' ').count();
    let same = length <= words.len() && phrase.split(' ').zip(words).all(|(part, word)| word.lower == part);
    same.then_some(length)
}

/// "hello" and "thanks" request nothing. Quoted text always counts.
fn is_pleasantry(words: &[Word]) -> bool {
    words.iter().all(|word| word.is_one_of(&PLEASANTRIES))
}

/// The verb with its "me", which a clause without a verb takes over.
fn lead_of(words: &[Word]) -> String {
    let with_me = words.get(1).is_some_and(|word| word.is_one_of(&["me", "us"]));
    words.iter().take(if with_me { 2 } else { 1 }).map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" ")
}

/// The text from the first of these words to `end`, without the punctuation that ends it.
fn text_of(goal: &str, words: &[Word], end: usize) -> String {
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return String::new() };
    let tail = &goal[last.span.end..end.max(last.span.end)];
    let tail = tail.trim_end_matches(|c: char| c.is_whitespace() || ".,;:!?。！？；…→⇒—–&([".contains(c));
    let tail = tail.strip_suffix("->").or_else(|| tail.strip_suffix("=>")).unwrap_or(tail).trim_end();
    let tail =
        if tail.trim_matches(|c: char| c.is_whitespace() || "-*•+·".contains(c)).is_empty() { "" } else { tail };
    format!("{}{tail}", &goal[first.span.start..last.span.end])
}
