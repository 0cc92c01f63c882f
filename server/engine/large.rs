//! Large values are stored outside the log, by their hash. Events, states and effects contain a [`Reference`] instead,
//! so that copies are small and a decision never reads the bytes.
//!
//! A reference is an object with the member [`MARK`]. Further members of that object are added to the referenced object
//! and override its members of the same name. A binding can therefore set a field of inputs that are a reference.
//!
//! The engine does not know which values are large, or how they are stored and loaded. A decision that needs one is
//! rejected with [`Rejected::NeedsValues`](crate::Rejected::NeedsValues); the caller loads the values and decides
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{Event, Object};

/// The member that makes an object a reference.
pub const MARK: &str = "$runyard.value";

/// The SHA-256 of a value as compact JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a value's JSON text.
    pub fn of(text: &str) -> Self {
        Digest(Sha256::digest(text.as_bytes()).into())
    }

    /// The bytes of the digest.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A digest from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// Parses 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::parse(&text).ok_or_else(|| serde::de::Error::custom("a digest has 64 lower-case hexadecimal digits"))
    }
}

/// The reference to a large value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The key under which the value is stored.
    pub digest: Digest,
    /// Its length as compact JSON.
    pub bytes: u64,
}

impl Reference {
    /// The object that replaces the value.
    pub fn object(&self) -> Object {
        let members = [
            ("digest".to_owned(), Value::String(self.digest.to_string())),
            ("bytes".to_owned(), Value::from(self.bytes)),
        ];
        Object::from_iter([(MARK.to_owned(), Value::Object(Object::from_iter(members)))])
    }
}

/// Parses an object as a reference; `None` if it is not one.
pub fn reference(object: &Object) -> Option<Reference> {
    let Value::Object(said) = object.get(MARK)? else { return None };
    let (digest, bytes) = (said.get("digest")?.as_str()?, said.get("bytes")?.as_u64()?);
    if said.len() != 2 {
        return None;
    }
    Some(Reference { digest: Digest::parse(digest)?, bytes })
}

/// Visits every reference in an object. Iterative, so that deeply nested input cannot overflow the stack.
pub fn in_object(object: &Object, see: &mut dyn FnMut(Reference)) {
    let mut open = vec![object];
    let mut lists: Vec<&[Value]> = Vec::new();
    loop {
        if let Some(object) = open.pop() {
            if let Some(reference) = reference(object) {
                see(reference);
            }
            for value in object.values() {
                match value {
                    Value::Object(within) => open.push(within),
                    Value::Array(within) => lists.push(within),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                }
            }
        } else if let Some(list) = lists.pop() {
            for value in list {
                match value {
                    Value::Object(within) => open.push(within),
                    Value::Array(within) => lists.push(within),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                }
            }
        } else {
            return;
        }
    }
}

/// Visits every reference in a value.
pub fn in_value(value: &Value, see: &mut dyn FnMut(Reference)) {
    match value {
        Value::Object(object) => in_object(object, see),
        Value::Array(items) => items.iter().for_each(|item| match item {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            Value::Array(_) | Value::Object(_) => in_value(item, see),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The result of looking up a JSON pointer (RFC 6901) in an object.
#[derive(Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// This value; the whole object if the pointer is empty.
    Value(&'a Value),
    /// Nothing.
    Nothing,
    /// The pointer leads into this large value, which has to be loaded.
    In(Digest),
}

/// Looks up a pointer that is not empty.
pub(crate) fn at<'a>(object: &'a Object, pointer: &str) -> Found<'a> {
    let Some(path) = pointer.strip_prefix('/') else { return Found::Nothing };
    let mut steps = path.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
    let Some(first) = steps.next() else { return Found::Nothing };
    let mut at = match member(object, &first) {
        Found::Value(value) => value,
        other => return other,
    };
    for step in steps {
        at = match at {
            Value::Object(object) => match member(object, &step) {
                Found::Value(value) => value,
                other => return other,
            },
            Value::Array(items) => match index(&step).and_then(|index| items.get(index)) {
                Some(value) => value,
                None => return Found::Nothing,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Found::Nothing,
        };
    }
    Found::Value(at)
}

fn member<'a>(object: &'a Object, name: &str) -> Found<'a> {
    match (reference(object), object.get(name)) {
        (Some(reference), None) => Found::In(reference.digest),
        (Some(reference), Some(_)) if name == MARK => Found::In(reference.digest),
        (_, Some(value)) => Found::Value(value),
        (None, None) => Found::Nothing,
    }
}

/// An array index as in RFC 6901: no sign and no leading zeros.
fn index(step: &str) -> Option<usize> {
    let plain = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (step == "0" || !step.starts_with('0'))).then(|| step.parse().ok()).flatten()
}

