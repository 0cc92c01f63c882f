//! A store that works, or fails in the way that it is told.

use std::sync::Mutex;

use async_trait::async_trait;
use runyard::store::api_key::{ApiKey, KeyStore};
use runyard::store::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow};
use runyard::store::memory::Memory;
use runyard::store::object::{Change, Object, ObjectCursor, ObjectError, ObjectStore};
use runyard::store::{
    Append, Claimed, Committed, Cursor, Epoch, Filter, KeyUse, RunRow, Sealed, Status, Store, StoreError,
};
use runyard_engine::large::Digest;
use runyard_engine::{ApprovalId, EffectId, NodeRunId, Position, Recorded, RunId};
use uuid::Uuid;

/// What the store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What it should.
    Works,
    /// Asks everyone to come again.
    Busy,
    /// Has no disk any more.
    Fails,
    /// Finds rubbish in every log.
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

#[async_trait]
impl Store for Trouble {
    async fn commit(&self, appends: Vec<Append>) -> Vec<Result<Committed, StoreError>> {
        match self.works() {
            Ok(store) => store.commit(appends).await,
            Err(_) => appends.iter().map(|_| Err(self.works().err().unwrap())).collect(),
        }
    }

    async fn log(&self, tenant: &str, run: RunId, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.works()?.log(tenant, run, after, limit).await
    }

    async fn row(&self, tenant: &str, run: RunId) -> Result<Option<RunRow>, StoreError> {
        self.works()?.row(tenant, run).await
    }

    async fn named(&self, tenant: &str, name: &str) -> Result<Option<RunId>, StoreError> {
        self.works()?.named(tenant, name).await
    }

    async fn run_of(&self, tenant: &str, node_run: NodeRunId) -> Result<Option<RunId>, StoreError> {
        self.works()?.run_of(tenant, node_run).await
    }

    async fn value(&self, tenant: &str, run: RunId, digest: Digest) -> Result<Option<String>, StoreError> {
        self.works()?.value(tenant, run, digest).await
    }

    async fn sealed(&self, tenant: &str, run: RunId, name: &str) -> Result<Option<Sealed>, StoreError> {
        self.works()?.sealed(tenant, run, name).await
    }

    async fn keyed(&self, tenant: &str, scope: &str, key: &str) -> Result<Option<KeyUse>, StoreError> {
        self.works()?.keyed(tenant, scope, key).await
    }

    async fn list(
        &self,
        tenant: &str,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.works()?.list(tenant, filter, after, limit).await
    }

    async fn approval(&self, tenant: &str, approval: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        self.works()?.approval(tenant, approval).await
    }

    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        after: Option<ApprovalCursor>,
        limit: usize,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        self.works()?.approvals(tenant, filter, after, limit).await
    }

    async fn page(
        &self,
        tenant: &str,
        filter: &Filter,
        skipped: usize,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.works()?.page(tenant, filter, skipped, limit).await
    }

    async fn turns(
        &self,
        tenant: &str,
        thread: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.works()?.turns(tenant, thread, before, limit).await
    }

    async fn counts(&self, tenant: &str) -> Result<Vec<(Status, u64)>, StoreError> {
        self.works()?.counts(tenant).await
    }

    async fn claim(&self, claimer: &str, now_ms: i64, lease_ms: i64, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        self.works()?.claim(claimer, now_ms, lease_ms, limit).await
    }

    async fn claim_timers(
        &self,
        claimer: &str,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.works()?.claim_timers(claimer, now_ms, lease_ms, limit).await
    }

    async fn renew(&self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Result<Vec<EffectId>, StoreError> {
        self.works()?.renew(held, lease_until_ms).await
    }

    async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        self.works()?.next_due().await
    }

    async fn next_timer_due(&self) -> Result<Option<i64>, StoreError> {
        self.works()?.next_timer_due().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.works()?.ping().await
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
