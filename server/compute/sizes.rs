//! How large a value is, about, in memory: for bounds on what is copied. Never recursive.

use serde_json::{Map, Value};

/// What a value takes beside its text, bytes: itself, and its place in a list or an object.
const VALUE_BYTES: usize = 48;

/// About how many bytes a value takes.
pub fn bytes(value: &Value) -> usize {
    let (mut bytes, mut open) = (0_usize, vec![value]);
    while let Some(value) = open.pop() {
        bytes += VALUE_BYTES;
        match value {
            Value::String(text) => bytes += text.len(),
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                bytes += members.keys().map(String::len).sum::<usize>();
                open.extend(members.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    bytes
}

/// Whether a value is so small that looking at all of it takes no time to speak of.
pub fn is_small(value: &Value) -> bool {
    /// Values, and bytes of text.
    const SMALL: usize = 16 << 10;
    let (mut bytes, mut open) = (0_usize, vec![value]);
    while let Some(value) = open.pop() {
        bytes += VALUE_BYTES;
        match value {
            Value::String(text) => bytes += text.len(),
            Value::Array(items) if items.len() < SMALL => open.extend(items),
            Value::Object(members) if members.len() < SMALL => {
                bytes += members.keys().map(String::len).sum::<usize>();
                open.extend(members.values());
            }
            Value::Array(_) | Value::Object(_) => return false,
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        if bytes > SMALL {
            return false;
        }
    }
    true
}

/// Whether an object is so small that looking at all of it takes no time to speak of.
pub fn are_few_and_small(members: &Map<String, Value>) -> bool {
    /// So many members are few, if each is small.
    const FEW: usize = 16;
    members.len() <= FEW && members.values().all(is_small)
}

/// About how many characters a value has as JSON.
pub fn json_chars(value: &Value) -> usize {
    let (mut chars, mut open) = (0_usize, vec![value]);
    while let Some(value) = open.pop() {
        chars += match value {
            Value::String(text) => text.len() + 3,
            Value::Array(items) => {
                open.extend(items);
                2
            }
            Value::Object(members) => {
                open.extend(members.values());
                2 + members.keys().map(|name| name.len() + 3).sum::<usize>()
            }
            Value::Null | Value::Bool(_) => 5,
            Value::Number(_) => 8,
        };
    }
    chars
}
