//! Splits text into words. Quoted text is one word, whatever it contains: no rule of the planner looks inside.

use std::ops::Range;

/// A word, or a piece of quoted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// In lower case; empty for quoted text.
    pub(super) lower: String,
    /// Its place, in bytes; quotation marks included.
    pub(super) span: Range<usize>,
    /// The place of the text between the quotation marks, in bytes. `None` for a word.
    pub(super) quoted: Option<Range<usize>>,
}

impl Word {
    /// Whether this is the word `text`, possessive or not.
    pub(super) fn is(&self, text: &str) -> bool {
        self.base() == text
    }

    /// Whether this is one of the words, possessive or not.
    pub(super) fn is_one_of(&self, texts: &[&str]) -> bool {
        texts.contains(&self.base())
    }

    /// The word without a possessive ending. Empty for quoted text.
    pub(super) fn base(&self) -> &str {
        self.lower.strip_suffix("'s").unwrap_or(&self.lower)
    }
}

/// The words of a text, in order. Linear in its length.
pub(super) fn read(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut quotes = Quotes::new(text);
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let end = if let Some((inner, end)) = quotes.opened_at(at, first) {
            words.push(Word { lower: String::new(), span: at..end, quoted: Some(inner) });
            end
        } else if first.is_alphanumeric() {
            let end = word_end(text, at);
            let lower = text[at..end].to_lowercase().replace('’', "'");
            words.push(Word { lower, span: at..end, quoted: None });
            end
        } else {
            at + first.len_utf8()
        };
        at = end;
    }
    words
}

/// Where the word that begins at `start` ends. Decimal numbers, addresses and contractions are one word.
fn word_end(text: &str, start: usize) -> usize {
    let mut chars = text[start..].char_indices().peekable();
    while let Some((offset, char)) = chars.next() {
        if char.is_alphanumeric() || char == '_' {
            continue;
        }
        let rest = &text[start + offset..];
        if rest.starts_with("://") {
            let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
            return start
                + offset
                + rest[..length].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'']).len();
        }
        let joins = matches!(char, '\'' | '’' | '.' | ',' | '@');
        let next = chars.peek().map(|&(_, next)| next);
        let between_digits =
            text[..start + offset].ends_with(|c: char| c.is_ascii_digit()) && next.is_some_and(|c| c.is_ascii_digit());
        if !joins || !next.is_some_and(char::is_alphanumeric) || (char == ',' && !between_digits) {
            return start + offset;
        }
    }
    text.len()
}

/// Finds quoted text, and remembers which closing marks do not occur any more, so that reading is linear.
struct Quotes<'a> {
    text: &'a str,
    exhausted: Vec<char>,
}

impl<'a> Quotes<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, exhausted: Vec::new() }
    }

    /// The inner range and the end of the quoted text that opens at `at`.
    fn opened_at(&mut self, at: usize, mark: char) -> Option<(Range<usize>, usize)> {
        let closing = closing_mark(mark)?;
        let inner = at + mark.len_utf8();
        if self.exhausted.contains(&closing) || (is_apostrophe(mark) && !self.may_open(at)) {
            return None;
        }
        let end = self.text[inner..].char_indices().find(|&(offset, char)| {
            char == closing && (!is_apostrophe(closing) || !self.followed_by_letter(inner + offset + char.len_utf8()))
        });
        match end {
            Some((offset, _)) => Some((inner..inner + offset, inner + offset + closing.len_utf8())),
            None => {
                self.exhausted.push(closing);
                None
            }
        }
    }

    /// An apostrophe opens a quotation only if no word precedes it: not in "don't".
    fn may_open(&self, at: usize) -> bool {
        !self.text[..at].ends_with(char::is_alphanumeric)
    }

    fn followed_by_letter(&self, at: usize) -> bool {
        self.text[at..].starts_with(char::is_alphanumeric)
    }
}

fn is_apostrophe(mark: char) -> bool {
    matches!(mark, '\'' | '‘' | '’')
}

fn closing_mark(opening: char) -> Option<char> {
    match opening {
        '"' => Some('"'),
        '\'' => Some('\''),
        '`' => Some('`'),
        '“' => Some('”'),
        '„' => Some('“'),
        '‘' => Some('’'),
        '«' => Some('»'),
        _ => None,
    }
}

/// The number of a word: digits, or a number word up to twelve and the tens to ninety. "a" and "an" are not numbers.
pub(super) fn number(word: &str) -> Option<f64> {
    const NAMED: [(&str, u32); 22] = [
        ("zero", 0),
        ("one", 1),
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("ten", 10),
        ("eleven", 11),
        ("twelve", 12),
        ("fifteen", 15),
        ("twenty", 20),
        ("thirty", 30),
        ("forty", 40),
        ("fifty", 50),
        ("sixty", 60),
        ("seventy", 70),
        ("eighty", 80),
        ("ninety", 90),
    ];
    let named = NAMED.iter().find(|(name, _)| *name == word).map(|&(_, value)| f64::from(value));
    named.or_else(|| digits(word))
}

/// `1`, `1.5`, `1,000`, `1,5`: a comma before exactly three digits separates thousands, else decimals.
fn digits(word: &str) -> Option<f64> {
    if !word.starts_with(|c: char| c.is_ascii_digit())
        || !word.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b',')
    {
        return None;
    }
    let thousands = word.split('.').next().unwrap_or_default().split(',').skip(1).all(|group| group.len() == 3);
    let plain = if thousands { word.replace(',', "") } else { word.replace(',', ".") };
    plain.parse().ok()
}

/// A count: a whole number word.
pub(super) fn count(word: &str) -> Option<u32> {
    let number = number(word)?;
    (number.fract() == 0.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
}