/// Every reference in an object, by digest.
pub(crate) fn digests(object: &Object) -> BTreeSet<Digest> {
    let mut found = BTreeSet::new();
    in_object(object, &mut |reference| _ = found.insert(reference.digest));
    found
}

/// The size of the data that a run has written so far. It is counted with every recorded event, so that the limit holds
/// for every source of data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BytesWritten {
    /// The approximate memory size of its events, bytes. Its state is smaller.
    pub events: u64,
    /// Its large values with their lengths. A value that is referenced several times counts once.
    pub values: std::sync::Arc<BTreeMap<Digest, u64>>,
    /// The sum of those lengths.
    pub values_bytes: u64,
}

impl BytesWritten {
    /// The total size, bytes.
    pub fn bytes(&self) -> u64 {
        self.events.saturating_add(self.values_bytes)
    }

    /// Adds one event to the count.
    pub fn add(&mut self, event: &Event) {
        let mut weight = EVENT_BYTES;
        let (values, bytes) = (&mut self.values, &mut self.values_bytes);
        event.each_value(&mut |object| {
            weight = weight.saturating_add(object_bytes(object));
            in_object(object, &mut |Reference { digest, bytes: length }| {
                if !values.contains_key(&digest) {
                    std::sync::Arc::make_mut(values).insert(digest, length);
                    *bytes = bytes.saturating_add(length);
                }
            });
        });
        self.events = self.events.saturating_add(weight);
    }
}

/// The approximate overhead of an event, a value and a member, besides their text.
const EVENT_BYTES: u64 = 256;
const VALUE_BYTES: u64 = 72;
const MEMBER_BYTES: u64 = 48;

/// The approximate memory size of an object.
pub fn object_bytes(object: &Object) -> u64 {
    bytes(vec![object], Vec::new())
}

/// The approximate memory size of a value.
pub fn value_bytes(value: &Value) -> u64 {
    bytes(Vec::new(), vec![value])
}

fn bytes<'a>(mut objects: Vec<&'a Object>, mut values: Vec<&'a Value>) -> u64 {
    let mut bytes: u64 = 0;
    loop {
        let value = match (objects.pop(), values.pop()) {
            (Some(object), value) => {
                values.extend(value);
                let names: u64 = object.keys().map(|name| name.len() as u64 + MEMBER_BYTES).sum();
                bytes = bytes.saturating_add(names);
                values.extend(object.values());
                continue;
            }
            (None, Some(value)) => value,
            (None, None) => return bytes,
        };
        bytes = bytes.saturating_add(VALUE_BYTES);
        match value {
            Value::String(text) => bytes = bytes.saturating_add(text.len() as u64),
            Value::Array(items) => values.extend(items),
            Value::Object(within) => objects.push(within),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(value: &Value) -> Reference {
        let text = value.to_string();
        Reference { digest: Digest::of(&text), bytes: text.len() as u64 }
    }

    #[test]
    fn a_reference_is_read_as_it_was_written_and_nothing_else_is_one() {
        let one = made(&json!("x"));
        assert_eq!(reference(&one.object()), Some(one));
        assert_eq!(Digest::parse(&one.digest.to_string()), Some(one.digest));
        for other in [
            json!({}),
            json!({ MARK: 1 }),
            json!({ MARK: { "digest": "0", "bytes": 1 } }),
            json!({ MARK: { "digest": one.digest.to_string(), "bytes": 1, "href": "" } }),
            json!({ MARK: { "digest": one.digest.to_string().to_uppercase(), "bytes": 1 } }),
        ] {
            assert_eq!(reference(other.as_object().unwrap()), None, "{other}");
        }
    }

    #[test]
    fn a_pointer_that_leads_into_a_large_value_names_it() {
        let one = made(&json!({ "a": 1 }));
        let mut whole = one.object();
        whole.insert("b".to_owned(), json!([{ "c": 2 }]));
        let object = json!({ "here": [1, one.object()], "a/b": { "~": 3 } });
        let object = object.as_object().unwrap();
        assert_eq!(at(object, "/here/0"), Found::Value(&json!(1)));
        assert_eq!(at(object, "/here/1"), Found::Value(&json!(one.object())));
        assert_eq!(at(object, "/here/1/a"), Found::In(one.digest));
        assert_eq!(at(object, "/a~1b/~0"), Found::Value(&json!(3)));
        for nothing in ["here", "/there", "/here/2", "/here/00", "/here/+1", "/here/0/a"] {
            assert_eq!(at(object, nothing), Found::Nothing, "{nothing}");
        }
        assert_eq!(at(&whole, "/b/0/c"), Found::Value(&json!(2)), "what stands beside it is at hand");
        assert_eq!(at(&whole, "/a"), Found::In(one.digest));
    }
}
