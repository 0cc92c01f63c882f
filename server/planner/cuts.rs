//! Where one clause ends and the next begins: list markers, lines, sentences, connectives. Works on words and on the
//! gaps between them, never inside quoted text. `clauses.rs` interprets the clauses.

use std::ops::Range;

use super::vocabulary::{Vocabulary, is_blocking};
use super::words::Word;

/// How a clause is joined to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// A sentence or list item of its own: may run in parallel with everything else.
    Alone,
    /// Joined by "and" or a comma: runs in parallel with the clause before.
    And,
    /// Runs after everything before.
    Then,
}

/// A stretch of words between two cuts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The words.
    pub(super) words: Range<usize>,
    /// Where its text ends, in bytes; trailing punctuation is included.
    pub(super) end: usize,
    /// How it is joined to the stretch before.
    pub(super) link: Link,
    /// Its number in a numbered list.
    pub(super) number: Option<u32>,
    /// The stretch is a heading: it ends with a colon before list items.
    pub(super) heading: bool,
    /// The stretch has no verb and takes that of the stretch before ("a UUID and a timestamp").
    pub(super) elided: bool,
}

/// A cut before a word.
struct Cut {
    link: Link,
    /// Where the text before ends, and its words: before an "and" that is part of the cut.
    left_end: usize,
    left_words: usize,
    /// Words of the cut itself, such as a list marker.
    skip: usize,
    number: Option<u32>,
    heading: bool,
    elided: bool,
}

/// Cuts a text into stretches. Linear in the number of words.
pub(super) fn cut(text: &str, words: &[Word], vocabulary: &Vocabulary) -> Vec<Stretch> {
    let mut scan = Scan { text, words, vocabulary, markers: Markers::find(text, words), start: 0 };
    let mut stretches = Vec::new();
    let mut open = Stretch { words: 0..0, end: 0, link: Link::Alone, number: None, heading: false, elided: false };
    let mut at = 0;
    while at < words.len() {
        let Some(cut) = scan.cut_before(at) else {
            at += 1;
            continue;
        };
        open.words.end = cut.left_words;
        open.end = cut.left_end;
        open.heading = cut.heading;
        let start = at + cut.skip;
        let next = Stretch {
            words: start..start,
            end: 0,
            link: cut.link,
            number: cut.number,
            heading: false,
            elided: cut.elided,
        };
        let done = std::mem::replace(&mut open, next);
        stretches.push(done);
        scan.start = start;
        at = (at + 1).max(start);
    }
    open.words.end = words.len();
    open.end = text.len();
    stretches.push(open);
    stretches.retain(|stretch| !stretch.words.is_empty());
    stretches
}

struct Scan<'a> {
    text: &'a str,
    words: &'a [Word],
    vocabulary: &'a Vocabulary,
    markers: Markers,
    /// The first word of the open stretch.
    start: usize,
}

