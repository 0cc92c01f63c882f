//! Distinguishes a repeated request from a different one: HMAC-SHA-256 under the server key over the validated body
//! with sorted keys. It is keyed so that a store does not reveal requests that can be guessed.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// Makes fingerprints under one server key.
#[derive(Clone)]
pub(super) struct Fingerprints(Hmac<Sha256>);

impl Fingerprints {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// The fingerprint of a body. Two bodies that differ only in the order of keys have the same.
    pub(super) fn of(&self, body: &Value) -> Vec<u8> {
        let mut mac = self.0.clone();
        feed(&mut mac, body);
        mac.finalize().into_bytes().to_vec()
    }
}

/// Every value is preceded by its kind and its length, so that no two bodies have the same input.
fn feed(mac: &mut Hmac<Sha256>, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut members: Vec<(&String, &Value)> = object.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            length(mac, b"o", members.len());
            for (key, value) in members {
                length(mac, b"k", key.len());
                mac.update(key.as_bytes());
                feed(mac, value);
            }
        }
        Value::Array(items) => {
            length(mac, b"a", items.len());
            for item in items {
                feed(mac, item);
            }
        }
        Value::String(text) => {
            length(mac, b"s", text.len());
            mac.update(text.as_bytes());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => mac.update(format!("v{value};").as_bytes()),
    }
}

/// A kind, a decimal number and a colon.
fn length(mac: &mut Hmac<Sha256>, kind: &[u8; 1], length: usize) {
    mac.update(kind);
    mac.update(itoa::Buffer::new().format(length).as_bytes());
    mac.update(b":");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fingerprints_are_those_of_existing_stores() {
        let body = json!({"b": [1.5, null, "x".repeat(12)], "a": {}});
        let mut mac = Fingerprints::new(&[7; 32]).0;
        mac.update(b"o2:k1:ao0:k1:ba3:v1.5;vnull;s12:xxxxxxxxxxxx");
        assert_eq!(Fingerprints::new(&[7; 32]).of(&body), mac.finalize().into_bytes().to_vec());
    }

    #[test]
    fn the_order_of_keys_does_not_matter_and_everything_else_does() {
        let prints = Fingerprints::new(&[7; 32]);
        let first = prints.of(&json!({"a": 1, "b": {"c": [1, 2]}}));
        assert_eq!(first, prints.of(&json!({"b": {"c": [1, 2]}, "a": 1})));
        for other in [json!({"a": 1, "b": {"c": [2, 1]}}), json!({"a": "1", "b": {"c": [1, 2]}}), json!({"a": 1})] {
            assert_ne!(first, prints.of(&other), "{other}");
        }
        assert_ne!(first, Fingerprints::new(&[8; 32]).of(&json!({"a": 1, "b": {"c": [1, 2]}})));
    }
}
