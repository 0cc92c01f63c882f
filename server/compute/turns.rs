//! A fair semaphore for a few places. Requests of one tenant are served in order, and tenants in round robin, so that a
//! tenant with a thousand requests does not delay one with a single request. Each tenant has a limit on concurrent
//! places and on waiting requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The places and the queue of requests. Cheap to clone.
#[derive(Clone)]
pub struct Turns(Arc<Shared>);

struct Shared {
    line: Mutex<Line>,
    each_max: usize,
    waiting_max: usize,
}

#[derive(Default)]
struct Line {
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

/// A place, released on drop.
pub struct Turn {
    shared: Arc<Shared>,
    tenant: String,
}

/// The tenant has reached its limit of waiting requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Turns {
    /// Creates `places` places. A tenant may hold `each_max` of them and have `waiting_max` waiting requests.
    pub fn new(places: usize, each_max: usize, waiting_max: usize) -> Self {
        let line = Line { free: places, ..Line::default() };
        Turns(Arc::new(Shared { line: Mutex::new(line), each_max: each_max.max(1), waiting_max }))
    }

    /// Waits for a place in this tenant's turn. A dropped future leaves the queue.
    ///
    /// # Errors
    /// [`Full`].
    pub async fn take(&self, tenant: &str) -> Result<Turn, Full> {
        self.take_behind(tenant, self.0.waiting_max).await
    }

    /// As [`take`](Self::take), without a limit on waiting requests: for callers whose number is limited and who could
    /// only retry.
    pub async fn wait(&self, tenant: &str) -> Turn {
        loop {
            if let Ok(turn) = self.take_behind(tenant, usize::MAX).await {
                return turn;
            }
        }
    }

    async fn take_behind(&self, tenant: &str, waiting_max: usize) -> Result<Turn, Full> {
        let waiting = {
            let mut line = self.0.lock();
            let free = line.free;
            let own = line.tenants.entry(tenant.to_owned()).or_default();
            if own.waiting.is_empty() && own.held < self.0.each_max && free > 0 {
                own.held += 1;
                line.free -= 1;
                return Ok(self.turn(tenant));
            }
            if own.waiting.len() >= waiting_max {
                return Err(Full);
            }
            let (sender, receiver) = oneshot::channel();
            own.waiting.push_back(sender);
            if own.waiting.len() == 1 {
                line.order.push_back(tenant.to_owned());
            }
            Waiting { receiver, shared: self.0.clone(), tenant: tenant.to_owned() }
        };
        waiting.turn().await
    }

    /// The number of waiting requests of a tenant.
    pub fn waiting(&self, tenant: &str) -> usize {
        self.0.lock().tenants.get(tenant).map_or(0, |tenant| tenant.waiting.len())
    }

    fn turn(&self, tenant: &str) -> Turn {
        Turn { shared: self.0.clone(), tenant: tenant.to_owned() }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, tenant: &str) {
        let mut line = self.lock();
        line.free += 1;
        if let Some(own) = line.tenants.get_mut(tenant) {
            own.held -= 1;
        }
        line.hand_out(self.each_max);
        line.forget(tenant);
    }
}

impl Line {
    /// Gives free places to the next requests.
    fn hand_out(&mut self, each_max: usize) {
        // Each round checks every tenant once. After a round without a grant, no tenant can take a place.
        let mut passed = 0;
        while self.free > 0 && passed < self.order.len() {
            let Some(tenant) = self.order.pop_front() else { return };
            let Some(own) = self.tenants.get_mut(&tenant) else { continue };
            if own.held < each_max {
                passed = 0;
                while let Some(sender) = own.waiting.pop_front() {
                    // A dropped request takes no place.
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

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.give_back(&self.tenant);
    }
}

/// A waiting request. If it is dropped after it got a place, it releases the place.
struct Waiting {
    receiver: oneshot::Receiver<()>,
    shared: Arc<Shared>,
    tenant: String,
}

impl Waiting {
    async fn turn(mut self) -> Result<Turn, Full> {
        // The queue lives as long as this request, and answers every request that it removes.
        (&mut self.receiver).await.map_err(|_| Full)?;
        Ok(Turn { shared: self.shared.clone(), tenant: self.tenant.clone() })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.receiver.close();
        if self.receiver.try_recv().is_ok() {
            self.shared.give_back(&self.tenant);
        }
    }
}
