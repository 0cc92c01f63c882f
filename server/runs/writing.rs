//! Whether the store accepts writes, judged by the last commits, for health. A store on a full disk can still be read
//! and even accepts a page or two, so that a query would not show the failures of its users.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::store::StoreError;

/// How long one failure counts when nothing is written after it. Bounded, so that a server which gets no requests
/// because of its health gets some again.
const REMEMBERED_MS: i64 = 60_000;
/// No failure.
const NEVER: i64 = i64::MIN;

/// The result of the last commits.
#[derive(Debug)]
pub(super) struct Writing {
    failed_at_ms: AtomicI64,
}

impl Default for Writing {
    fn default() -> Self {
        Writing { failed_at_ms: AtomicI64::new(NEVER) }
    }
}

impl Writing {
    /// Notes how a commit went. A rejection says nothing: it was decided before anything was written.
    pub(super) fn note<T>(&self, answer: &Result<T, StoreError>, now_ms: i64) {
        match answer {
            Ok(_) => self.failed_at_ms.store(NEVER, Ordering::Relaxed),
            Err(StoreError::Failed(_) | StoreError::Unusable(_)) => self.failed_at_ms.store(now_ms, Ordering::Relaxed),
            Err(_) => {}
        }
    }

    /// # Errors
    /// [`StoreError::Unusable`] if the last commit failed a short while ago.
    pub(super) fn works(&self, now_ms: i64) -> Result<(), StoreError> {
        let failed_at_ms = self.failed_at_ms.load(Ordering::Relaxed);
        if failed_at_ms == NEVER || now_ms.saturating_sub(failed_at_ms) >= REMEMBERED_MS {
            return Ok(());
        }
        Err(StoreError::Unusable(
            "the last write failed, less than a minute ago; the server's log has the reason".into(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_commit_counts_until_one_succeeds_or_a_minute_has_passed() {
        let writing = Writing::default();
        let full = || Err::<(), _>(StoreError::Failed("database or disk is full".into()));
        assert!(writing.works(0).is_ok());
        writing.note(&full(), 1_000);
        writing.note(&Err::<(), _>(StoreError::Busy("many are waiting".into())), 1_500);
        assert!(writing.works(2_000).is_err(), "a refusal tells nothing");
        writing.note(&Ok(()), 3_000);
        assert!(writing.works(3_000).is_ok());
        writing.note(&full(), 4_000);
        assert!(writing.works(63_999).is_err());
        assert!(writing.works(64_000).is_ok());
    }
}
