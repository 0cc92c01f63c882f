//! Turns at something of which there are few. Within a tenant they go in the order of asking; over the tenants they go round, so that
//! one with a thousand waiting is not ahead of one with one. No tenant has more than its part at a time, and no more than so many wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Places, and who waits for one. Cheap to clone.
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
    /// Tenants that have somebody waiting, the next first.
    order: VecDeque<String>,
}

#[derive(Default)]
struct Tenant {
    held: usize,
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// A place, given back when it is dropped.
pub struct Turn {
    shared: Arc<Shared>,
    tenant: String,
}

/// The tenant has as many waiting as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Turns {
    /// So many places, of which one tenant may have so many at a time, and so many waiting.
    pub fn new(places: usize, each_max: usize, waiting_max: usize) -> Self {
        let line = Line { free: places, ..Line::default() };
        Turns(Arc::new(Shared { line: Mutex::new(line), each_max: each_max.max(1), waiting_max }))
    }

    /// A place, when it is this tenant's turn. Whoever stops waiting leaves the line.
    ///
    /// # Errors
    /// [`Full`].
    pub async fn take(&self, tenant: &str) -> Result<Turn, Full> {
        self.take_behind(tenant, self.0.waiting_max).await
    }

    /// The same however many wait: for those of whom there is a bounded number, and who could only come back later.
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

    /// How many of a tenant wait.
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
    /// Gives free places to those whose turn it is.
    fn hand_out(&mut self, each_max: usize) {
        // Each tenant is looked at once in a round; after a round in which nobody could take one, nobody can.
        let mut passed = 0;
        while self.free > 0 && passed < self.order.len() {
            let Some(tenant) = self.order.pop_front() else { return };
            let Some(own) = self.tenants.get_mut(&tenant) else { continue };
            if own.held < each_max {
                passed = 0;
                while let Some(sender) = own.waiting.pop_front() {
                    // Who has gone away takes none.
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

/// One in the line. Dropped after it was called, it gives the place back.
struct Waiting {
    receiver: oneshot::Receiver<()>,
    shared: Arc<Shared>,
    tenant: String,
}

impl Waiting {
    async fn turn(mut self) -> Result<Turn, Full> {
        // The line lives as long as this does, and answers each that it takes out.
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
