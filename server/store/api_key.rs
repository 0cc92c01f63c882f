//! API keys at rest: what is kept of one, and the trait [`KeyStore`]. Who checks credentials sees this and no runs.
//!
//! The secret half of a key is never here, only its SHA-256: it is 32 random bytes, so that there is nothing to guess and a slow
//! hash would protect nothing. Making and checking keys is `auth/keys.rs`.

use std::fmt;

use async_trait::async_trait;

use super::{StoreError, Tenant};

/// Where API keys are kept. Implemented by every store, beside [`Store`](super::Store).
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Keeps a new key. When this returns `Ok`, it has survived a power cut. An id that is taken is an error.
    async fn add_api_key(&self, key: ApiKey) -> Result<(), StoreError>;

    /// The key with this id, whosever it is: that is what the caller wants to know.
    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError>;

    /// Keys of a tenant, or of all, by tenant, time of creation and id; after the key with the given id. Nothing where that
    /// one is not known.
    async fn api_keys(
        &self,
        tenant: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ApiKey>, StoreError>;

    /// Ends a key of a tenant, or of any. One that has been revoked keeps its first time. `None`: there is no such key.
    async fn revoke_api_key(&self, tenant: Option<&str>, id: &str, at_ms: i64) -> Result<Option<ApiKey>, StoreError>;
}

/// What is kept of a key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public half: names the key, proves nothing. Unique over all tenants.
    pub id: String,
    /// Whose data it opens.
    pub tenant: Tenant,
    /// What its maker calls it.
    pub name: Option<String>,
    /// SHA-256 of the secret half.
    pub secret_sha256: [u8; 32],
    /// What it may do, in words without spaces.
    pub scopes: Vec<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// From when on it is not taken any more, Unix milliseconds. Absent: never.
    pub expires_at_ms: Option<i64>,
    /// When it was ended, Unix milliseconds.
    pub revoked_at_ms: Option<i64>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // All but the hash.
        f.debug_struct("ApiKey").field("id", &self.id).field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
