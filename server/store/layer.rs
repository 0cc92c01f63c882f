//! A store that wraps another store, for tests and for measurements. It forwards every call that the layer does not
//! override.

use async_trait::async_trait;
use runyard_engine::large::Digest;
use runyard_engine::{ApprovalId, EffectId, NodeRunId, Position, Recorded, RunId};

use crate::api_key::{ApiKey, KeyStore};
use crate::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow};
use crate::object::{Change, Object, ObjectCursor, ObjectError, ObjectStore};
use crate::retention::{Removal, Retention};
use crate::{
    Append, Backend, Claimed, Claims, Committed, Cursor, Epoch, Filter, KeyUse, LogPart, RunRow, Sealed, Status, Store,
    StoreError, Tenant,
};

/// A store that wraps another. Its default methods forward to the inner store.
#[async_trait]
pub trait Layer: Send + Sync + 'static {
    /// The inner store.
    ///
    /// # Errors
    /// The error that every call returns if there is no inner store.
    fn behind(&self) -> Result<&dyn Backend, StoreError>;

    /// [`Store::commit`].
    async fn on_commit(&self, appends: Vec<Append>) -> Vec<Result<Committed, StoreError>> {
        commit_behind(self.behind(), || self.behind().err(), appends).await
    }

    /// [`Store::log`].
    async fn on_log(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.behind()?.log(tenant, run, after, limit).await
    }

    /// [`Claims::claim`].
    async fn on_claim(
        &self,
        claimer: &str,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.behind()?.claim(claimer, now_ms, lease_ms, limit).await
    }
}

/// Commits to the inner store, or returns the error for every entry if there is none.
async fn commit_behind(
    behind: Result<&dyn Backend, StoreError>,
    why: impl Fn() -> Option<StoreError>,
    appends: Vec<Append>,
) -> Vec<Result<Committed, StoreError>> {
    match behind {
        Ok(store) => store.commit(appends).await,
        Err(_) => appends.iter().filter_map(|_| why()).map(Err).collect(),
    }
}

#[async_trait]
impl<L: Layer> Claims for L {
    async fn claim(&self, claimer: &str, now_ms: i64, lease_ms: i64, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        self.on_claim(claimer, now_ms, lease_ms, limit).await
    }

    async fn claim_timers(
        &self,
        claimer: &str,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.behind()?.claim_timers(claimer, now_ms, lease_ms, limit).await
    }

    async fn renew(&self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Result<Vec<EffectId>, StoreError> {
        self.behind()?.renew(held, lease_until_ms).await
    }

    async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        self.behind()?.next_due().await
    }

    async fn next_timer_due(&self) -> Result<Option<i64>, StoreError> {
        self.behind()?.next_timer_due().await
    }
}

#[async_trait]
impl<L: Layer> Store for L {
    async fn commit(&self, appends: Vec<Append>) -> Vec<Result<Committed, StoreError>> {
        self.on_commit(appends).await
    }

    async fn log(&self, tenant: &str, run: RunId, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.on_log(tenant, run, after, limit).await
    }

    async fn log_part(
        &self,
        tenant: &str,
        run: RunId,
        after: Position,
        (limit, bytes): (usize, usize),
    ) -> Result<LogPart, StoreError> {
        // Call `log`, so that a layer that overrides it sees the call.
        let _ = bytes;
        let events = self.on_log(tenant, run, after, limit).await?;
        Ok(LogPart { more: events.len() == limit, events })
    }

    async fn row(&self, tenant: &str, run: RunId) -> Result<Option<RunRow>, StoreError> {
        self.behind()?.row(tenant, run).await
    }

    async fn versions(&self, runs: &[(Tenant, RunId)]) -> Result<Vec<Position>, StoreError> {
        self.behind()?.versions(runs).await
    }

    async fn named(&self, tenant: &str, name: &str) -> Result<Option<RunId>, StoreError> {
        self.behind()?.named(tenant, name).await
    }

    async fn run_of(&self, tenant: &str, node_run: NodeRunId) -> Result<Option<RunId>, StoreError> {
        self.behind()?.run_of(tenant, node_run).await
    }

    async fn keyed(&self, tenant: &str, scope: &str, key: &str) -> Result<Option<KeyUse>, StoreError> {
        self.behind()?.keyed(tenant, scope, key).await
    }

    async fn list(
        &self,
        tenant: &str,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.behind()?.list(tenant, filter, after, limit).await
    }

    async fn approval(&self, tenant: &str, approval: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        self.behind()?.approval(tenant, approval).await
    }

    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        after: Option<ApprovalCursor>,
        limit: usize,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        self.behind()?.approvals(tenant, filter, after, limit).await
    }

    async fn page(
        &self,
        tenant: &str,
        filter: &Filter,
        skipped: usize,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.behind()?.page(tenant, filter, skipped, limit).await
    }

    async fn value(&self, tenant: &str, run: RunId, digest: Digest) -> Result<Option<String>, StoreError> {
        self.behind()?.value(tenant, run, digest).await
    }

    async fn sealed(&self, tenant: &str, run: RunId, name: &str) -> Result<Option<Sealed>, StoreError> {
        self.behind()?.sealed(tenant, run, name).await
    }

    async fn turns(
        &self,
        tenant: &str,
        thread: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.behind()?.turns(tenant, thread, before, limit).await
    }

    async fn counts(&self, tenant: &str) -> Result<Vec<(Status, u64)>, StoreError> {
        self.behind()?.counts(tenant).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.behind()?.ping().await
    }
}

#[async_trait]
impl<L: Layer> KeyStore for L {
    async fn add_api_key(&self, key: ApiKey) -> Result<(), StoreError> {
        self.behind()?.add_api_key(key).await
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        self.behind()?.api_key(id).await
    }

    async fn api_keys(
        &self,
        tenant: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ApiKey>, StoreError> {
        self.behind()?.api_keys(tenant, after, limit).await
    }

    async fn revoke_api_key(&self, tenant: Option<&str>, id: &str, at_ms: i64) -> Result<Option<ApiKey>, StoreError> {
        self.behind()?.revoke_api_key(tenant, id, at_ms).await
    }
}

#[async_trait]
impl<L: Layer> ObjectStore for L {
    async fn change_objects(&self, tenant: &str, changes: Vec<Change>) -> Result<Vec<Object>, ObjectError> {
        self.behind()?.change_objects(tenant, changes).await
    }

    async fn object(&self, tenant: &str, kind: &str, id: &str) -> Result<Option<Object>, StoreError> {
        self.behind()?.object(tenant, kind, id).await
    }

    async fn object_named(&self, tenant: &str, kind: &str, name: &str) -> Result<Option<Object>, StoreError> {
        self.behind()?.object_named(tenant, kind, name).await
    }

    async fn objects(
        &self,
        tenant: &str,
        kind: &str,
        parent: Option<&str>,
        after: Option<&ObjectCursor>,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError> {
        self.behind()?.objects(tenant, kind, parent, after, limit).await
    }
}

#[async_trait]
impl<L: Layer> Retention for L {
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.behind()?.tenants().await
    }

    async fn oldest(
        &self,
        tenant: &str,
        status: Status,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.behind()?.oldest(tenant, status, after, limit).await
    }

    async fn remove(
        &self,
        tenant: &str,
        removals: Vec<Removal>,
        keys_before_ms: i64,
    ) -> Result<Vec<RunId>, StoreError> {
        self.behind()?.remove(tenant, removals, keys_before_ms).await
    }

    async fn sweep(&self, limit: usize) -> Result<usize, StoreError> {
        self.behind()?.sweep(limit).await
    }
}
