//! One change, and which side it breaks.
//!
//! This module compares nothing; see [`super`] for the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

/// The maximum length of a text in a line for people; JSON has the whole text.
const SHOWN_LENGTH_MAX: usize = 60;
/// The maximum number of operations in a line for people.
const SHOWN_OPERATIONS_MAX: usize = 4;

/// The direction of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// Not in the old document.
    Added,
    /// Not in the new document.
    Removed,
    /// In both, and different.
    Changed,
}

impl How {
    /// The word, as the suffix of a kind.
    pub fn word(self) -> &'static str {
        match self {
            How::Added => "added",
            How::Removed => "removed",
            How::Changed => "changed",
        }
    }
}

/// Which sides a change breaks. A side that is not set is not broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Breaks {
    /// A client of the old document with a server of the new one.
    pub clients: bool,
    /// A server of the old document with a client of the new one.
    pub servers: bool,
}

impl Breaks {
    /// Neither side.
    pub const NEITHER: Self = Self { clients: false, servers: false };
    /// Clients only.
    pub const CLIENTS: Self = Self { clients: true, servers: false };
    /// Servers only.
    pub const SERVERS: Self = Self { clients: false, servers: true };
    /// Both.
    pub const BOTH: Self = Self { clients: true, servers: true };

    /// Clients and servers as given.
    pub fn of(clients: bool, servers: bool) -> Self {
        Self { clients, servers }
    }

    /// Whether it breaks any side.
    pub fn any(self) -> bool {
        self.clients || self.servers
    }

    /// The union of both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { clients: self.clients || other.clients, servers: self.servers || other.servers }
    }

    /// The names in JSON.
    pub fn names(self) -> Vec<&'static str> {
        [(self.clients, "clients"), (self.servers, "servers")].iter().filter(|one| one.0).map(|one| one.1).collect()
    }
}

/// The position of a schema: a client or a server sends its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Position {
    /// In a request.
    Request,
    /// In a response.
    Response,
}

impl Position {
    fn word(self) -> &'static str {
        match self {
            Position::Request => "requests",
            Position::Response => "responses",
        }
    }
}

/// The operations that contain it, by position. Empty for a change in the operation that its place names.
pub type Uses = BTreeMap<Position, BTreeSet<String>>;

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The subject, in snake case: `operation`, `property`, `enum_value`, `bound`, ...
    pub subject: &'static str,
    /// The direction.
    pub how: How,
    /// The place, for people: an operation and its part, or a schema and the path into it.
    pub place: String,
    /// The place, for programs: a JSON pointer as a URI fragment, into the new document, or into the old one for
    /// removals. For a file beside the document, it starts with that file's name.
    pub pointer: String,
    /// The difference, in words.
    pub what: String,
    /// The old value, if it can be shown.
    pub old: Option<Value>,
    /// The new value.
    pub new: Option<Value>,
    /// The sides that it breaks.
    pub breaks: Breaks,
    /// The operations that contain it.
    pub uses: Uses,
}

impl Change {
    /// Subject and direction, such as `enum_value_added`.
    pub fn kind(&self) -> String {
        format!("{}_{}", self.subject, self.how.word())
    }

    /// The form for programs.
    pub fn json(&self) -> Value {
        let mut object = json!({
            "kind": self.kind(),
            "place": self.place,
            "pointer": self.pointer,
            "what": self.what,
            "breaks": self.breaks.names(),
        });
        for (key, value) in [("old", &self.old), ("new", &self.new)] {
            if let Some(value) = value {
                object[key] = value.clone();
            }
        }
        let mut all = BTreeSet::new();
        for (position, operations) in &self.uses {
            object[position.word()] = json!(operations);
            all.extend(operations);
        }
        if !all.is_empty() {
            object["operations"] = json!(all.len());
        }
        object
    }
}

impl fmt::Display for Change {
    /// `Run.state: enum value added: paused (in responses of get_run, start_run)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => {
                let (old, new) = (words(old), words(new));
                let same = alike(&old, &new);
                write!(f, ": {} -> {}", cut(&old, same), cut(&new, same))?;
            }
            (Some(one), None) | (None, Some(one)) => write!(f, ": {}", cut(&words(one), 0))?,
            (None, None) => {}
        }
        // A place in an operation names the operation.
        let mut names = self.uses.values().flatten();
        if let (Some(only), None) = (names.next(), names.next())
            && self.place.strip_prefix(only.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        {
            return Ok(());
        }
        let uses: Vec<String> = self.uses.iter().map(|(position, operations)| used(*position, operations)).collect();
        if uses.is_empty() { Ok(()) } else { write!(f, " (in {})", uses.join("; ")) }
    }
}

fn used(position: Position, operations: &BTreeSet<String>) -> String {
    let named: Vec<&str> = operations.iter().take(SHOWN_OPERATIONS_MAX).map(String::as_str).collect();
    let (named, word) = (named.join(", "), position.word());
    match operations.len() {
        all if all > SHOWN_OPERATIONS_MAX => format!("{word} of {all} operations: {named}, ..."),
        _ => format!("{word} of {named}"),
    }
}

/// A value on one line.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// The number of bytes to skip, if both texts are long and start alike: up to a word before the first difference.
fn alike(one: &str, other: &str) -> usize {
    if one.chars().count().max(other.chars().count()) <= SHOWN_LENGTH_MAX {
        return 0;
    }
    let pairs = one.char_indices().zip(other.chars());
    let differ =
        pairs.take_while(|((_, one), other)| one == other).last().map_or(0, |((at, one), _)| at + one.len_utf8());
    let mut spaces = one[..differ].rmatch_indices(' ').map(|(at, _)| at + 1);
    spaces.nth(1).unwrap_or(0)
}

/// The text from this byte on, cut to the maximum length.
fn cut(text: &str, from: usize) -> String {
    let (begin, rest) = if from == 0 { ("", text) } else { ("... ", &text[from..]) };
    match rest.char_indices().nth(SHOWN_LENGTH_MAX) {
        Some((end, _)) => format!("{begin}{} ...", rest[..end].trim_end()),
        None => format!("{begin}{rest}"),
    }
}
