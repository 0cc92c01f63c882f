//! A fair semaphore with few permits. Requests of one tenant are served in order, and tenants in round robin, so that a
//! tenant with a thousand requests does not delay one with a single request. Each tenant has a limit on concurrent
//! permits and on waiting requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The permits and the queue of requests. Cheap to clone.
#[derive(Clone)]
pub struct FairSemaphore(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    each_max: usize,
    waiting_max: usize,
}

#[derive(Default)]
struct Queue {
    free: usize,
    tenants: BTreeMap<String, Tenant>,
    /// The tenants with waiting requests, the next one first.
    order: VecDeque<String>,
}

#[derive(Default)]
struct Tenant {
    held: usize,
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// A permit, released on drop.
pub struct Permit {
    shared: Arc<Shared>,
    tenant: String,
}

/// The tenant has reached its limit of waiting requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl FairSemaphore {
    /// Creates `permits` permits. A tenant may hold `each_max` of them and have `waiting_max` waiting requests.
    pub fn new(permits: usize, each_max: usize, waiting_max: usize) -> Self {
        let queue = Queue { free: permits, ..Queue::default() };
        FairSemaphore(Arc::new(Shared { queue: Mutex::new(queue), each_max: each_max.max(1), waiting_max }))
    }

    /// Waits for a permit of this tenant. A dropped future leaves the queue.
    ///
    /// # Errors
    /// [`Full`].
    pub async fn acquire(&self, tenant: &str) -> Result<Permit, Full> {
        self.acquire_within(tenant, self.0.waiting_max).await
    }

    /// As [`acquire`](Self::acquire), without a limit on waiting requests: for callers whose number is limited and who could
    /// only retry.
    pub async fn wait(&self, tenant: &str) -> Permit {
        loop {
            if let Ok(permit) = self.acquire_within(tenant, usize::MAX).await {
                return permit;
            }
        }
    }

    async fn acquire_within(&self, tenant: &str, waiting_max: usize) -> Result<Permit, Full> {
        let waiting = {
            let mut queue = self.0.lock();
            let free = queue.free;
            let own = queue.tenants.entry(tenant.to_owned()).or_default();
            if own.waiting.is_empty() && own.held < self.0.each_max && free > 0 {
                own.held += 1;
                queue.free -= 1;
                return Ok(self.permit(tenant));
            }
            if own.waiting.len() >= waiting_max {
                return Err(Full);
            }
            let (sender, receiver) = oneshot::channel();
            own.waiting.push_back(sender);
            if own.waiting.len() == 1 {
                queue.order.push_back(tenant.to_owned());
            }
            Waiting { receiver, shared: self.0.clone(), tenant: tenant.to_owned() }
        };
        waiting.permit().await
    }

    /// The number of waiting requests of a tenant.
    pub fn waiting(&self, tenant: &str) -> usize {
        self.0.lock().tenants.get(tenant).map_or(0, |tenant| tenant.waiting.len())
    }

    fn permit(&self, tenant: &str) -> Permit {
        Permit { shared: self.0.clone(), tenant: tenant.to_owned() }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, tenant: &str) {
        let mut queue = self.lock();
        queue.free += 1;
        if let Some(own) = queue.tenants.get_mut(tenant) {
            own.held -= 1;
        }
        queue.grant(self.each_max);
        queue.forget(tenant);
    }
}

impl Queue {
    /// Gives free permits to the next requests.
    fn grant(&mut self, each_max: usize) {
        // Each round checks every tenant once. After a round without a grant, no tenant can take a permit.
        let mut passed = 0;
        while self.free > 0 && passed < self.order.len() {
            let Some(tenant) = self.order.pop_front() else { return };
            let Some(own) = self.tenants.get_mut(&tenant) else { continue };
            if own.held < each_max {
                passed = 0;
                while let Some(sender) = own.waiting.pop_front() {
                    // A dropped request takes no permit.
                    if sender.send(()).is_ok() {
                        own.held += 1;
                        self.free -= 1;
                        break;
                    }
                }
            } else {
                passed += 1;
            }
            if own.waiting.is_empty() {
                self.forget(&tenant);
            } else {
                self.order.push_back(tenant);
            }
        }
    }

    fn forget(&mut self, tenant: &str) {
        if self.tenants.get(tenant).is_some_and(|own| own.held == 0 && own.waiting.is_empty()) {
            self.tenants.remove(tenant);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.release(&self.tenant);
    }
}

/// A waiting request. If it is dropped after it got a permit, it releases it.
struct Waiting {
    receiver: oneshot::Receiver<()>,
    shared: Arc<Shared>,
    tenant: String,
}

impl Waiting {
    async fn permit(mut self) -> Result<Permit, Full> {
        // The queue lives as long as this request, and answers every request that it removes.
        (&mut self.receiver).await.map_err(|_| Full)?;
        Ok(Permit { shared: self.shared.clone(), tenant: self.tenant.clone() })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.receiver.close();
        if self.receiver.try_recv().is_ok() {
            self.shared.release(&self.tenant);
        }
    }
}
