//! Limits how many long-lasting requests of a tenant are open at once: starts that wait for their plan, and streams.
//! One tenant with a thousand forgotten streams must not block the runs of another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of open requests by tenant.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    open: Arc<Mutex<HashMap<Arc<str>, usize>>>,
    max: usize,
}

/// One open request. Dropping the slot ends it.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    tenant: Arc<str>,
}

impl Slots {
    pub(super) fn new(max: usize) -> Self {
        Slots { open: Arc::default(), max }
    }

    /// Takes a slot; `None` if the tenant has reached its limit.
    pub(super) fn take(&self, tenant: &Arc<str>) -> Option<Slot> {
        let mut open = self.lock();
        let count = open.entry(tenant.clone()).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Slot { slots: self.clone(), tenant: tenant.clone() })
    }

    /// The most requests that a tenant may have open.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.lock();
        let Some(count) = open.get_mut(&self.tenant) else { return };
        *count -= 1;
        if *count == 0 {
            open.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_its_own_places_and_gets_them_back() {
        let slots = Slots::new(2);
        let (ann, bob): (Arc<str>, Arc<str>) = ("ann".into(), "bob".into());
        let first = slots.take(&ann).unwrap();
        let _second = slots.take(&ann).unwrap();
        assert!(slots.take(&ann).is_none());
        drop(slots.take(&bob).unwrap());
        drop(first);
        drop(slots.take(&ann).unwrap());
        assert_eq!(slots.lock().len(), 1, "who has nothing open is not remembered");
    }
}
