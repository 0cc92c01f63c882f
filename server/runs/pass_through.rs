//! Values that a run passes through to the integrations that it calls, such as a customer's credentials. They are
//! sealed under the server key in rows of their own, which are deleted when the run ends. None of them is in the log.
//!
//! AES-256-GCM with a fresh random nonce before the sealed bytes. The key is derived from the server key for this
//! alone. Tenant, run and integration are authenticated data, so that a row that was moved cannot be opened.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use hmac::{Hmac, KeyInit, Mac};
use runyard_engine::RunId;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Error, Runs};
use crate::auth::Secret;
use crate::store::Sealed;

/// The purpose of the derived key, so that nothing else under the server key has the same key.
const PURPOSE: &[u8] = b"runyard pass-through 1\0";

/// Values for every call of one integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassThrough {
    /// The integration, by its id in the configuration.
    pub integration: String,
    /// Names and values of headers; names are in lower case and unique.
    pub headers: Vec<(String, Secret)>,
    /// Names and values of query parameters, unescaped.
    pub query: Vec<(String, Secret)>,
    /// Credentials in the service's own format, as JSON.
    pub values: Option<Secret>,
}

impl PassThrough {
    /// No values yet, for this integration.
    pub fn to(integration: &str) -> Self {
        PassThrough { integration: integration.to_owned(), headers: Vec::new(), query: Vec::new(), values: None }
    }
}

/// The stored format. Rows live as long as their runs: a new field needs a default.
#[derive(Serialize, Deserialize)]
struct OpenedValues {
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<String>,
}

/// Seals and opens under one server key. Cheap to clone.
#[derive(Clone)]
pub(super) struct Seal(Arc<LessSafeKey>);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
        mac.update(PURPOSE);
        let key = UnboundKey::new(&AES_256_GCM, &mac.finalize().into_bytes()).expect("an HMAC-SHA-256 has 32 bytes");
        Seal(Arc::new(LessSafeKey::new(key)))
    }

    /// The rows of a run that is about to start.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub(super) fn seal(&self, tenant: &str, run: RunId, all: &[PassThrough]) -> Result<Vec<Sealed>, Error> {
        all.iter().map(|one| self.seal_one(tenant, run, one)).collect()
    }

    fn seal_one(&self, tenant: &str, run: RunId, one: &PassThrough) -> Result<Sealed, Error> {
        let shown = |pairs: &[(String, Secret)]| {
            pairs.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
        };
        let values = one.values.as_ref().map(|values| values.expose().to_owned());
        let opened = OpenedValues { headers: shown(&one.headers), query: shown(&one.query), values };
        let mut bytes = serde_json::to_vec(&opened).map_err(|_| Error::Unsealed)?;
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| Error::Unsealed)?;
        let bound = Aad::from(bound(tenant, run, &one.integration));
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut bytes)
            .map_err(|_| Error::Unsealed)?;
        Ok(Sealed { name: one.integration.clone(), bytes: [&nonce[..], &bytes].concat() })
    }

    fn open(&self, tenant: &str, run: RunId, sealed: &Sealed) -> Option<PassThrough> {
        let (nonce, bytes) = sealed.bytes.split_at_checked(NONCE_LEN)?;
        let (nonce, mut bytes) = (Nonce::try_assume_unique_for_key(nonce).ok()?, bytes.to_vec());
        let bound = Aad::from(bound(tenant, run, &sealed.name));
        let opened =
            serde_json::from_slice::<OpenedValues>(self.0.open_in_place(nonce, bound, &mut bytes).ok()?).ok()?;
        let secret = |pairs: Vec<(String, String)>| pairs.into_iter().map(|(name, value)| (name, Secret::new(value)));
        Some(PassThrough {
            integration: sealed.name.clone(),
            headers: secret(opened.headers).collect(),
            query: secret(opened.query).collect(),
            values: opened.values.map(Secret::new),
        })
    }
}

/// The authenticated data of a sealed row. The lengths keep two different rows from having the same.
fn bound(tenant: &str, run: RunId, integration: &str) -> Vec<u8> {
    let mut bound = Vec::new();
    for part in [tenant.as_bytes(), run.uuid().as_bytes(), integration.as_bytes()] {
        bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bound.extend_from_slice(part);
    }
    bound
}

impl Runs {
    /// What a run passes through to an integration, while the run lives.
    ///
    /// # Errors
    /// [`Error::Unsealed`] for values that were sealed under another server key, and the store's errors.
    pub async fn passed_through(
        &self,
        tenant: &str,
        run: RunId,
        integration: &str,
    ) -> Result<Option<PassThrough>, Error> {
        match self.store.sealed(tenant, run, integration).await? {
            Some(sealed) => Ok(Some(self.seal.open(tenant, run, &sealed).ok_or(Error::Unsealed)?)),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId::from_uuid(uuid::Uuid::from_u128(7));

    fn passed() -> PassThrough {
        PassThrough {
            headers: vec![("authorization".to_owned(), Secret::new("Bearer hunter2"))],
            query: vec![("key".to_owned(), Secret::new("s3cret"))],
            values: Some(Secret::new("{\"roleArn\":\"deep\"}")),
            ..PassThrough::to("helpdesk")
        }
    }

    #[test]
    fn a_sealed_value_is_opened_only_for_its_own_run_and_integration() {
        let seal = Seal::new(&[1; 32]);
        let sealed = seal.seal("acme", RUN, &[passed()]).unwrap().remove(0);
        assert_eq!(seal.open("acme", RUN, &sealed), Some(passed()));
        let other_run = RunId::from_uuid(uuid::Uuid::from_u128(8));
        assert_eq!(seal.open("acme", other_run, &sealed), None);
        assert_eq!(seal.open("other", RUN, &sealed), None);
        assert_eq!(seal.open("acme", RUN, &Sealed { name: "crm".to_owned(), ..sealed.clone() }), None);
        assert_eq!(Seal::new(&[2; 32]).open("acme", RUN, &sealed), None);
        for cut in 0..sealed.bytes.len() {
            let cut = Sealed { bytes: sealed.bytes[..cut].to_vec(), ..sealed.clone() };
            assert_eq!(seal.open("acme", RUN, &cut), None);
        }
        for text in ["hunter2", "s3cret", "deep"] {
            assert!(!sealed.bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
            assert!(!format!("{:?} {seal:?}", passed()).contains(text), "{text}");
        }
    }

    #[test]
    fn the_same_is_sealed_differently_every_time() {
        let seal = Seal::new(&[1; 32]);
        let twice = [passed(), passed()].map(|one| seal.seal("acme", RUN, &[one]).unwrap().remove(0).bytes);
        assert_ne!(twice[0], twice[1]);
    }
}
