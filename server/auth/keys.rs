//! API keys: `ry_`, a public half that identifies the key, `_`, and a secret half of 32 random bytes, both in
//! hexadecimal digits.
//!
//! A key is shown once, when it is created; the SHA-256 of its secret half is stored. A valid key is cached for a
//! short time, so that a busy caller costs no read. A key that is revoked through this server is removed from the
//! cache at once; if another server shares the store, it is accepted there until the cache entry expires.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;

use super::refused::Refused;
use super::secret::random_hex;
use super::{Scope, Secret};
use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::api_key::{ApiKey, KeyStore};

/// The prefix of every key, which distinguishes it from a token, and makes leaked keys easy to find.
const PREFIX: &str = "ry_";

/// Bytes of the public half.
const ID_BYTES: usize = 8;

/// The most cached keys.
const CACHED_MAX: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// How long a key is cached, milliseconds.
const CACHED_MS: i64 = 10_000;

/// The `Retry-After` if the store does not answer.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// A key to create.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The tenant whose data it opens.
    pub tenant: String,
    /// The name that its creator gives it.
    pub name: Option<String>,
    /// Its scopes.
    pub scopes: Vec<Scope>,
    /// When it expires, Unix milliseconds. Absent: never.
    pub expires_at_ms: Option<i64>,
}

/// A created key, with the text that is shown this once.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// The stored part.
    pub key: ApiKey,
    /// The whole key.
    pub secret: Secret,
}

/// All keys of a server. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    store: Arc<dyn KeyStore>,
    clock: Clock,
    remembered: Arc<Mutex<KeyCache>>,
}

struct KeyCache {
    keys: LruCache<String, (Arc<ApiKey>, i64)>,
    /// Counts revocations: a key that was read before one is not cached after it.
    revocations: u64,
}

impl Keys {
    /// The keys in this store.
    pub fn new(store: Arc<dyn KeyStore>, clock: Clock) -> Self {
        let remembered = KeyCache { keys: LruCache::new(CACHED_MAX), revocations: 0 };
        Self { store, clock, remembered: Arc::new(Mutex::new(remembered)) }
    }

    /// Creates a key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn create(&self, new: NewKey) -> Result<CreatedKey, StoreError> {
        let no_randomness = |reason: String| StoreError::Failed(reason.into());
        let (id, secret) = (random_hex::<ID_BYTES>().map_err(no_randomness)?, Secret::random().map_err(no_randomness)?);
        let mut scopes = new.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let key = ApiKey {
            id,
            tenant: new.tenant,
            name: new.name,
            secret_sha256: secret.sha256(),
            scopes: scopes.into_iter().map(|scope| scope.word().to_owned()).collect(),
            created_at_ms: self.clock.now_ms(),
            expires_at_ms: new.expires_at_ms,
            revoked_at_ms: None,
        };
        self.store.add_api_key(key.clone()).await?;
        let secret = Secret::new(format!("{PREFIX}{}_{}", key.id, secret.expose()));
        Ok(CreatedKey { key, secret })
    }

    /// Keys of a tenant, or of all, after the key with this id.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(
        &self,
        tenant: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ApiKey>, StoreError> {
        self.store.api_keys(tenant, after, limit).await
    }

    /// A key of a tenant, or of any.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn get(&self, tenant: Option<&str>, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let found = self.store.api_key(id).await?;
        Ok(found.filter(|key| tenant.is_none_or(|tenant| key.tenant == tenant)))
    }

    /// Revokes a key of a tenant, or of any. It is refused as soon as this returns.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn revoke(&self, tenant: Option<&str>, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let revoked = self.store.revoke_api_key(tenant, id, self.clock.now_ms()).await?;
        let mut remembered = self.remembered();
        remembered.revocations += 1;
        remembered.keys.pop(id);
        Ok(revoked)
    }

    /// The clock for expiry.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether the text looks like a key.
    pub(super) fn is_one(shown: &Secret) -> bool {
        shown.expose().starts_with(PREFIX)
    }

    /// The key, if it is valid now.
    pub(super) async fn check(&self, shown: &Secret) -> Result<Arc<ApiKey>, Refused> {
        let (id, secret) = halves(shown).ok_or(Refused::KeyUnknown)?;
        let key = self.find(id).await?.ok_or(Refused::KeyUnknown)?;
        // Before anything else is revealed: a caller with only the public half learns nothing.
        if !secret.has(&key.secret_sha256) {
            return Err(Refused::KeyUnknown);
        }
        if key.revoked_at_ms.is_some() {
            return Err(Refused::KeyRevoked);
        }
        if key.expires_at_ms.is_some_and(|at_ms| at_ms <= self.clock.now_ms()) {
            return Err(Refused::KeyExpired);
        }
        Ok(key)
    }

    async fn find(&self, id: &str) -> Result<Option<Arc<ApiKey>>, Refused> {
        let now_ms = self.clock.now_ms();
        let revocations = {
            let mut remembered = self.remembered();
            match remembered.keys.get(id) {
                Some((key, until_ms)) if now_ms < *until_ms => return Ok(Some(Arc::clone(key))),
                _ => remembered.revocations,
            }
        };
        let found = self.store.api_key(id).await.map_err(|error| {
            tracing::warn!(%error, cause = ?error, "an API key could not be looked up");
            Refused::Unavailable { reason: "the store did not answer; try again", after: STORE_AGAIN }
        })?;
        let found = found.map(Arc::new);
        if let Some(key) = &found {
            let mut remembered = self.remembered();
            if remembered.revocations == revocations {
                remembered.keys.put(id.to_owned(), (Arc::clone(key), now_ms.saturating_add(CACHED_MS)));
            }
        }
        Ok(found)
    }

    fn remembered(&self) -> MutexGuard<'_, KeyCache> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The public and the secret half.
fn halves(shown: &Secret) -> Option<(&str, Secret)> {
    let (id, secret) = shown.expose().strip_prefix(PREFIX)?.split_once('_')?;
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let sound = id.len() == 2 * ID_BYTES && secret.len() == 64 && is_hex(id) && is_hex(secret);
    sound.then(|| (id, Secret::new(secret)))
}

#[cfg(test)]
mod tests;
