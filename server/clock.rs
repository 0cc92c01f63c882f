//! The only reader of the wall clock, and the only place that sleeps. Everything else is told the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use runyard_engine::RunId;
use tokio::sync::Notify;
use uuid::Uuid;

/// Tells the time and waits for it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System,
    Manual { now_ms: AtomicI64, moved: Notify },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Source::System))
    }

    /// A clock that stands still until [`Clock::advance`] moves it: for tests.
    pub fn manual(now_ms: i64) -> Self {
        Self(Arc::new(Source::Manual { now_ms: AtomicI64::new(now_ms), moved: Notify::new() }))
    }

    /// Now, in Unix milliseconds.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now_ms(&self) -> i64 {
        match &*self.0 {
            Source::System => jiff::Timestamp::now().as_millisecond(),
            Source::Manual { now_ms, .. } => now_ms.load(Ordering::SeqCst),
        }
    }

    /// A fresh run id: a UUIDv7 (RFC 9562), so that ids sort by the time at which they were made.
    pub fn new_run_id(&self) -> RunId {
        let now_ms = u64::try_from(self.now_ms()).unwrap_or(0);
        let random = Uuid::new_v4().into_bytes();
        let mut bytes = [0_u8; 10];
        // The last ten bytes of a version 4 hold two fixed bits; the builder sets those same bits again.
        bytes.copy_from_slice(&random[6..]);
        RunId::from_uuid(uuid::Builder::from_unix_timestamp_millis(now_ms, &bytes).into_uuid())
    }

    /// Moves a manual clock forward. A system clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { now_ms, moved } = &*self.0 {
            now_ms.fetch_add(milliseconds(by), Ordering::SeqCst);
            moved.notify_waiters();
        }
    }

    /// Waits until the clock says this, Unix milliseconds. Returns at once for a time that is past.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub async fn sleep_until(&self, at_ms: i64) {
        match &*self.0 {
            Source::System => {
                let wait = u64::try_from(at_ms.saturating_sub(self.now_ms())).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            Source::Manual { moved, .. } => loop {
                let moving = moved.notified();
                tokio::pin!(moving);
                moving.as_mut().enable();
                if self.now_ms() >= at_ms {
                    return;
                }
                moving.await;
            },
        }
    }

    /// Waits this long.
    pub async fn sleep(&self, wait: Duration) {
        self.sleep_until(self.now_ms().saturating_add(milliseconds(wait))).await;
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A time as every face writes it: RFC 3339 in UTC with milliseconds.
pub fn rfc3339(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| format!("@{at_ms}"), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_who_waits_for_it() {
        let clock = Clock::manual(1_000);
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(2_000).await;
                clock.now_ms()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(999));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.advance(Duration::from_millis(1));
        assert_eq!(waiting.await.expect("the task ends"), 2_000);
    }

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }
}
