//! The driver's slot that a piece of work holds, given back while the work waits for something that has a bound of its own.
//!
//! A driver performs so many effects at a time. One that waits for a script to be evaluated, of which only a few are at a time, would hold
//! its slot for nothing: with enough of them, no slot is left for effects that could go on.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

tokio::task_local! {
    static SLOT: Arc<WorkerSlot>;
}

/// One slot, held or given back.
pub struct WorkerSlot {
    slots: Arc<Semaphore>,
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    /// Notified when the slot is free: there may be more to claim.
    work: Arc<Notify>,
}

impl WorkerSlot {
    /// A slot that is held.
    pub fn new(slots: Arc<Semaphore>, permit: OwnedSemaphorePermit, work: Arc<Notify>) -> Arc<Self> {
        Arc::new(WorkerSlot { slots, permit: Mutex::new(Some(permit)), work })
    }

    /// Work that holds this slot.
    pub async fn held_by<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        SLOT.scope(self, work).await
    }

    fn give_back(&self) {
        drop(self.permit.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.work.notify_one();
    }

    async fn take_again(&self) {
        let permit = self.slots.clone().acquire_owned().await.ok();
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }
}

impl Drop for WorkerSlot {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Waits without the slot of the work that waits, and takes one again before it goes on. Outside of a driver's work it just waits.
pub async fn without_slot<T>(waiting: impl Future<Output = T>) -> T {
    let Ok(slot) = SLOT.try_with(Arc::clone) else { return waiting.await };
    slot.give_back();
    let waited = waiting.await;
    slot.take_again().await;
    waited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_waits_holds_no_slot_and_has_one_again_afterwards() {
        let (slots, work) = (Arc::new(Semaphore::new(1)), Arc::new(Notify::new()));
        let permit = slots.clone().try_acquire_owned().unwrap();
        let slot = WorkerSlot::new(slots.clone(), permit, work.clone());
        let during = slots.clone();
        slot.held_by(async {
            assert_eq!(slots.available_permits(), 0);
            without_slot(async { assert_eq!(during.available_permits(), 1) }).await;
            assert_eq!(slots.available_permits(), 0);
        })
        .await;
        assert_eq!(slots.available_permits(), 1);
        work.notified().await;
    }
}
