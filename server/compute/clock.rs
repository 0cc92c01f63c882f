//! The only code that reads the wall clock or sleeps. All other code gets the time from here.
//!
//! The reported time never goes back while a process lives. If the machine's clock is set back, due effects and
//! expiring leases are therefore not delayed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use runyard_engine::RunId;
use tokio::sync::Notify;
use uuid::Uuid;

/// A clock with the current time and timers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Arc<Source>,
    steady: Arc<Mutex<Steady>>,
}

#[derive(Debug)]
enum Source {
    /// The machine's clock.
    System(System),
    Manual(Manual),
}

/// The machine's clock, and the monotonic time of its first reading.
#[derive(Debug)]
struct System {
    began: Instant,
    /// The offset that a test has set, milliseconds.
    set_ms: AtomicI64,
}

/// If wall clock and monotonic clock differ by more than this between two readings, the clock has been set,
/// milliseconds. Gradual adjustments stay far below.
const SET_MS: i64 = 1_000;

/// The state that keeps the time from going back. After the clock was set back, the reported time continues as before,
/// until the clock is set forward again.
#[derive(Debug, Default)]
struct Steady {
    /// The last reading: wall clock and monotonic clock, milliseconds.
    last: Option<(i64, i64)>,
    /// How far the reported time is ahead of the wall clock, milliseconds.
    ahead_ms: i64,
    latest_ms: i64,
}

impl Steady {
    /// The time to report for these readings.
    fn tell(&mut self, clock_ms: i64, timer_ms: i64) -> i64 {
        let (last_clock_ms, last_timer_ms) = self.last.replace((clock_ms, timer_ms)).unwrap_or((clock_ms, timer_ms));
        let set_ms = clock_ms - last_clock_ms - (timer_ms - last_timer_ms);
        if set_ms.abs() >= SET_MS {
            self.ahead_ms = (self.ahead_ms - set_ms).max(0);
        }
        self.latest_ms = self.latest_ms.max(clock_ms.saturating_add(self.ahead_ms));
        self.latest_ms
    }
}

/// A test clock with two parts like a machine: a monotonic clock, and a wall clock that can be set.
#[derive(Debug)]
struct Manual {
    /// The monotonic clock, milliseconds. It measures sleeps.
    run_ms: AtomicI64,
    /// The wall clock at monotonic time 0, Unix milliseconds.
    set_ms: AtomicI64,
    moved: Notify,
    /// The state of the generator of ids.
    drawn: AtomicU64,
}

impl Manual {
    fn shown_ms(&self) -> i64 {
        self.set_ms.load(Ordering::SeqCst).saturating_add(self.run_ms.load(Ordering::SeqCst))
    }

    /// The next 16 bytes (SplitMix64), for ids that are the same in every repetition.
    fn draw(&self) -> [u8; 16] {
        let word = || {
            let mut mixed = self.drawn.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        (u128::from(word()) << 64 | u128::from(word())).to_be_bytes()
    }
}

/// A stopwatch on the machine's monotonic clock, for time limits in code that cannot await.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts the stopwatch.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Blocks this thread until this much time has elapsed, for code that cannot await.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn wait_until(&self, elapsed: Duration) {
        std::thread::sleep(elapsed.saturating_sub(self.elapsed()));
    }
}

impl Clock {
    fn new(source: Source) -> Self {
        Clock { source: Arc::new(source), steady: Arc::default() }
    }

    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn system() -> Self {
        Self::new(Source::System(System { began: Instant::now(), set_ms: AtomicI64::new(0) }))
    }

    /// A clock that changes only with [`Clock::advance`]: for tests.
    pub fn manual(now_ms: i64) -> Self {
        Self::scripted(now_ms, 0)
    }

    /// As [`Clock::manual`], with run ids from a seed, so that the same steps give the same ids.
    pub fn scripted(now_ms: i64, seed: u64) -> Self {
        Self::new(Source::Manual(Manual {
            run_ms: AtomicI64::new(0),
            set_ms: AtomicI64::new(now_ms),
            moved: Notify::new(),
            drawn: AtomicU64::new(seed),
        }))
    }

    /// The same clock as seen by a new process, which has no earlier readings.
    pub fn restarted(&self) -> Self {
        Clock { source: self.source.clone(), steady: Arc::default() }
    }

