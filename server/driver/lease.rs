//! The claims in hand, renewed for as long as they are worked on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runyard_engine::EffectId;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::store::{Epoch, Store};

/// The claims in hand.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: Mutex<HashMap<EffectId, Epoch>>,
    changed: Notify,
}

impl Leases {
    pub(super) fn hold(&self, effect: EffectId, epoch: Epoch) {
        self.lock().insert(effect, epoch);
        self.changed.notify_one();
    }

    pub(super) fn release(&self, effect: EffectId) {
        self.lock().remove(&effect);
    }

    /// Renews every claim at a third of its time. Writes nothing while nothing is held.
    pub(super) async fn renew(self: Arc<Self>, store: Arc<dyn Store>, clock: Clock, lease_ms: i64) {
        let third = Duration::from_millis(u64::try_from(lease_ms / 3).unwrap_or(1).max(1));
        loop {
            let held: Vec<_> = self.lock().iter().map(|(effect, epoch)| (*effect, *epoch)).collect();
            if held.is_empty() {
                self.changed.notified().await;
            } else if let Err(error) = store.renew(&held, clock.now_ms().saturating_add(lease_ms)).await {
                tracing::warn!(%error, "could not renew leases; what is in hand may be performed again elsewhere");
            }
            clock.sleep(third).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<EffectId, Epoch>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
