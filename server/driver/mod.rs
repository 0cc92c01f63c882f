//! The driver moves runs: it claims due effects, executes them, and submits the results.
//!
//! There is no recovery phase: if the process that executes an effect dies, the lease runs out and a normal claim finds
//! the effect again. The driver sees an effect only after the event that created it is committed.

mod lease;
mod parts;
mod sub_runs;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::compute::worker_slot::WorkerSlot;
use crate::store::Claimed;
use lease::{Lease, Leases};

pub use parts::{Parts, Settings};

/// How long to wait after an error of the store.
const STORE_PAUSE: Duration = Duration::from_millis(250);
/// Timers that fire at once while every worker is busy. Each is one commit, so a few workers keep up with many timers.
const TIMERS_AT_ONCE: usize = 8;
/// The longest sleep without a check: notifications are hints, and another server may have added work.
const LOOK_AGAIN_MS: i64 = 30_000;

/// Moves runs until it is stopped, then finishes the claimed work. If the caller drops the future, the claimed work is
/// dropped too, and the next driver claims it again: no work continues for a server that has ended.
pub async fn drive(parts: Parts, stopping: CancellationToken) {
    let pool = WorkerPool::new(parts.settings.workers);
    let leases = Arc::new(Leases::default());
    // Sets, because a dropped set aborts its tasks.
    let (mut at_work, mut renewing) = (JoinSet::new(), JoinSet::new());
    let (store, in_flight, clock) = (parts.store.clone(), parts.runs.in_flight().clone(), parts.clock.clone());
    renewing.spawn(leases.clone().renew(store, in_flight, clock, parts.settings.lease_ms));
    while !stopping.is_cancelled() {
        while at_work.try_join_next().is_some() {}
        let free = pool.free();
        let claiming = leases.claiming().await;
        let claimed = claim(&parts, free).await;
        let found = !claimed.is_empty();
        for one in claimed {
            // Check held claims first, even if the answer was late: their results are valid only under the new epoch.
            if leases.goes_on(one.effect.id, one.epoch) || !is_still_ours(&parts, &one) {
                continue;
            }
            let Some((slots, slot)) = pool.take(free).await else { break };
            let parts = parts.clone();
            let lease = leases.hold(one.effect.id, one.epoch);
            let held_work = HeldWork { lease, slot: WorkerSlot::new(slots, slot, parts.work.clone()) };
            at_work.spawn(async move {
                let held_work = held_work;
                held_work.slot.clone().held_by(work::perform_and_settle(&parts, one, &held_work.lease)).await;
            });
        }
        drop(claiming);
        if !found {
            rest(&parts, free, &stopping).await;
        }
    }
    while at_work.join_next().await.is_some() {}
}

/// The free workers: workers for all effects, and a few more for timers only. Long calls must not delay a time limit.
struct WorkerPool {
    workers: Arc<Semaphore>,
    timers: Arc<Semaphore>,
}

/// The kind of effects that free workers can take, and how many.
#[derive(Clone, Copy)]
enum FreeWorkers {
    ForAll(usize),
    ForTimers(usize),
    None,
}

impl WorkerPool {
    fn new(workers: usize) -> Self {
        WorkerPool { workers: Arc::new(Semaphore::new(workers)), timers: Arc::new(Semaphore::new(TIMERS_AT_ONCE)) }
    }

    fn free(&self) -> FreeWorkers {
        match (self.workers.available_permits(), self.timers.available_permits()) {
            (0, 0) => FreeWorkers::None,
            (0, timers) => FreeWorkers::ForTimers(timers),
            (workers, _) => FreeWorkers::ForAll(workers),
        }
    }

    /// Takes a worker that was reported as free.
    async fn take(&self, free: FreeWorkers) -> Option<(Arc<Semaphore>, OwnedSemaphorePermit)> {
        let slots = match free {
            FreeWorkers::ForAll(_) => &self.workers,
            FreeWorkers::ForTimers(_) => &self.timers,
            FreeWorkers::None => return None,
        };
        Some((slots.clone(), slots.clone().acquire_owned().await.ok()?))
    }
}

/// The resources of a worker during its work. They are released however the work ends: a panic must not block a worker,
/// or prevent another claim of the effect.
struct HeldWork {
    lease: Lease,
    slot: Arc<WorkerSlot>,
}

async fn claim(parts: &Parts, free: FreeWorkers) -> Vec<Claimed> {
    let Settings { claimer, lease_ms, .. } = &parts.settings;
    let now_ms = parts.clock.now_ms();
    let claimed = match free {
        FreeWorkers::ForAll(limit) => parts.store.claim(claimer, now_ms, *lease_ms, limit).await,
        FreeWorkers::ForTimers(limit) => parts.store.claim_timers(claimer, now_ms, *lease_ms, limit).await,
        FreeWorkers::None => return Vec::new(),
    };
    match claimed {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::warn!(%error, "could not claim work; trying again");
            parts.clock.sleep(STORE_PAUSE).await;
            Vec::new()
        }
    }
}

/// Whether a claim still has to be executed. The store's answer may have been slow: the lease may have run out, and
/// another server may have executed the effect, or the run may have been canceled.
fn is_still_ours(parts: &Parts, claimed: &Claimed) -> bool {
    if claimed.lease_until_ms <= parts.clock.now_ms() {
        tracing::warn!(effect = %claimed.effect.id, "a claim was answered after its lease had run out, and is left alone");
        return false;
    }
    // The node runs of closing effects have ended.
    claimed.effect.request.is_closing() || parts.runs.may_be_live(&claimed.tenant, claimed.run, claimed.effect.node_run)
}

/// Waits for a notification, or until the next effect is due for which a worker is free.
async fn rest(parts: &Parts, free: FreeWorkers, stopping: &CancellationToken) {
    let until = match free {
        FreeWorkers::ForAll(_) => parts.store.next_due().await.ok().flatten(),
        FreeWorkers::ForTimers(_) => parts.store.next_timer_due().await.ok().flatten(),
        FreeWorkers::None => None,
    };
    let latest = parts.clock.now_ms().saturating_add(LOOK_AGAIN_MS);
    let until = until.map_or(latest, |due| due.min(latest));
    tokio::select! {
        // In a fixed order, so that the driver is deterministic: the simulation repeats it step by step.
        biased;
        () = stopping.cancelled() => {}
        () = parts.work.notified() => {}
        () = parts.clock.sleep_until(until) => {}
    }
}

#[cfg(test)]
mod tests;
