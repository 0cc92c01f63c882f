//! Claims of effects: what a driver may do with a store.

use async_trait::async_trait;
use runyard_engine::EffectId;

use crate::error::StoreError;
use crate::records::{Claimed, Epoch};

/// Claims of effects, by several drivers over one store.
#[async_trait]
pub trait Claims: Send + Sync + 'static {
    /// Claims due effects without a valid lease, oldest first, then in the order of creation. Each claim has a new
    /// fencing epoch. Covers all tenants; a store with a limit on the calls of one tenant alternates between tenants.
    async fn claim(&self, claimer: &str, now_ms: i64, lease_ms: i64, limit: usize) -> Result<Vec<Claimed>, StoreError>;

    /// As [`Claims::claim`], for callers whose workers are all busy: timers only.
    async fn claim_timers(
        &self,
        claimer: &str,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Extends leases to a new time. Returns those that are still held under the given epoch: no later claim exists,
    /// even if the lease had run out.
    async fn renew(&self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Result<Vec<EffectId>, StoreError>;

    /// When the next free effect is due or the next lease runs out, Unix milliseconds.
    async fn next_due(&self) -> Result<Option<i64>, StoreError>;

    /// As [`Claims::next_due`], but counts only timers among the free effects.
    async fn next_timer_due(&self) -> Result<Option<i64>, StoreError>;
}
