//! The approximate size of a value in memory, for limits on copies. Iterative, so that deep values cannot overflow the
//! stack.

use serde_json::{Map, Value};

/// The size of a value besides its text, bytes: the value itself, and its place in a list or an object.
const VALUE_BYTES: usize = 48;

/// The approximate size of a value, bytes.
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

/// Whether a value is small enough to traverse it in negligible time.
pub fn is_small(value: &Value) -> bool {
    /// The limit on the approximate bytes, and on the members of one list or object.
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

/// Whether an object is small enough to traverse it in negligible time.
pub fn are_few_and_small(members: &Map<String, Value>) -> bool {
    /// The most members of a small object, if each one is small.
    const FEW: usize = 16;
    members.len() <= FEW && members.values().all(is_small)
}

/// The approximate length of a value as JSON, characters.
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
