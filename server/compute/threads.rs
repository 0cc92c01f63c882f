//! The threads: started when there is work and none is idle, and reused. `fair_semaphore.rs` limits their number.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Enough for the deepest recursion that the depth limits allow, even in a build without optimisation.
const STACK_BYTES: usize = 16 << 20;
/// The most abandoned threads that are replaced. Beyond that, their places stay occupied.
const STUCK_MAX: usize = 8;

const AT_WORK: u8 = 0;
const DONE: u8 = 1;
const GIVEN_UP: u8 = 2;

/// The threads. On drop, idle threads end at once, and busy ones after their job.
#[derive(Default)]
pub(super) struct Threads(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<JobQueue>,
    work: Condvar,
}

#[derive(Default)]
struct JobQueue {
    jobs: VecDeque<(Box<dyn FnOnce() + Send>, Job)>,
    idle: usize,
    stuck: usize,
    closed: bool,
}

/// A started job.
pub(super) type Job = Arc<AtomicU8>;

/// What happened to an abandoned thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stuck {
    /// It no longer occupies its place.
    Replaced,
    /// It still occupies its place, because it has just ended or there are too many abandoned threads.
    Counted,
}

impl Threads {
    /// Starts a job; `None` if the system cannot start a thread.
    pub(super) fn start(&self, work: Box<dyn FnOnce() + Send>) -> Option<Job> {
        let job: Job = Arc::default();
        let mut queue = self.0.lock();
        queue.jobs.push_back((work, job.clone()));
        if queue.idle >= queue.jobs.len() {
            self.0.work.notify_one();
            return Some(job);
        }
        let shared = self.0.clone();
        let thread = std::thread::Builder::new().name("runyard-compute".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn(move || shared.work()) {
            Ok(_) => Some(job),
            Err(error) => {
                tracing::error!(%error, "cannot start a thread for work");
                // Remove the job again. No thread has seen it, because the queue is still locked.
                queue.jobs.pop_back();
                None
            }
        }
    }

    /// Abandons a job that takes too long.
    pub(super) fn give_up(&self, job: &Job) -> Stuck {
        let mut queue = self.0.lock();
        let at_work = job.load(Ordering::SeqCst) == AT_WORK;
        if at_work && queue.stuck < STUCK_MAX {
            job.store(GIVEN_UP, Ordering::SeqCst);
            queue.stuck += 1;
            return Stuck::Replaced;
        }
        Stuck::Counted
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, JobQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        lower_priority();
        let mut queue = self.lock();
        loop {
            if let Some((work, job)) = queue.jobs.pop_front() {
                drop(queue);
                // The job catches its own panics.
                work();
                queue = self.lock();
                if job.swap(DONE, Ordering::SeqCst) == GIVEN_UP {
                    queue.stuck -= 1;
                    return;
                }
            } else if queue.closed {
                return;
            } else {
                queue.idle += 1;
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
            }
        }
    }
}

/// Lowers the priority of this thread below that of the async runtime: long work of one tenant must not delay the short
/// work of others when every processor is busy.
#[cfg(target_os = "linux")]
fn lower_priority() {
    /// The lowest: with every processor busy, a higher one takes milliseconds from the async runtime each time that it
    /// wakes. Deadlines also count while work waits for a processor; they are longer than it waits.
    const NICE: i32 = 19;
    // On Linux this is the priority of the calling thread alone.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "the priority of a thread stays as it is");
    }
}

/// Elsewhere a priority belongs to the whole process.
#[cfg(not(target_os = "linux"))]
fn lower_priority() {}
