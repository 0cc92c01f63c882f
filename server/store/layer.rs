//! A store that wraps another store, for tests and for measurements. It forwards every call that the layer does not
//! override.

use async_trait::async_trait;
use runyard_engine::large::Digest;
use runyard_engine::{ApprovalId, EffectId, NodeRunId, Position, Recorded, RunId};

use crate::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow};
use crate::{
    Append, Claimed, Committed, Cursor, Epoch, Filter, KeyUse, LogPart, RunRow, Sealed, Status, Store, StoreError,
    Tenant,
};

/// A store that wraps another. Its default methods forward to the inner store.
#[async_trait]
pub trait Layer: Send + Sync + 'static {
    /// The inner store.
    ///
    /// # Errors
    /// The error that every call returns if there is no inner store.
    fn behind(&self) -> Result<&dyn Store, StoreError>;

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

    /// [`Store::claim`].
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

/// Commits to the inner store, or returns the error for every entry without one.
async fn commit_behind(
    behind: Result<&dyn Store, StoreError>,
    why: impl Fn() -> Option<StoreError>,
    appends: Vec<Append>,
) -> Vec<Result<Committed, StoreError>> {
    match behind {
        Ok(store) => store.commit(appends).await,
        Err(_) => appends.iter().filter_map(|_| why()).map(Err).collect(),
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

    async fn ping(&self) -> Result<(), StoreError> {
        self.behind()?.ping().await
    }
}
