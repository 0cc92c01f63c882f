//! A provider's keys (JWK Set, RFC 7517): those that can verify tokens, and the algorithms of each.
//!
//! The key's type determines its algorithms, not the token's header: an RSA key never checks an HMAC, a P-256 key only
//! ES256. Keys with a shared secret are never taken from a set, which is public. A key that cannot be used is ignored
//! and harms no other.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// More keys than any provider has at once. The others are ignored.
const KEYS_MAX: usize = 100;

const RSA: &[Algorithm] =
    &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

/// The keys of a provider that can verify tokens.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<SigningKey>,
}

#[derive(Debug)]
struct SigningKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The result of a lookup.
#[derive(Debug)]
pub(super) enum KeyMatch<'a> {
    /// These may have signed the token: one, unless the token names none or several have its name.
    Keys(Vec<&'a DecodingKey>),
    /// No key of that name.
    Unknown,
    /// A key of that name, for other algorithms.
    Mismatch,
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it: not a set, or no key in it can be used.
    pub(super) fn read(json: &[u8]) -> Result<Self, &'static str> {
        let set: Value = serde_json::from_slice(json).map_err(|_| "its keys are not JSON")?;
        let listed = set["keys"].as_array().ok_or("its keys are not a JWK Set")?;
        let keys: Vec<SigningKey> = listed.iter().take(KEYS_MAX).filter_map(signing_key).collect();
        if keys.is_empty() { Err("none of its keys can check a signature") } else { Ok(Self { keys }) }
    }

    /// Whether the set has the key that a token names. A token that names none can always be checked.
    pub(super) fn knows(&self, id: Option<&str>) -> bool {
        id.is_none_or(|id| self.keys.iter().any(|key| key.id.as_deref() == Some(id)))
    }

    /// The keys for a token with this key name and this algorithm.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> KeyMatch<'_> {
        if !self.knows(id) {
            return KeyMatch::Unknown;
        }
        let named = self.keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id);
        let fitting: Vec<_> = named.filter(|key| key.algorithms.contains(&algorithm)).map(|key| &key.key).collect();
        if fitting.is_empty() { KeyMatch::Mismatch } else { KeyMatch::Keys(fitting) }
    }
}

fn signing_key(value: &Value) -> Option<SigningKey> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let for_signatures = jwk.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature)
        && jwk.common.key_operations.as_ref().is_none_or(|listed| listed.contains(&KeyOperations::Verify));
    let by_kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => RSA,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[Algorithm::ES256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => &[Algorithm::ES384],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        _ => return None,
    };
    let algorithms: Vec<Algorithm> = match jwk.common.key_algorithm {
        Some(own) => Algorithm::try_from(own).ok().into_iter().filter(|own| by_kind.contains(own)).collect(),
        None => by_kind.to_vec(),
    };
    let usable = for_signatures && !algorithms.is_empty();
    let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| usable)?;
    Some(SigningKey { id: jwk.common.key_id, algorithms, key })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(keys: &Value) -> Result<KeySet, &'static str> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn rsa(id: &str) -> Value {
        json!({ "kty": "RSA", "kid": id, "n": "AQAB", "e": "AQAB" })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn ec(id: &str, curve: &str) -> Value {
        json!({ "kty": "EC", "kid": id, "crv": curve, "x": "AQAB", "y": "AQAB" })
    }

    #[test]
    fn a_key_is_for_the_algorithms_of_its_type() {
        let ed = json!({ "kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": "AQAB" });
        let bound = with(rsa("bound"), "alg", json!("PS256"));
        let set = read(&json!([rsa("rsa"), bound, ec("p256", "P-256"), ec("p384", "P-384"), ed])).unwrap();
        let all =
            [RSA, &[Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::HS256, Algorithm::HS512]].concat();
        for (id, wanted) in [
            ("rsa", RSA),
            ("bound", &[Algorithm::PS256]),
            ("p256", &[Algorithm::ES256]),
            ("p384", &[Algorithm::ES384]),
            ("ed", &[Algorithm::EdDSA]),
        ] {
            for algorithm in &all {
                let fits = matches!(set.find(Some(id), *algorithm), KeyMatch::Keys(keys) if keys.len() == 1);
                assert_eq!(fits, wanted.contains(algorithm), "{id} {algorithm:?}");
            }
        }
        assert!(matches!(set.find(Some("other"), Algorithm::RS256), KeyMatch::Unknown));
        assert!(matches!(set.find(Some("rsa"), Algorithm::ES256), KeyMatch::Mismatch));
        assert!(matches!(set.find(None, Algorithm::PS256), KeyMatch::Keys(keys) if keys.len() == 2));
        assert!(matches!(set.find(None, Algorithm::HS256), KeyMatch::Mismatch));
    }

    #[test]
    fn a_key_that_cannot_verify_a_signature_is_ignored() {
        let useless = json!([
            { "kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256" },
            with(rsa("encrypts"), "use", json!("enc")),
            with(rsa("signs"), "key_ops", json!(["sign"])),
            with(rsa("odd"), "alg", json!("RSA-OAEP")),
            with(rsa("new"), "alg", json!("ML-DSA-65")),
            with(rsa("liar"), "alg", json!("HS256")),
            with(ec("crossed", "P-256"), "alg", json!("ES384")),
            ec("large", "P-521"),
            { "kty": "OKP", "kid": "x", "crv": "X25519", "x": "AQAB" },
            { "kty": "RSA", "kid": "half", "n": "AQAB" },
            { "kty": "RSA", "kid": "rubbish", "n": "!", "e": "AQAB" },
            { "kty": 7 },
            "text",
            null,
        ]);
        assert_eq!(read(&useless).unwrap_err(), "none of its keys can check a signature");
        let mut listed = useless.as_array().unwrap().clone();
        listed.push(with(with(rsa("good"), "use", json!("sig")), "key_ops", json!(["verify"])));
        let set = read(&json!(listed)).unwrap();
        assert!(matches!(set.find(Some("good"), Algorithm::RS256), KeyMatch::Keys(_)));
        for gone in ["shared", "encrypts", "signs", "odd", "new", "liar", "crossed", "large", "x", "half", "rubbish"] {
            assert!(!set.knows(Some(gone)), "{gone}");
        }
    }

    #[test]
    fn an_invalid_set_is_reported() {
        for (text, said) in [
            ("", "not JSON"),
            ("<html>", "not JSON"),
            ("[]", "not a JWK Set"),
            ("{\"keys\":{}}", "not a JWK Set"),
            ("{\"keys\":[]}", "none of its keys"),
        ] {
            assert!(KeySet::read(text.as_bytes()).unwrap_err().contains(said), "{text}");
        }
        let many: Vec<Value> = (0..KEYS_MAX + 5).map(|number| rsa(&number.to_string())).collect();
        assert_eq!(read(&json!(many)).unwrap().keys.len(), KEYS_MAX);
    }
}
