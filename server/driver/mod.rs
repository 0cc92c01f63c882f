//! Who moves a run: claim what is due, perform it, submit what came back.
//!
//! There is no recovery phase: an effect whose performer died is free again when its lease runs out, and the same claim finds
//! it. No effect is seen here before the event that asked for it is committed.

mod lease;
mod sub_runs;
mod work;

use std::sync::Arc;
use std::time::Duration;

use runyard_engine::Request;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::compute::worker_slot::WorkerSlot;
use crate::nodes::perform::Performer;
use crate::planner::Planner;
use crate::runs::Runs;
use crate::store::{Claimed, Store};
use lease::{Lease, Leases};

/// How long to wait after the store did not answer.
const STORE_PAUSE: Duration = Duration::from_millis(250);
/// Timers told at once while every worker is busy. Each is one commit, so a few keep up with many.
const TIMERS_AT_ONCE: usize = 8;
/// The longest sleep without a look: bells are hints, and another server may have added work.
const LOOK_AGAIN_MS: i64 = 30_000;

/// What a driver needs.
#[derive(Clone)]
pub struct Parts {
    /// Where effects are claimed.
    pub store: Arc<dyn Store>,
    /// Where results go.
    pub runs: Runs,
    /// Who performs calls.
    pub performer: Arc<dyn Performer>,
    /// Who plans.
    pub planner: Arc<dyn Planner>,
    /// What time it is.
    pub clock: Clock,
    /// Notified when there may be something to claim.
    pub work: Arc<Notify>,
    /// How it goes about it.
    pub settings: Settings,
}

/// How a driver goes about it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who claims: unique to this process.
    pub claimer: String,
    /// Effects performed at once.
    pub workers: usize,
    /// How long a claim holds unless renewed, milliseconds.
    pub lease_ms: i64,
}

/// Moves runs until told to stop, then finishes what is in hand. When the caller stops waiting and drops the future, what is in
/// hand is dropped with it, and claimed again by whoever drives next: nobody performs for a server that is no more.
pub async fn drive(parts: Parts, stopping: CancellationToken) {
    let hands = Hands::new(parts.settings.workers);
    let leases = Arc::new(Leases::default());
    // Sets, because a set takes its tasks with it when it is dropped.
    let (mut at_work, mut renewing) = (JoinSet::new(), JoinSet::new());
    let (store, in_flight, clock) = (parts.store.clone(), parts.runs.in_flight().clone(), parts.clock.clone());
    renewing.spawn(leases.clone().renew(store, in_flight, clock, parts.settings.lease_ms));
    while !stopping.is_cancelled() {
        while at_work.try_join_next().is_some() {}
        let free = hands.free();
        let claiming = leases.claiming().await;
        let claimed = claim(&parts, free).await;
        let found = !claimed.is_empty();
        for one in claimed {
            // What is in hand first, however late the answer: its result counts under the new epoch alone.
            if leases.goes_on(one.effect.id, one.epoch) || !is_still_ours(&parts, &one) {
                continue;
            }
            let Some((slots, slot)) = hands.take(free).await else { break };
            let parts = parts.clone();
            let lease = leases.hold(one.effect.id, one.epoch);
            let in_hand = InHand { lease, slot: WorkerSlot::new(slots, slot, parts.work.clone()) };
            at_work.spawn(async move {
                let in_hand = in_hand;
                in_hand.slot.clone().held_by(work::perform_and_settle(&parts, one, &in_hand.lease)).await;
            });
        }
        drop(claiming);
        if !found {
            rest(&parts, free, &stopping).await;
        }
    }
    while at_work.join_next().await.is_some() {}
}

/// Who can do something: workers for whatever comes, and a few hands more for timers alone. What takes long must not keep a
/// time limit from being told.
struct Hands {
    workers: Arc<Semaphore>,
    timers: Arc<Semaphore>,
}

/// For what there are hands free, and how many.
#[derive(Clone, Copy)]
enum Free {
    ForAll(usize),
    ForTimers(usize),
    None,
}

impl Hands {
    fn new(workers: usize) -> Self {
        Hands { workers: Arc::new(Semaphore::new(workers)), timers: Arc::new(Semaphore::new(TIMERS_AT_ONCE)) }
    }

    fn free(&self) -> Free {
        match (self.workers.available_permits(), self.timers.available_permits()) {
            (0, 0) => Free::None,
            (0, timers) => Free::ForTimers(timers),
            (workers, _) => Free::ForAll(workers),
        }
    }

    /// One that was said to be free.
    async fn take(&self, free: Free) -> Option<(Arc<Semaphore>, OwnedSemaphorePermit)> {
        let slots = match free {
            Free::ForAll(_) => &self.workers,
            Free::ForTimers(_) => &self.timers,
            Free::None => return None,
        };
        Some((slots.clone(), slots.clone().acquire_owned().await.ok()?))
    }
}

/// What a worker holds while it works. Let go however the work ends: a panic must not keep a place taken, or an effect from
/// being claimed again.
struct InHand {
    lease: Lease,
    slot: Arc<WorkerSlot>,
}

async fn claim(parts: &Parts, free: Free) -> Vec<Claimed> {
    let Settings { claimer, lease_ms, .. } = &parts.settings;
    let now_ms = parts.clock.now_ms();
    let claimed = match free {
        Free::ForAll(limit) => parts.store.claim(claimer, now_ms, *lease_ms, limit).await,
        Free::ForTimers(limit) => parts.store.claim_timers(claimer, now_ms, *lease_ms, limit).await,
        Free::None => return Vec::new(),
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

/// Whether a claim is still to be performed. The store may have taken its time to answer: by now the lease may have run out, so
/// that somebody else may have performed it and finished, or the run may have been canceled.
fn is_still_ours(parts: &Parts, claimed: &Claimed) -> bool {
    if claimed.lease_until_ms <= parts.clock.now_ms() {
        tracing::warn!(effect = %claimed.effect.id, "a claim was answered after its lease had run out, and is left alone");
        return false;
    }
    // Who asked for these has ended.
    let closing_effect = matches!(claimed.effect.request, Request::Stop { .. } | Request::Report { .. });
    closing_effect || parts.runs.may_be_live(&claimed.tenant, claimed.run, claimed.effect.node_run)
}

/// Waits for a bell, or for the next effect to come due that somebody has a hand free for.
async fn rest(parts: &Parts, free: Free, stopping: &CancellationToken) {
    let until = match free {
        Free::ForAll(_) => parts.store.next_due().await.ok().flatten(),
        Free::ForTimers(_) => parts.store.next_timer_due().await.ok().flatten(),
        Free::None => None,
    };
    let latest = parts.clock.now_ms().saturating_add(LOOK_AGAIN_MS);
    let until = until.map_or(latest, |due| due.min(latest));
    tokio::select! {
        // In this order, so that nothing about a driver is left to chance: the simulation repeats it step by step.
        biased;
        () = stopping.cancelled() => {}
        () = parts.work.notified() => {}
        () = parts.clock.sleep_until(until) => {}
    }
}

#[cfg(test)]
mod tests;
