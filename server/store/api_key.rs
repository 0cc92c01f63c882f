//! Stored API keys, and the trait [`KeyStore`]. Code that checks credentials needs this trait and no access to runs.
//!
//! Only the SHA-256 of a key's secret half is stored. The secret is 32 random bytes that cannot be guessed, so a slow
//! hash would add nothing. `auth/keys.rs` creates and checks keys.

use std::fmt;

use async_trait::async_trait;

use super::error::StoreError;
use super::records::Tenant;

/// Storage of API keys. Every store implements it, beside [`Store`](super::Store).
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Stores a new key durably: after `Ok` it survives a power cut. An id that is taken is an error.
    async fn add_api_key(&self, key: ApiKey) -> Result<(), StoreError>;

    /// The key with this id, of any tenant: the caller looks up the tenant by the key.
    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError>;

    /// Keys of one tenant or of all, sorted by tenant, time of creation and id, after the key with the given id. Empty
    /// if that key does not exist.
    async fn api_keys(
        &self,
        tenant: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ApiKey>, StoreError>;

    /// Revokes a key of a tenant, or of any. Revoking it again does not change the time. `None`: there is no such key.
    async fn revoke_api_key(&self, tenant: Option<&str>, id: &str, at_ms: i64) -> Result<Option<ApiKey>, StoreError>;
}

/// A stored API key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public half: it identifies the key and proves nothing. Unique over all tenants.
    pub id: String,
    /// The tenant whose data the key gives access to.
    pub tenant: Tenant,
    /// The display name that its creator chose.
    pub name: Option<String>,
    /// SHA-256 of the secret half.
    pub secret_sha256: [u8; 32],
    /// The key's permissions, in words without spaces.
    pub scopes: Vec<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// When the key expires, Unix milliseconds. Absent: never.
    pub expires_at_ms: Option<i64>,
    /// When the key was revoked, Unix milliseconds.
    pub revoked_at_ms: Option<i64>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The hash is left out.
        f.debug_struct("ApiKey").field("id", &self.id).field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
