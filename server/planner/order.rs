//! Clauses that state their order: "after waiting 2 seconds, say hello", "hash it before returning it", "say hello
//! after 5 seconds". Each becomes two clauses in the order of execution.

use super::clause::Clause;
use super::cuts::Link;
use super::durations;
use super::vocabulary::Vocabulary;
use super::words::{self, Word};

/// A longer clause is not split.
const WORDS_MAX: usize = 400;

/// Appends a clause, as several if it says "before" or "after".
pub(super) fn unfold(clause: Clause, vocabulary: &Vocabulary, clauses: &mut Vec<Clause>) {
    let read = words::read(&clause.text);
    let mut spoken = read.iter().enumerate().take(if read.len() > WORDS_MAX { 0 } else { WORDS_MAX });
    let Some((earlier, later)) = spoken.find_map(|(at, word)| turn(&clause.text, &read, at, word, vocabulary)) else {
        clauses.push(clause);
        return;
    };
    let Clause { link, number, .. } = clause;
    unfold(Clause { text: earlier, link, number }, vocabulary, clauses);
    unfold(Clause { text: later, link: Link::Then, number }, vocabulary, clauses);
}

/// The earlier and the later part, if this word orders them.
fn turn(text: &str, read: &[Word], at: usize, word: &Word, vocabulary: &Vocabulary) -> Option<(String, String)> {
    if !word.is_one_of(&["after", "before"]) {
        return None;
    }
    let (subordinate, main) = if at == 0 {
        // "after waiting 2 seconds, say hello": the comma ends the earlier part.
        let comma = (2..read.len()).find(|&next| text[read[next - 1].span.end..read[next].span.start].contains(','))?;
        (&text[read.get(1)?.span.start..read[comma - 1].span.end], &text[read[comma].span.start..])
    } else {
        (&text[read.get(at + 1)?.span.start..], text[..word.span.start].trim_end_matches([' ', ',']))
    };
    let subordinate = request(subordinate, vocabulary)?;
    match word.is("after") {
        true => Some((subordinate, main.to_owned())),
        false => Some((main.to_owned(), subordinate)),
    }
}

/// "waiting 2 seconds" as "wait 2 seconds", "2 seconds" as "wait 2 seconds". `None` for anything else.
fn request(text: &str, vocabulary: &Vocabulary) -> Option<String> {
    let read = words::read(text);
    let first = read.first()?;
    if let Some(base) = vocabulary.base_of_gerund(&first.lower) {
        return Some(format!("{base}{}", &text[first.span.end..]));
    }
    let duration = durations::find(text, &read)?;
    (duration.words.start == 0 && duration.words.end == read.len()).then(|| format!("wait {text}"))
}
