//! Accepted changes: a list in a file, each with a reason.
//!
//! ```yaml
//! - kind: enum_value_added
//!   place: RunState
//!   new: paused
//!   reason: clients treat an unknown state as running since 1.4
//! ```
//!
//! An entry accepts every change that has all its values. It needs a place or a pointer, and a reason.

use std::path::Path;

use serde_json::{Map, Value};

use super::change::Change;
use super::load::{Unreadable, read};

/// The keys that an entry compares with a change, as JSON has it.
const COMPARED: [&str; 5] = ["kind", "place", "pointer", "old", "new"];

/// The accepted changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AllowList(Vec<Entry>);

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Why it is accepted.
    pub reason: String,
    wanted: Map<String, Value>,
}

impl Entry {
    /// What it accepts, in words.
    pub fn words(&self) -> String {
        let word = |(key, value): (&String, &Value)| match value {
            Value::String(text) => format!("{key} {text}"),
            other => format!("{key} {other}"),
        };
        self.wanted.iter().map(word).collect::<Vec<_>>().join(", ")
    }

    fn accepts(&self, change: &Value) -> bool {
        self.wanted.iter().all(|(key, value)| change.get(key) == Some(value))
    }
}

/// The changes of a comparison after a list was applied.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reviewed {
    /// The changes that no entry accepts.
    pub changes: Vec<Change>,
    /// The accepted ones, each with its reason.
    pub accepted: Vec<(Change, String)>,
    /// The entries that accept no change any more.
    pub unused: Vec<Entry>,
}

impl AllowList {
    /// Reads a list in YAML or JSON.
    ///
    /// # Errors
    /// The file cannot be read, or is not such a list.
    pub fn load(path: &Path) -> Result<Self, Unreadable> {
        let value = read(path)?;
        Self::parse(&value).map_err(|reason| Unreadable::List { path: path.display().to_string(), reason })
    }

    /// Reads a list.
    ///
    /// # Errors
    /// The number and the fault of the first wrong entry.
    pub fn parse(list: &Value) -> Result<Self, String> {
        let entries = match list {
            Value::Array(entries) => entries.as_slice(),
            // An empty YAML file.
            Value::Null => &[],
            _ => return Err("is not a list of accepted changes".to_owned()),
        };
        let parsed = entries.iter().enumerate().map(|(index, entry)| {
            Entry::parse(entry).map_err(|reason| format!("accepted change {}: {reason}", index + 1))
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Applies the list to the changes of a comparison.
    pub fn review(&self, changes: Vec<Change>) -> Reviewed {
        let mut reviewed = Reviewed::default();
        let mut used = vec![false; self.0.len()];
        for change in changes {
            let shown = change.json();
            let mut reason = None;
            for (entry, used) in self.0.iter().zip(&mut used) {
                if entry.accepts(&shown) {
                    *used = true;
                    reason.get_or_insert(&entry.reason);
                }
            }
            match reason {
                Some(reason) => reviewed.accepted.push((change, reason.clone())),
                None => reviewed.changes.push(change),
            }
        }
        let unused = self.0.iter().zip(used).filter(|(_, used)| !used);
        reviewed.unused = unused.map(|(entry, _)| entry.clone()).collect();
        reviewed
    }
}

impl Entry {
    fn parse(entry: &Value) -> Result<Self, String> {
        let fields = entry.as_object().ok_or("is not a mapping")?;
        let mut wanted = Map::new();
        for (key, value) in fields.iter().filter(|(key, _)| *key != "reason") {
            if !COMPARED.contains(&key.as_str()) {
                return Err(format!("`{key}` is not known: it has {} and reason", COMPARED.join(", ")));
            }
            wanted.insert(key.clone(), value.clone());
        }
        if !wanted.contains_key("place") && !wanted.contains_key("pointer") {
            return Err("has neither `place` nor `pointer`".to_owned());
        }
        let reason = fields.get("reason").and_then(Value::as_str).map(str::trim).unwrap_or_default();
        if reason.is_empty() {
            return Err("has no `reason`".to_owned());
        }
        Ok(Self { reason: reason.to_owned(), wanted })
    }
}
