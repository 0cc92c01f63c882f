//! One change, and for whom it is breaking.
//!
//! Nothing is compared here; see [`super`] for the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

/// What a text is cut to in a line for people; JSON has all of it.
const SHOWN_LENGTH_MAX: usize = 60;
/// How many operations a line for people names.
const SHOWN_OPERATIONS_MAX: usize = 4;

/// Which way it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// Not in the old document.
    Added,
    /// Not in the new document.
    Removed,
    /// In both, and not the same.
    Changed,
}

impl How {
    /// The word, as it ends a kind.
    pub fn word(self) -> &'static str {
        match self {
            How::Added => "added",
            How::Removed => "removed",
            How::Changed => "changed",
        }
    }
}

/// For whom a change is breaking. Who is not named goes on as before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Breaks {
    /// A client of the old document that speaks to a server of the new one.
    pub clients: bool,
    /// A server of the old document that a client of the new one speaks to.
    pub servers: bool,
}

impl Breaks {
    /// Nobody.
    pub const NOBODY: Self = Self { clients: false, servers: false };
    /// Clients alone.
    pub const CLIENTS: Self = Self { clients: true, servers: false };
    /// Servers alone.
    pub const SERVERS: Self = Self { clients: false, servers: true };
    /// Both.
    pub const BOTH: Self = Self { clients: true, servers: true };

    /// Clients and servers as said.
    pub fn of(clients: bool, servers: bool) -> Self {
        Self { clients, servers }
    }

    /// Whether it is breaking for anyone.
    pub fn any(self) -> bool {
        self.clients || self.servers
    }

    /// Of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { clients: self.clients || other.clients, servers: self.servers || other.servers }
    }

    /// The names, for programs.
    pub fn names(self) -> Vec<&'static str> {
        [(self.clients, "clients"), (self.servers, "servers")].iter().filter(|one| one.0).map(|one| one.1).collect()
    }
}

/// Where a schema stands: what it allows is said by a client, or by a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Position {
    /// In what a client sends.
    Request,
    /// In what a server answers.
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

/// Which operations say it, by position. Empty for what stands in the operation that its place names.
pub type Uses = BTreeMap<Position, BTreeSet<String>>;

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it is about, in snake case: `operation`, `property`, `enum_value`, `bound`, ...
    pub subject: &'static str,
    /// Which way it went.
    pub how: How,
    /// Where, for people: an operation and what of it, or a schema and the way into it.
    pub place: String,
    /// Where, for programs: a JSON pointer as a URI fragment, into the new document, or into the old one for what was
    /// removed. What stands in a file beside the document begins with that file's name.
    pub pointer: String,
    /// What exactly, in words.
    pub what: String,
    /// What it was, where that can be shown.
    pub old: Option<Value>,
    /// What it is.
    pub new: Option<Value>,
    /// For whom it is breaking.
    pub breaks: Breaks,
    /// Which operations say it.
    pub uses: Uses,
}

impl Change {
    /// Subject and direction, such as `enum_value_added`.
    pub fn kind(&self) -> String {
        format!("{}_{}", self.subject, self.how.word())
    }

    /// For programs.
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
        for (position, operations) in &self.uses {
            object[position.word()] = json!(operations);
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
        let uses: Vec<String> = self.uses.iter().map(|(position, operations)| used(*position, operations)).collect();
        if uses.is_empty() { Ok(()) } else { write!(f, " (in {})", uses.join("; ")) }
    }
}

fn used(position: Position, operations: &BTreeSet<String>) -> String {
    let named: Vec<&str> = operations.iter().take(SHOWN_OPERATIONS_MAX).map(String::as_str).collect();
    let more = match operations.len().saturating_sub(SHOWN_OPERATIONS_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} of {}{more}", position.word(), named.join(", "))
}

/// A value on one line.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// How many bytes of the beginnings need not be shown, because both texts are long and begin alike: up to a word before the first
/// difference.
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

/// A text from there on, no longer than what is shown.
fn cut(text: &str, from: usize) -> String {
    let (begin, rest) = if from == 0 { ("", text) } else { ("... ", &text[from..]) };
    match rest.char_indices().nth(SHOWN_LENGTH_MAX) {
        Some((end, _)) => format!("{begin}{} ...", rest[..end].trim_end()),
        None => format!("{begin}{rest}"),
    }
}
