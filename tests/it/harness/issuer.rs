//! Keys that the tests generate, and the tokens that they sign.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use runyard::clock::Clock;
use serde_json::{Value, json};

/// Every algorithm that the server can verify.
pub const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Bytes before the key itself in the PKCS #8 form of an RSA key of 2048 bits.
const PKCS8_HEAD_BYTES: usize = 26;

/// An issuer that signs tokens with one key.
pub struct Issuer {
    pub name: String,
    pub key_id: String,
    pub algorithm: Algorithm,
    key: EncodingKey,
}

/// One encoded part of a token.
pub fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Generating an RSA key takes long, so all tests share two.
fn rsa(number: usize) -> EncodingKey {
    static KEYS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let made = |_| {
            let key = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
            key.as_der().unwrap().as_ref()[PKCS8_HEAD_BYTES..].to_vec()
        };
        (0..2).map(made).collect()
    });
    EncodingKey::from_rsa_der(&keys[number])
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm) -> EncodingKey {
    let key = EcdsaKeyPair::generate(algorithm).unwrap();
    EncodingKey::from_ec_der(key.to_pkcs8v1().unwrap().as_ref())
}

impl Issuer {
    /// An issuer with this name and this key id.
    pub fn new(name: &str, key_id: &str, algorithm: Algorithm) -> Self {
        let key = match algorithm {
            Algorithm::ES256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::EdDSA => {
                EncodingKey::from_ed_der(Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref())
            }
            _ => rsa(0),
        };
        Issuer { name: name.to_owned(), key_id: key_id.to_owned(), algorithm, key }
    }

    /// The same name and key id with another RSA key: an impostor.
    pub fn impostor(&self) -> Self {
        Issuer { name: self.name.clone(), key_id: self.key_id.clone(), algorithm: self.algorithm, key: rsa(1) }
    }

    /// The public key as a provider publishes it.
    pub fn public(&self) -> Value {
        let mut jwk = json!(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap());
        jwk["kid"] = json!(self.key_id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// Claims of a valid token: for this audience, for an hour.
    pub fn claims(&self, audience: &str) -> Value {
        let now = Clock::system().now_ms() / 1000;
        json!({ "iss": self.name, "aud": audience, "sub": "ada@example.org", "iat": now, "nbf": now, "exp": now + 3600 })
    }

    pub fn header(&self) -> Value {
        json!({ "typ": "JWT", "alg": format!("{:?}", self.algorithm), "kid": self.key_id })
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.signed(&self.header(), claims)
    }

    /// A token with any header, signed with the issuer's own algorithm.
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let signature = crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}
