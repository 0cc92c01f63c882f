//! Telling a repeated request from another one: HMAC-SHA-256 under the server key over the validated body with sorted keys. Under
//! a key, so that a store does not give away guessable requests.

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

/// Every value is preceded by its kind and its length, so that no two bodies read the same.
fn feed(mac: &mut Hmac<Sha256>, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort();
            mac.update(format!("o{}:", keys.len()).as_bytes());
            for key in keys {
                mac.update(format!("k{}:{key}", key.len()).as_bytes());
                feed(mac, &object[key]);
            }
        }
        Value::Array(items) => {
            mac.update(format!("a{}:", items.len()).as_bytes());
            for item in items {
                feed(mac, item);
            }
        }
        Value::String(text) => mac.update(format!("s{}:{text}", text.len()).as_bytes()),
        Value::Null | Value::Bool(_) | Value::Number(_) => mac.update(format!("v{value};").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