    /// The current time, Unix milliseconds. It never goes back.
    pub fn now_ms(&self) -> i64 {
        let timer_ms = match &*self.source {
            Source::System(system) => milliseconds(system.began.elapsed()),
            Source::Manual(manual) => manual.run_ms.load(Ordering::SeqCst),
        };
        let clock_ms = self.shown_ms();
        self.steady.lock().unwrap_or_else(PoisonError::into_inner).tell(clock_ms, timer_ms)
    }

    /// The time of the machine's clock, Unix milliseconds. It may go back, so use it only to check dates from other
    /// machines.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn shown_ms(&self) -> i64 {
        match &*self.source {
            Source::System(system) => {
                jiff::Timestamp::now().as_millisecond().saturating_add(system.set_ms.load(Ordering::SeqCst))
            }
            Source::Manual(manual) => manual.shown_ms(),
        }
    }

    /// A new run id: a UUIDv7 (RFC 9562), so that ids sort by their creation time.
    pub fn new_run_id(&self) -> RunId {
        let now_ms = u64::try_from(self.now_ms()).unwrap_or(0);
        let random = match &*self.source {
            Source::System(_) => Uuid::new_v4().into_bytes(),
            Source::Manual(manual) => manual.draw(),
        };
        let mut bytes = [0_u8; 10];
        // The last ten bytes of a version 4 UUID contain two fixed bits; the builder sets the same bits.
        bytes.copy_from_slice(&random[6..]);
        RunId::from_uuid(uuid::Builder::from_unix_timestamp_millis(now_ms, &bytes).into_uuid())
    }

    /// Moves a manual clock forward. A system clock does not change.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &*self.source {
            manual.run_ms.fetch_add(milliseconds(by), Ordering::SeqCst);
            manual.moved.notify_waiters();
        }
    }

    /// Sets the wall clock forward or back, as an operator does, without any effect on sleeps. For tests; the machine's
    /// own clock does not change.
    pub fn jump(&self, by_ms: i64) {
        self.now_ms();
        let set_ms = match &*self.source {
            Source::System(system) => &system.set_ms,
            Source::Manual(manual) => &manual.set_ms,
        };
        set_ms.fetch_add(by_ms, Ordering::SeqCst);
        self.now_ms();
    }

    /// Waits until this time, Unix milliseconds. Returns at once for a past time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub async fn sleep_until(&self, at_ms: i64) {
        match &*self.source {
            Source::System(_) => {
                let wait = u64::try_from(at_ms.saturating_sub(self.now_ms())).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            Source::Manual(manual) => {
                let until_ms = manual.run_ms.load(Ordering::SeqCst).saturating_add(at_ms.saturating_sub(self.now_ms()));
                loop {
                    let moving = manual.moved.notified();
                    tokio::pin!(moving);
                    moving.as_mut().enable();
                    if manual.run_ms.load(Ordering::SeqCst) >= until_ms {
                        return;
                    }
                    moving.await;
                }
            }
        }
    }

    /// Waits for this duration.
    pub async fn sleep(&self, wait: Duration) {
        self.sleep_until(self.now_ms().saturating_add(milliseconds(wait))).await;
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Formats a time as in every API: RFC 3339 in UTC with milliseconds.
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
    fn the_time_never_goes_back_and_never_stands_still() {
        let clock = Clock::manual(10_000_000);
        clock.jump(-3_600_000);
        assert_eq!(clock.now_ms(), 10_000_000);
        assert_eq!(clock.shown_ms(), 6_400_000, "what others dated is judged by what is shown");
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now_ms(), 10_005_000, "it continues as if it had not been set back");
        clock.jump(3_600_000);
        assert_eq!(clock.now_ms(), 10_005_000, "and is right again once it is set right");
        clock.jump(60_000);
        assert_eq!(clock.now_ms(), 10_065_000, "forward is where it is set to");
        clock.jump(-10);
        assert_eq!(clock.now_ms(), 10_065_000);
        clock.advance(Duration::from_millis(10));
        assert_eq!(clock.now_ms(), 10_065_000, "a little is waited for");
        clock.jump(-3_600_000);
        assert!(clock.restarted().now_ms() < 10_000_000, "a new process knows nothing of it");
    }

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }
}
