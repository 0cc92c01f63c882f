//! The processor time that an evaluation has used. Limits count it and not the time of day: evaluations have the lowest
//! priority, so on a busy machine they mostly wait.

use std::time::Duration;

use runyard_compute::clock::Stopwatch;

/// How many times longer than its limit an evaluation may take by the clock, whatever it waits for.
pub(super) const WAITING: u32 = 8;

/// Whose time is measured.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    /// The calling thread.
    Thread,
    /// The whole process.
    Process,
}

/// The time since an evaluation began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    subject: Subject,
    at_start: Duration,
    clock: Stopwatch,
}

impl Used {
    /// Begins to measure.
    pub(super) fn start(subject: Subject) -> Self {
        Used { subject, at_start: used_by(subject).unwrap_or_default(), clock: Stopwatch::start() }
    }

    /// The processor time since then; the time by the clock where the system does not say.
    pub(super) fn elapsed(&self) -> Duration {
        match used_by(self.subject) {
            Some(now) => now.saturating_sub(self.at_start),
            None => self.clock.elapsed(),
        }
    }

    /// Whether this much processor time is used, or far more time has passed.
    pub(super) fn exceeds(&self, most: Duration) -> bool {
        self.elapsed() > most || self.clock.elapsed() > most * WAITING
    }
}

#[cfg(unix)]
fn used_by(subject: Subject) -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};

    let clock = match subject {
        Subject::Thread => ClockId::ThreadCPUTime,
        Subject::Process => ClockId::ProcessCPUTime,
    };
    Duration::try_from(clock_gettime(clock)).ok()
}

#[cfg(not(unix))]
fn used_by(_: Subject) -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_uses_no_processor_time_and_ends_all_the_same() {
        let used = Used::start(Subject::Thread);
        let short = Duration::from_millis(20);
        Stopwatch::start().wait_until(short * 2);
        assert!(used.elapsed() < short, "{used:?}");
        assert!(!used.exceeds(short));
        Stopwatch::start().wait_until(short * WAITING);
        assert!(used.exceeds(short));
    }

    #[test]
    fn work_uses_processor_time() {
        let used = Used::start(Subject::Thread);
        while used.elapsed() < Duration::from_millis(10) {
            std::hint::black_box(used.elapsed());
        }
        assert!(used.exceeds(Duration::from_millis(9)));
    }
}
