//! A store that works, or fails in the way that a test sets.

use std::sync::Mutex;

use async_trait::async_trait;
use runyard::store::api_key::{ApiKey, KeyStore};
use runyard::store::layer::Layer;
use runyard::store::memory::Memory;
use runyard::store::object::{Change, Object, ObjectCursor, ObjectError, ObjectStore};
use runyard::store::{Store, StoreError};
use runyard_engine::RunId;
use uuid::Uuid;

/// The behaviour of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Works.
    Works,
    /// Answers every caller that it is busy.
    Busy,
    /// Its disk has failed.
    Fails,
    /// Every log is damaged.
    Corrupt,
}

/// The store.
pub struct Trouble {
    store: Memory,
    mode: Mutex<Mode>,
}

impl Trouble {
    pub fn new() -> Self {
        Trouble { store: Memory::new(), mode: Mutex::new(Mode::Works) }
    }

    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn works(&self) -> Result<&Memory, StoreError> {
        match *self.mode.lock().unwrap() {
            Mode::Works => Ok(&self.store),
            Mode::Busy => Err(StoreError::Busy("a test said so".into())),
            Mode::Fails => Err(StoreError::Failed("a test said so".into())),
            Mode::Corrupt => {
                Err(StoreError::Corrupt { run: RunId::from_uuid(Uuid::nil()), reason: "a test said so".to_owned() })
            }
        }
    }
}

impl Layer for Trouble {
    fn behind(&self) -> Result<&dyn Store, StoreError> {
        Ok(self.works()?)
    }
}

#[async_trait]
impl KeyStore for Trouble {
    async fn add_api_key(&self, key: ApiKey) -> Result<(), StoreError> {
        self.works()?.add_api_key(key).await
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        self.works()?.api_key(id).await
    }

    async fn api_keys(
        &self,
        tenant: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ApiKey>, StoreError> {
        self.works()?.api_keys(tenant, after, limit).await
    }

    async fn revoke_api_key(&self, tenant: Option<&str>, id: &str, at_ms: i64) -> Result<Option<ApiKey>, StoreError> {
        self.works()?.revoke_api_key(tenant, id, at_ms).await
    }
}

#[async_trait]
impl ObjectStore for Trouble {
    async fn change_objects(&self, tenant: &str, changes: Vec<Change>) -> Result<Vec<Object>, ObjectError> {
        self.works()?.change_objects(tenant, changes).await
    }

    async fn object(&self, tenant: &str, kind: &str, id: &str) -> Result<Option<Object>, StoreError> {
        self.works()?.object(tenant, kind, id).await
    }

    async fn object_named(&self, tenant: &str, kind: &str, name: &str) -> Result<Option<Object>, StoreError> {
        self.works()?.object_named(tenant, kind, name).await
    }

    async fn objects(
        &self,
        tenant: &str,
        kind: &str,
        parent: Option<&str>,
        after: Option<&ObjectCursor>,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError> {
        self.works()?.objects(tenant, kind, parent, after, limit).await
    }
}
