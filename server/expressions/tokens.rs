//! A JavaScript tokenizer, as far as needed to find the end of an expression and what it reads. The engine reports
//! invalid expressions; here every character belongs to some token.

use std::ops::Range;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A number, a string, a regular expression, or a part of a template literal's text.
    Literal,
    /// `(`, `[`, `{` or `${`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// Any other punctuation.
    Sign,
}

/// A token and its range, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// Keywords after which a slash begins a regular expression.
const BEFORE_VALUE: [&str; 14] = [
    "return",
    "typeof",
    "instanceof",
    "in",
    "of",
    "new",
    "delete",
    "void",
    "throw",
    "case",
    "do",
    "else",
    "yield",
    "await",
];

/// Punctuation of several characters, longest first.
const SIGNS: [&str; 41] = [
    ">>>=", "...", "===", "!==", "**=", "<<=", ">>=", ">>>", "&&=", "||=", "??=", "=>", "==", "!=", "<=", ">=", "&&",
    "||", "??", "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", ">>", "**", "=", "?", ":", ";",
    ",", ".", "!", "~",
];

/// Reads tokens one by one. Linear in the length of the text.
pub(super) struct Tokens<'t> {
    text: &'t str,
    at: usize,
    /// The open brackets, innermost last.
    open: Vec<Opened>,
    /// Whether the previous token can end a value, so that a slash is a division.
    after_value: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Bracket,
    /// `${` in a template: its end is followed by the template's text.
    Template,
}

impl<'t> Tokens<'t> {
    /// The tokens of a text from an offset on.
    pub(super) fn from(text: &'t str, at: usize) -> Self {
        Self { text, at, open: Vec::new(), after_value: false }
    }

    /// The number of open brackets.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Skips white space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            if let Some(comment) = trimmed.strip_prefix("//") {
                self.at += 2 + comment.find(['\n', '\r']).unwrap_or(comment.len());
            } else if let Some(comment) = trimmed.strip_prefix("/*") {
                self.at += 2 + comment.find("*/").map_or(comment.len(), |end| end + 2);
            } else {
                return;
            }
        }
    }

    fn token(&mut self, kind: Kind, length: usize, after_value: bool) -> Option<Token> {
        let span = self.at..self.at + length;
        self.at += length;
        self.after_value = after_value;
        Some(Token { kind, span })
    }

    /// The length of a quoted string; `None` if it never ends.
    fn quoted(&self, quote: char) -> Option<usize> {
        let mut escaped = false;
        for (offset, letter) in self.rest().char_indices().skip(1) {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' | '\r' => return None,
                letter if letter == quote => return Some(offset + 1),
                _ => {}
            }
        }
        None
    }

    /// A part of a template literal's text, from its backtick or from the end of an expression in it, up to its end or
    /// the next expression. The flag is true at the end of the literal.
    fn template(&self) -> (usize, bool) {
        let (mut escaped, mut dollar) = (false, false);
        for (offset, letter) in self.rest().char_indices().skip(1) {
            let (after_dollar, was_escaped) = (dollar, escaped);
            (dollar, escaped) = (letter == '$' && !was_escaped, letter == '\\' && !was_escaped);
            match letter {
                _ if was_escaped => {}
                '`' => return (offset + 1, true),
                '{' if after_dollar => return (offset - 1, false),
                _ => {}
            }
        }
        (self.rest().len(), true)
    }

    fn regular_expression(&self) -> Option<usize> {
        let (mut escaped, mut class) = (false, false);
        for (offset, letter) in self.rest().char_indices().skip(1) {
            match letter {
                '\n' | '\r' => return None,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => class = true,
                ']' => class = false,
                '/' if !class => {
                    let flags = self.rest()[offset + 1..].chars().take_while(char::is_ascii_alphabetic).count();
                    return Some(offset + 1 + flags);
                }
                _ => {}
            }
        }
        None
    }

    fn number(&self) -> usize {
        let mut before = ' ';
        let part = |letter: char, before: char| {
            letter.is_ascii_alphanumeric()
                || letter == '.'
                || letter == '_'
                || (matches!(letter, '+' | '-') && matches!(before, 'e' | 'E') && !self.rest().starts_with("0x"))
        };
        let end = self.rest().find(|letter: char| {
            let ends = !part(letter, before);
            before = letter;
            ends
        });
        end.unwrap_or(self.rest().len())
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip();
        let rest = self.rest();
        let mut letters = rest.chars();
        let first = letters.next()?;
        let digit_follows = letters.next().is_some_and(|letter| letter.is_ascii_digit());
        match first {
            '"' | '\'' => {
                // An unterminated string is punctuation; the engine reports the error.
                let length = self.quoted(first);
                self.token(if length.is_some() { Kind::Literal } else { Kind::Sign }, length.unwrap_or(1), true)
            }
            '`' => {
                let (length, ended) = self.template();
                self.template_token(length, ended)
            }
            '0'..='9' => self.token(Kind::Literal, self.number(), true),
            '.' if digit_follows => self.token(Kind::Literal, self.number(), true),
            '(' | '[' | '{' => {
                self.open.push(Opened::Bracket);
                self.token(Kind::Open, 1, false)
            }
            ')' | ']' => {
                self.open.pop();
                self.token(Kind::Close, 1, true)
            }
            '}' => match self.open.pop() {
                // The text of the template literal continues; the brace is its first character.
                Some(Opened::Template) => {
                    let (length, ended) = self.template();
                    self.template_token(length, ended)
                }
                _ => self.token(Kind::Close, 1, true),
            },
            '$' if rest.starts_with("${") && !self.after_value && self.open.last() == Some(&Opened::Template) => {
                self.token(Kind::Open, 2, false)
            }
            '/' if !self.after_value => match self.regular_expression() {
                Some(length) => self.token(Kind::Literal, length, true),
                None => self.token(Kind::Sign, 1, false),
            },
            letter if is_name(letter) => {
                let length =
                    rest.find(|letter: char| !is_name(letter) && !letter.is_ascii_digit()).unwrap_or(rest.len());
                let after_value = !BEFORE_VALUE.contains(&&rest[..length]);
                self.token(Kind::Name, length, after_value)
            }
            _ => {
                let length =
                    SIGNS.iter().find(|sign| rest.starts_with(**sign)).map_or(first.len_utf8(), |sign| sign.len());
                // After `x++` a slash is a division; a prefix `++` is not a value.
                let after_value = self.after_value && matches!(&rest[..length], "++" | "--");
                self.token(Kind::Sign, length, after_value)
            }
        }
    }
}

