//! Lengths of time in plain words: "1.5 seconds", "500 ms", "half a minute", "two minutes and 30 seconds", "2m30s".

use std::ops::Range;

use super::words::{self, Word};

/// A duration in a clause.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Duration {
    /// Its words.
    pub(super) words: Range<usize>,
    /// Seconds; negative if the text says so, so that the schema refuses it.
    pub(super) seconds: f64,
}

/// The first duration in a text; adjacent ones ("1 minute and 30 seconds") are one.
pub(super) fn find(text: &str, read: &[Word]) -> Option<Duration> {
    let (mut at, first) =
        (0..read.len()).find_map(|at| amount(text, read, at).map(|(length, seconds)| (at, (length, seconds))))?;
    let start = at;
    let mut seconds = first.1;
    at += first.0;
    loop {
        let joined = usize::from(read.get(at).is_some_and(|word| word.is("and")));
        match amount(text, read, at + joined) {
            Some((length, more)) => {
                seconds += more;
                at += joined + length;
            }
            None => return Some(Duration { words: start..at, seconds }),
        }
    }
}

/// A bare number right after the verb, for clauses whose node type counts in seconds anyway: "sleep 5".
pub(super) fn bare_number(text: &str, read: &[Word]) -> Option<Duration> {
    let at = 1 + usize::from(read.get(1)?.is("for"));
    let word = read.get(at)?;
    let last = at + 1 == read.len();
    let seconds = words::number(&word.lower)?;
    last.then(|| Duration { words: at..at + 1, seconds: signed(text, word, seconds) })
}

/// A duration at `at`: its number of words, and its seconds.
fn amount(text: &str, read: &[Word], at: usize) -> Option<(usize, f64)> {
    let word = read.get(at).filter(|word| word.quoted.is_none())?;
    if let Some(seconds) = compact(&word.lower) {
        return Some((1, signed(text, word, seconds)));
    }
    let unit_at = |index: usize| read.get(index).and_then(|word| unit(word.base()));
    let is = |index: usize, text: &str| read.get(index).is_some_and(|word| word.is(text));
    let article = |index: usize| is(index, "a") || is(index, "an");
    // "half a second", "a quarter of an hour".
    for (name, part) in [("half", 0.5), ("quarter", 0.25)] {
        let from = at + usize::from(article(at));
        if is(from, name) {
            let skip = from + 1 + usize::from(is(from + 1, "of"));
            let skip = skip + usize::from(article(skip));
            return unit_at(skip).map(|unit| (skip + 1 - at, part * unit));
        }
    }
    if is(at, "a") && is(at + 1, "couple") {
        let skip = at + 2 + usize::from(is(at + 2, "of"));
        return unit_at(skip).map(|unit| (skip + 1 - at, 2.0 * unit));
    }
    let number = if article(at) { 1.0 } else { words::number(&word.lower)? };
    // "one and a half seconds".
    let halved = is(at + 1, "and") && article(at + 2) && is(at + 3, "half");
    let (length, number) = if halved { (4, number + 0.5) } else { (1, number) };
    let unit = unit_at(at + length)?;
    // "a minute and a half".
    let and_half = is(at + length + 1, "and")
        && article(at + length + 2)
        && is(at + length + 3, "half")
        && unit_at(at + length + 4).is_none();
    let (length, number) = if and_half { (length + 4, number + 0.5) } else { (length + 1, number) };
    Some((length, signed(text, word, number * unit)))
}

/// `500ms`, `1.5s`, `2m30s`: one word.
fn compact(word: &str) -> Option<f64> {
    let mut rest = word;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')?;
        let number = words::number(&rest[..digits])?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        seconds += number * unit(&rest[..letters])?;
        rest = &rest[letters..];
    }
    word.starts_with(|c: char| c.is_ascii_digit()).then_some(seconds)
}

/// Applies a minus sign directly before the number.
fn signed(text: &str, word: &Word, seconds: f64) -> f64 {
    let before = &text[..word.span.start];
    let minus = before.strip_suffix('-').or_else(|| before.strip_suffix('−'));
    let alone = minus.is_some_and(|rest| rest.is_empty() || rest.ends_with(char::is_whitespace));
    if alone { -seconds } else { seconds }
}

/// Seconds in a unit.
fn unit(word: &str) -> Option<f64> {
    match word {
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" | "millis" => Some(0.001),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1.0),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60.0),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(3600.0),
        "d" | "day" | "days" => Some(86_400.0),
        _ => None,
    }
}
