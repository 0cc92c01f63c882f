//! A bound on the bytes that many requests hold together: unread bodies, unsent responses.
//!
//! One budget serves every listener of a process; copies share it. A [`Share`] is the part of one request, which is
//! given back on drop.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Shares are counted in units of this many bytes.
const UNIT_BYTES: usize = 1024;

/// Bytes that may be held at the same time. Cheap to clone; clones share the same bytes.
#[derive(Debug, Clone)]
pub struct Budget {
    units: Arc<Semaphore>,
    units_max: u32,
}

/// A part of a budget, given back on drop.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A budget of this many bytes, rounded up to whole units.
    pub fn new(bytes: usize) -> Self {
        let units_max = u32::try_from(bytes.div_ceil(UNIT_BYTES).max(1)).unwrap_or(u32::MAX);
        Self { units: Arc::new(Semaphore::new(units_max as usize)), units_max }
    }

    /// An empty share.
    pub fn nothing(&self) -> Share {
        Share { budget: self.clone(), permit: None }
    }

    /// Waits at most `within` for this many bytes; `None`: they were not free in time. More than the whole budget
    /// counts as the whole.
    pub async fn wait(&self, bytes: usize, within: Duration) -> Option<Share> {
        let mut share = self.nothing();
        share.grow(bytes, within).await.then_some(share)
    }

    fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.units_max)
    }

    /// Bytes that are free now.
    pub fn free_bytes(&self) -> usize {
        self.units.available_permits() * UNIT_BYTES
    }
}

impl Share {
    fn held(&self) -> u32 {
        self.permit.as_ref().map_or(0, |permit| u32::try_from(permit.num_permits()).unwrap_or(u32::MAX))
    }

    fn keep(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
    }

    /// Grows the share to at least this many bytes. `false`: the bytes are not free, and nothing changed.
    pub fn try_grow(&mut self, bytes: usize) -> bool {
        let missing = self.budget.units(bytes).saturating_sub(self.held());
        if missing == 0 {
            return true;
        }
        match Arc::clone(&self.budget.units).try_acquire_many_owned(missing) {
            Ok(more) => self.keep(more),
            Err(_) => return false,
        }
        true
    }

    /// Grows the share to at least this many bytes, and waits for them. `false`: they were not free in time, and
    /// nothing changed.
    pub async fn grow(&mut self, bytes: usize, within: Duration) -> bool {
        if self.try_grow(bytes) {
            return true;
        }
        let missing = self.budget.units(bytes).saturating_sub(self.held());
        let more = Arc::clone(&self.budget.units).acquire_many_owned(missing);
        match tokio::time::timeout(within, more).await {
            Ok(Ok(more)) => self.keep(more),
            _ => return false,
        }
        true
    }

    /// Gives back the surplus over this many bytes.
    pub fn shrink(&mut self, bytes: usize) {
        let surplus = self.held().saturating_sub(self.budget.units(bytes)) as usize;
        if let Some(permit) = &mut self.permit {
            drop(permit.split(surplus));
        }
    }

    /// The same bytes, which hold this share until their last copy and slice is dropped.
    pub fn with(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _share: self })
    }
}

struct Held {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[tokio::test]
    async fn shares_never_exceed_the_budget_and_come_back() {
        let budget = Budget::new(4 * UNIT_BYTES);
        let mut one = budget.wait(3 * UNIT_BYTES, NOW).await.unwrap();
        assert!(budget.wait(2 * UNIT_BYTES, NOW).await.is_none());
        assert!(!one.try_grow(5 * UNIT_BYTES - 1) || budget.free_bytes() == 0);
        one.shrink(UNIT_BYTES);
        let two = budget.wait(3 * UNIT_BYTES, NOW).await.unwrap();
        assert_eq!(budget.free_bytes(), 0);
        drop((one, two));
        assert_eq!(budget.free_bytes(), 4 * UNIT_BYTES);
    }

    #[tokio::test]
    async fn a_share_larger_than_the_budget_is_the_whole_of_it() {
        let budget = Budget::new(2 * UNIT_BYTES);
        let whole = budget.wait(usize::MAX, NOW).await.unwrap();
        assert_eq!(budget.free_bytes(), 0);
        drop(whole);
        assert_eq!(budget.free_bytes(), 2 * UNIT_BYTES);
    }

    #[tokio::test]
    async fn bytes_hold_their_share_until_the_last_slice_is_gone() {
        let budget = Budget::new(2 * UNIT_BYTES);
        let share = budget.wait(2 * UNIT_BYTES, NOW).await.unwrap();
        let bytes = share.with(Bytes::from_static(b"0123456789"));
        let slice = bytes.slice(2..4);
        drop(bytes);
        assert_eq!((budget.free_bytes(), &slice[..]), (0, &b"23"[..]));
        drop(slice);
        assert_eq!(budget.free_bytes(), 2 * UNIT_BYTES);
    }
}