impl Scan<'_> {
    fn cut_before(&self, at: usize) -> Option<Cut> {
        if let Some((number, skip)) = self.markers.at(at) {
            // The first item of a list begins; later ones run after it.
            let link = if number == 1 { Link::Alone } else { Link::Then };
            let heading = at > 0 && self.gap(at).contains(':');
            return Some(Cut { skip, number: Some(number), heading, ..self.plain(at, link) });
        }
        if at == 0 || at == self.start {
            return None;
        }
        self.line(at).or_else(|| self.sentence(at)).or_else(|| self.connective(at))
    }

    /// A new line begins a clause when it looks like the beginning of one; else it is only a wrapped line.
    fn line(&self, at: usize) -> Option<Cut> {
        let gap = self.gap(at);
        let (before, after) = gap.rsplit_once('\n')?;
        let bullet = matches!(after.trim(), "-" | "*" | "•" | "–" | "—" | "+" | "·" | "- [ ]" | "* [ ]");
        let ended = before.contains(['\n', '.', '!', '?', ':', ';', '。']) || self.capital(at) || self.begins(at);
        let heading = bullet && before.contains(':');
        (bullet || ended).then(|| Cut { heading, ..self.plain(at, Link::Alone) })
    }

    fn sentence(&self, at: usize) -> Option<Cut> {
        let gap = self.gap(at);
        let previous = &self.words[at - 1];
        if gap.contains(['→', '⇒']) || gap.contains("->") || gap.contains("=>") {
            return Some(self.plain(at, Link::Then));
        }
        if gap.contains([';', '。', '！', '？', '；', '…']) {
            return Some(self.plain(at, Link::Alone));
        }
        let trimmed = gap.trim_start_matches([')', ']', '"', '\'']);
        let spaced = trimmed.chars().skip(1).any(char::is_whitespace);
        let ends = match trimmed.chars().next() {
            Some('.') => !is_abbreviation(&previous.lower),
            Some('!' | '?') => true,
            // "do the following: generate a UUID"
            Some(':') => self.begins(at) && self.is_announcement(at),
            _ => false,
        };
        if ends && spaced {
            let heading = trimmed.starts_with(':');
            return Some(Cut { heading, ..self.plain(at, Link::Alone) });
        }
        let inner = previous.quoted.clone().map(|inner| &self.text[inner]);
        let closed = inner.is_some_and(|inner| inner.ends_with(['.', '!', '?'])) && self.capital(at);
        closed.then(|| self.plain(at, Link::Alone))
    }

    fn connective(&self, at: usize) -> Option<Cut> {
        let first = &self.words[self.start];
        // "if ..., then ..." is one clause, so that it is refused as one.
        if is_blocking(&first.lower) {
            return None;
        }
        let (word, previous) = (&self.words[at], &self.words[at - 1]);
        let joined = previous.is_one_of(&["and", "but", "plus"]) || self.gap(at).contains(['&', ',']);
        if word.is("then")
            && !previous.is_one_of(&["since", "until", "by", "from", "just", "back", "even", "only", "if"])
        {
            return Some(self.plain(at, Link::Then));
        }
        if joined && self.is_sequencer(at) {
            return Some(self.plain(at, Link::Then));
        }
        if joined && self.begins(at) && !self.is_subordinate(at) {
            return Some(self.plain(at, Link::And));
        }
        (joined && self.is_elided(at)).then(|| Cut { elided: true, ..self.plain(at, Link::And) })
    }

    /// "after waiting 2 seconds, say hello": the first comma does not cut, because it ends the part after "after".
    fn is_subordinate(&self, at: usize) -> bool {
        let words = &self.words[self.start..at];
        let speaks = words.first().is_some_and(|word| word.is_one_of(&["after", "before"]))
            && words.get(1).is_some_and(|word| !word.is_one_of(&["that", "this", "which"]));
        let first_comma = (self.start + 1..=at).find(|&index| self.gap(index).contains(','));
        speaks && first_comma == Some(at)
    }

    /// Words that order what follows after what came before.
    fn is_sequencer(&self, at: usize) -> bool {
        let word = &self.words[at];
        let next = |texts: &[&str]| self.words.get(at + 1).is_some_and(|next| next.is_one_of(texts));
        word.is_one_of(&["finally", "lastly", "afterwards", "afterward", "subsequently", "thereafter", "next"])
            || (word.is_one_of(&["after", "following"]) && next(&["that", "this", "which"]))
    }

    /// Whether a request begins here: a verb, perhaps after "also" or "please". A verb that ends its clause may be a
    /// noun ("the uuid and hash"), except verbs that can be a request alone.
    fn begins(&self, at: usize) -> bool {
        let polite = |word: &&Word| word.is_one_of(&["also", "please", "then", "now", "just", "you", "i"]);
        let at = at + self.words[at..].iter().take(2).take_while(polite).count();
        let Some(word) = self.words.get(at) else { return false };
        if word.is_one_of(&["need", "want"]) {
            return at > 0 && self.words[at - 1].is("i");
        }
        if !self.vocabulary.is_request(&word.lower) {
            return word.is_one_of(&["i'd", "let's", "wait", "tell", "don't", "if"]);
        }
        let next = self.words.get(at + 1);
        let goes_on = next.is_some_and(|next| !next.is_one_of(&["and", "or", "of", "is", "are", "was"]))
            && !self.gap(at + 1).contains(['.', '!', '?', ';', ',']);
        goes_on || word.is("return")
    }

    /// "a timestamp" after "generate a UUID and": an indefinite noun that a node type makes.
    fn is_elided(&self, at: usize) -> bool {
        let current = self.words[at].is("the")
            && self.words.get(at + 1).is_some_and(|next| next.is_one_of(&["current", "present"]));
        if !current && !self.words[at].is_one_of(&["a", "an", "another", "one"]) {
            return false;
        }
        let ahead =
            self.words[at + 1..].iter().take(4).take_while(|word| !word.is_one_of(&["and", "of", "for", "in", "to"]));
        let names_product = ahead.into_iter().any(|word| self.vocabulary.is_product(&word.lower));
        let verb_before = self.vocabulary.is_request(&self.words[self.start].lower);
        names_product && verb_before
    }

    /// Whether the open stretch only announces requests.
    fn is_announcement(&self, at: usize) -> bool {
        self.words[self.start..at].iter().all(|word| word.is_one_of(&ANNOUNCING))
    }

    fn capital(&self, at: usize) -> bool {
        self.text[self.words[at].span.start..].starts_with(char::is_uppercase)
    }

    /// The text between the word before and this one.
    fn gap(&self, at: usize) -> &str {
        let from = if at == 0 { 0 } else { self.words[at - 1].span.end };
        &self.text[from..self.words.get(at).map_or(self.text.len(), |word| word.span.start)]
    }

    /// A cut that does not absorb an "and" before it.
    fn plain(&self, at: usize, link: Link) -> Cut {
        let previous = at.checked_sub(1).map(|index| &self.words[index]);
        let (left_end, left_words) = match previous {
            Some(word) if word.is_one_of(&["and", "but", "plus"]) && at - 1 > self.start => (word.span.start, at - 1),
            _ => (self.words[at].span.start, at),
        };
        Cut { link, left_end, left_words, skip: 0, number: None, heading: false, elided: false }
    }
}

