//! The only reader of the wall clock, and the only place that sleeps. Everything else is told the time.
//!
//! The time that is told never goes back while a process lives: who sets the machine's clock back does not make what is due, or a
//! lease that runs out, wait for as long again.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use runyard_engine::RunId;
use tokio::sync::Notify;
use uuid::Uuid;

/// Tells the time and waits for it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Arc<Source>,
    steady: Arc<Mutex<Steady>>,
}

#[derive(Debug)]
enum Source {
    /// The machine's.
    System(System),
    Manual(Manual),
}

/// The machine's clock, and when it was first asked, by the timer.
#[derive(Debug)]
struct System {
    began: Instant,
    /// How far a test has set it, milliseconds.
    set_ms: AtomicI64,
}

/// How far a clock and a timer may differ between two looks before somebody is thought to have set the clock, milliseconds.
/// What adjusts clocks gently stays far below.
const SET_MS: i64 = 1_000;

/// What is remembered so that the time never goes back. A clock that is set back is told on as if it had not been, until it is set
/// forward again.
#[derive(Debug, Default)]
struct Steady {
    /// The last look: clock and timer, milliseconds.
    last: Option<(i64, i64)>,
    /// How far what is told is before the clock, milliseconds.
    ahead_ms: i64,
    told_ms: i64,
}

impl Steady {
    /// The time to tell when clock and timer show this.
    fn tell(&mut self, clock_ms: i64, timer_ms: i64) -> i64 {
        let (last_clock_ms, last_timer_ms) = self.last.replace((clock_ms, timer_ms)).unwrap_or((clock_ms, timer_ms));
        let set_ms = clock_ms - last_clock_ms - (timer_ms - last_timer_ms);
        if set_ms.abs() >= SET_MS {
            self.ahead_ms = (self.ahead_ms - set_ms).max(0);
        }
        self.told_ms = self.told_ms.max(clock_ms.saturating_add(self.ahead_ms));
        self.told_ms
    }
}

/// A clock in two parts, as a machine has them: a timer that only runs, and a wall clock that can be set.
#[derive(Debug)]
struct Manual {
    /// The timer, milliseconds. Sleeping is measured by it.
    run_ms: AtomicI64,
    /// What the wall clock shows when the timer shows nothing, Unix milliseconds.
    set_ms: AtomicI64,
    moved: Notify,
    /// Where the ids that it makes come from.
    drawn: AtomicU64,
}

impl Manual {
    fn shown_ms(&self) -> i64 {
        self.set_ms.load(Ordering::SeqCst).saturating_add(self.run_ms.load(Ordering::SeqCst))
    }

    /// The next 16 bytes (SplitMix64), for ids that are the same when everything is repeated.
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

/// How long something takes, by the timer of the machine: for bounds that are kept where nobody can wait.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Until now.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Keeps this thread from going on until so much has elapsed: for what must be done on time and can wait nowhere else.
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

    /// A clock that stands still until [`Clock::advance`] moves it: for tests.
    pub fn manual(now_ms: i64) -> Self {
        Self::scripted(now_ms, 0)
    }

    /// As [`Clock::manual`], with run ids that follow from a seed: whoever repeats the same steps names the same runs.
    pub fn scripted(now_ms: i64, seed: u64) -> Self {
        Self::new(Source::Manual(Manual {
            run_ms: AtomicI64::new(0),
            set_ms: AtomicI64::new(now_ms),
            moved: Notify::new(),
            drawn: AtomicU64::new(seed),
        }))
    }

    /// The same clock as a new process finds it, which does not know what was told before.
    pub fn restarted(&self) -> Self {
        Clock { source: self.source.clone(), steady: Arc::default() }
    }

    /// Now, in Unix milliseconds. Never less than before.
    pub fn now_ms(&self) -> i64 {
        let timer_ms = match &*self.source {
            Source::System(system) => milliseconds(system.began.elapsed()),
            Source::Manual(manual) => manual.run_ms.load(Ordering::SeqCst),
        };
        let clock_ms = self.shown_ms();
        self.steady.lock().unwrap_or_else(PoisonError::into_inner).tell(clock_ms, timer_ms)
    }

    /// What the machine's clock shows, Unix milliseconds. It goes back when somebody sets it back, so it is only for judging
    /// dates that others wrote by clocks of their own.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn shown_ms(&self) -> i64 {
        match &*self.source {
            Source::System(system) => {
                jiff::Timestamp::now().as_millisecond().saturating_add(system.set_ms.load(Ordering::SeqCst))
            }
            Source::Manual(manual) => manual.shown_ms(),
        }
    }

    /// A fresh run id: a UUIDv7 (RFC 9562), so that ids sort by the time at which they were made.
    pub fn new_run_id(&self) -> RunId {
        let now_ms = u64::try_from(self.now_ms()).unwrap_or(0);
        let random = match &*self.source {
            Source::System(_) => Uuid::new_v4().into_bytes(),
            Source::Manual(manual) => manual.draw(),
        };
        let mut bytes = [0_u8; 10];
        // The last ten bytes of a version 4 hold two fixed bits; the builder sets those same bits again.
        bytes.copy_from_slice(&random[6..]);
        RunId::from_uuid(uuid::Builder::from_unix_timestamp_millis(now_ms, &bytes).into_uuid())
    }

    /// Moves a manual clock forward. A system clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &*self.source {
            manual.run_ms.fetch_add(milliseconds(by), Ordering::SeqCst);
            manual.moved.notify_waiters();
        }
    }

    /// Sets the clock forward or back, as an operator does: it shows another time, and nobody has slept longer for it. For tests:
    /// the machine's own clock stays as it is.
    pub fn jump(&self, by_ms: i64) {
        self.now_ms();
        let set_ms = match &*self.source {
            Source::System(system) => &system.set_ms,
            Source::Manual(manual) => &manual.set_ms,
        };
        set_ms.fetch_add(by_ms, Ordering::SeqCst);
        self.now_ms();
    }

    /// Waits until the clock says this, Unix milliseconds. Returns at once for a time that is past.
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

    /// Waits this long.
    pub async fn sleep(&self, wait: Duration) {
        self.sleep_until(self.now_ms().saturating_add(milliseconds(wait))).await;
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A time as every API writes it: RFC 3339 in UTC with milliseconds.
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
        assert_eq!(clock.now_ms(), 10_005_000, "it goes on as if nobody had set it");
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