impl Tokens<'_> {
    /// A part of a template literal's text. If the literal does not end there, an expression follows, and its opening
    /// is the next token.
    fn template_token(&mut self, length: usize, ended: bool) -> Option<Token> {
        let token = self.token(Kind::Literal, length, ended);
        if !ended {
            self.open.push(Opened::Template);
        }
        token
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphabetic()
        || matches!(letter, '_' | '$' | '#' | '\\' | '\u{200c}' | '\u{200d}')
        || (letter > '\u{7f}' && letter.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> String {
        let words = Tokens::from(text, 0).map(|token| text[token.span].to_owned());
        words.collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn what_is_one_stays_one() {
        for (text, tokens) in [
            ("a.b?.c", "a | . | b | ?. | c"),
            ("a ?.5 : 1", "a | ?. | 5 | : | 1"),
            ("'a\\'b' + \"c\"", "'a\\'b' | + | \"c\""),
            ("a / b / c", "a | / | b | / | c"),
            ("(a) / b", "( | a | ) | / | b"),
            ("x = /a[/]b\\/c/gi.test(y)", "x | = | /a[/]b\\/c/gi | . | test | ( | y | )"),
            ("typeof /}}/", "typeof | /}}/"),
            ("a /* } */ + b // }\n+c", "a | + | b | + | c"),
            ("`a${b}c` + d", "`a | ${ | b | }c` | + | d"),
            ("`a${`x${y}`}` + d", "`a | ${ | `x | ${ | y | }` | }` | + | d"),
            ("`\\${}` + {}", "`\\${}` | + | { | }"),
            ("`${{a:1}.a}`", "` | ${ | { | a | : | 1 | } | . | a | }`"),
            ("1.5e-3 - 0x1f + .5 + 1..toFixed()", "1.5e-3 | - | 0x1f | + | .5 | + | 1..toFixed | ( | )"),
            ("grüße.größe", "grüße | . | größe"),
            ("it's", "it | ' | s"),
        ] {
            assert_eq!(described(text), tokens, "{text}");
        }
    }
}