/// Words of a heading that only announces requests.
pub(super) const ANNOUNCING: [&str; 28] = [
    "do",
    "the",
    "following",
    "please",
    "step",
    "steps",
    "task",
    "tasks",
    "goal",
    "goals",
    "todo",
    "things",
    "these",
    "this",
    "in",
    "order",
    "plan",
    "instructions",
    "your",
    "my",
    "is",
    "are",
    "perform",
    "run",
    "execute",
    "complete",
    "carry",
    "out",
];

/// Abbreviations that do not end a sentence, without their last full stop.
fn is_abbreviation(word: &str) -> bool {
    [
        "e.g", "i.e", "eg", "ie", "etc", "vs", "mr", "mrs", "ms", "dr", "prof", "no", "approx", "a.m", "p.m", "ca",
        "cf", "incl", "st",
    ]
    .contains(&word)
}

/// The markers of numbered lists: `1.` or `1)` at the beginning of a line, or counting up within one; `Step 1:`.
struct Markers {
    /// Word index, number, words of the marker; in order.
    accepted: Vec<(usize, u32, usize)>,
}

/// What may be a marker.
struct Possible {
    word: usize,
    number: u32,
    length: usize,
    mark: char,
    line_start: bool,
    clause_start: bool,
}

impl Markers {
    fn find(text: &str, words: &[Word]) -> Self {
        let possible: Vec<Possible> = (0..words.len()).filter_map(|at| Possible::at(text, words, at)).collect();
        let mut accepted = Vec::new();
        let mut counting: Option<(u32, char)> = None;
        for (index, marker) in possible.iter().enumerate() {
            let continues = counting == Some((marker.number.wrapping_sub(1), marker.mark));
            // A lone "1." within a line is no list: a "2." must follow.
            let starts = marker.number == 1
                && marker.clause_start
                && possible[index + 1..].iter().take(8).any(|later| later.number == 2 && later.mark == marker.mark);
            if marker.line_start || continues || starts {
                counting = Some((marker.number, marker.mark));
                accepted.push((marker.word, marker.number, marker.length));
            }
        }
        Self { accepted }
    }

    fn at(&self, word: usize) -> Option<(u32, usize)> {
        let found = self.accepted.binary_search_by_key(&word, |&(at, ..)| at).ok()?;
        let (_, number, length) = self.accepted[found];
        Some((number, length))
    }
}

impl Possible {
    fn at(text: &str, words: &[Word], at: usize) -> Option<Self> {
        let step = words[at].is("step");
        let digits = words.get(at + usize::from(step))?;
        let plain =
            digits.quoted.is_none() && digits.lower.len() <= 3 && digits.lower.bytes().all(|b| b.is_ascii_digit());
        let number = digits.lower.parse().ok().filter(|_| plain)?;
        let mut after = text[digits.span.end..].chars();
        let mark = after.next().filter(|&mark| matches!(mark, '.' | ')') || (step && matches!(mark, ':' | ',')))?;
        let follows = after.next().is_some_and(|next| next.is_whitespace() || (mark == ')' && next.is_alphabetic()));
        words.get(at + usize::from(step) + 1).filter(|_| follows)?;
        let gap = &text[if at == 0 { 0 } else { words[at - 1].span.end }..words[at].span.start];
        let (line_start, punctuated) =
            (at == 0 || gap.contains('\n'), gap.contains(['.', ':', ';', ',', '!', '?', '(']));
        Some(Self {
            word: at,
            number,
            length: 1 + usize::from(step),
            mark,
            line_start,
            clause_start: line_start || punctuated,
        })
    }
}
