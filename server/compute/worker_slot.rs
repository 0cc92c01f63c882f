//! The driver's slot of a job, which is released while the job waits for something with its own limit.
//!
//! A driver executes a limited number of effects at a time. An effect that waits for a script evaluation, which has a
//! lower limit, would occupy its slot without progress. With enough of them, no slot would be left for other effects.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

tokio::task_local! {
    static SLOT: Arc<WorkerSlot>;
}

/// One slot, held or released.
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

    /// Runs work that holds this slot.
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

/// Releases the slot of the current job while waiting, and takes one again afterwards. Outside of a driver's job it
/// only waits.
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
