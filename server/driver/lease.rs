//! The claims that this process holds. They are renewed while their effects are executed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runyard_engine::EffectId;
use tokio::sync::{MutexGuard, Notify};

use crate::clock::Clock;
use crate::runs::InFlight;
use crate::store::{Claims, Epoch};

/// The claims that this process holds.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: Mutex<BTreeMap<EffectId, Epoch>>,
    changed: Notify,
    /// Locked during a claim, until every claim that this process already holds has its new epoch.
    claiming: tokio::sync::Mutex<()>,
}

/// One held claim. Dropping it ends its renewal.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Arc<Leases>,
    effect: EffectId,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.lock().remove(&self.effect);
    }
}

impl Lease {
    /// The epoch that a result must carry.
    pub(super) fn epoch(&self) -> Epoch {
        // The entry exists as long as this value.
        self.leases.lock().get(&self.effect).copied().unwrap_or_default()
    }

    /// Whether this process has claimed the effect again while it held it. This happens if the process was stopped for
    /// longer than its leases last. A result that was refused under `refused` is then valid under [`Self::epoch`].
    /// Waits for a claim that is in progress.
    pub(super) async fn was_claimed_again(&self, refused: Epoch) -> bool {
        let _answered = self.leases.claiming.lock().await;
        self.epoch() > refused
    }
}

impl Leases {
    /// To be locked from before a claim until its effects are held.
    pub(super) async fn claiming(&self) -> MutexGuard<'_, ()> {
        self.claiming.lock().await
    }

    /// Whether this process already holds the effect; the claim then continues under the new epoch. If the clock jumps
    /// forward, renewed leases seem to have run out, and a running effect must not be executed twice at once.
    pub(super) fn goes_on(&self, effect: EffectId, epoch: Epoch) -> bool {
        self.lock().get_mut(&effect).map(|held| *held = epoch).is_some()
    }

    /// Renews this claim until the returned value is dropped.
    pub(super) fn hold(self: &Arc<Self>, effect: EffectId, epoch: Epoch) -> Lease {
        self.lock().insert(effect, epoch);
        self.changed.notify_one();
        Lease { leases: self.clone(), effect }
    }

    /// Renews every claim after a third of its lease, and cancels the work on those that are lost. Writes nothing while
    /// no claim is held.
    pub(super) async fn renew(
        self: Arc<Self>,
        store: Arc<dyn Claims>,
        in_flight: Arc<InFlight>,
        clock: Clock,
        lease_ms: i64,
    ) {
        let third = Duration::from_millis(u64::try_from(lease_ms / 3).unwrap_or(1).max(1));
        loop {
            let held: Vec<_> = self.lock().iter().map(|(effect, epoch)| (*effect, *epoch)).collect();
            if held.is_empty() {
                self.changed.notified().await;
            } else {
                match store.renew(&held, clock.now_ms().saturating_add(lease_ms)).await {
                    // A lost claim was deleted, or claimed by another server, without a notification to this one.
                    Ok(renewed) => {
                        let lost = held.into_iter().filter(|(effect, _)| !renewed.contains(effect)).collect();
                        in_flight.cancel(&self.without_claimed_again(lost).await);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "could not renew leases; the work may be performed again elsewhere");
                    }
                }
            }
            clock.sleep(third).await;
        }
    }

    /// The effects that this process has not claimed again since it held them under these epochs. After the process was
    /// stopped for longer than its leases last, it may renew an old epoch while it claims the effect under a new one:
    /// the work goes on then. Waits for a claim that is in progress, if there is anything to tell apart.
    async fn without_claimed_again(&self, lost: Vec<(EffectId, Epoch)>) -> Vec<EffectId> {
        if lost.is_empty() {
            return Vec::new();
        }
        let _answered = self.claiming.lock().await;
        let held = self.lock();
        let claimed_again = |(effect, epoch): &(EffectId, Epoch)| held.get(effect).is_some_and(|now| now > epoch);
        lost.into_iter().filter(|one| !claimed_again(one)).map(|(effect, _)| effect).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<EffectId, Epoch>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn what_is_performed_and_claimed_again_goes_on_under_the_new_epoch() {
        let leases = Arc::new(Leases::default());
        let effect = EffectId::from_uuid(uuid::Uuid::from_u128(1));
        assert!(!leases.goes_on(effect, 1), "no driver has it");
        let lease = leases.hold(effect, 1);
        assert!(leases.goes_on(effect, 2));
        assert_eq!(lease.epoch(), 2);
        drop(lease);
        assert!(!leases.goes_on(effect, 3));
    }

    #[test]
    fn a_claim_is_let_go_when_its_work_panics() {
        let leases = Arc::new(Leases::default());
        let effect = EffectId::from_uuid(uuid::Uuid::from_u128(1));
        let panicking = AssertUnwindSafe(|| {
            let _lease = leases.hold(effect, 1);
            assert!(leases.lock().is_empty(), "the work goes wrong here");
        });
        assert!(catch_unwind(panicking).is_err());
        assert!(leases.lock().is_empty(), "an effect that is not performed is not renewed");
    }
}
