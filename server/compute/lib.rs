//! Work whose cost is not constant, off the threads of the async runtime: schemas, graphs, expressions as written, plans.
//!
//! | file             | what                                                                        |
//! |------------------|-----------------------------------------------------------------------------|
//! | this one         | [`Compute`]: runs a piece of work on a thread of its own, within a deadline |
//! | `turns.rs`       | who is next: round robin over the tenants                                   |
//! | `threads.rs`     | the threads                                                                 |
//! | `worker_slot.rs` | the driver's slot, given back while its work waits for a turn               |
//! | `clock.rs`       | the only reader of the wall clock, and the only place that sleeps           |
//! | `sizes.rs`       | how large a value is, for bounds on what is copied                          |
//!
//! Threads cannot be interrupted, so that every piece of work is bounded by itself (steps, bytes, depth) and the deadline is the second
//! bound. A thread whose work is past it no longer counts: the caller has its refusal, the next in line has a thread, and the end of
//! the process does not wait for it.

pub mod clock;
pub mod sizes;
mod threads;
mod turns;
pub mod worker_slot;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runyard_engine::event::Failure;
use tokio::sync::oneshot;

pub use turns::{Full, Turn, Turns};

use crate::clock::Clock;
use threads::{Stuck, Threads};

/// Threads that one tenant leaves for the others.
const SPARE: usize = 1;

/// Runs work on threads of its own. Cheap to clone.
#[derive(Clone)]
pub struct Compute {
    /// Absent: work is done where it is asked for.
    inner: Option<Arc<Inner>>,
}

struct Inner {
    turns: Turns,
    threads: Threads,
    clock: Clock,
    deadline: Duration,
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The tenant has as much waiting as it may.
    #[error("too much work is waiting for a thread; try again")]
    Busy,
    /// It took longer than it may.
    #[error("it took longer than the time allowed (limits.compute_ms)")]
    TookTooLong,
}

impl Refused {
    /// As the failure of a step. `what` was to be done, as the beginning of a sentence.
    pub fn failure(self, what: &str) -> Failure {
        let message = format!("{what}: {self}");
        match self {
            Refused::Busy => Failure { code: "server_busy".to_owned(), message, details: None, retryable: Some(true) },
            Refused::TookTooLong => {
                Failure { code: "validation_too_expensive".to_owned(), message, details: None, retryable: Some(false) }
            }
        }
    }
}

impl Compute {
    /// So many pieces of work of one tenant at a time, so many of it that wait, and so long for each.
    pub fn new(threads: usize, queue: usize, deadline: Duration, clock: Clock) -> Self {
        let turns = Turns::new(threads + SPARE, threads, queue);
        let inner = Inner { turns, threads: Threads::default(), clock, deadline };
        Compute { inner: Some(Arc::new(inner)) }
    }

    /// No threads: work is done where it is asked for. For simulations, which repeat every step, and for commands that serve nobody.
    pub fn inline() -> Self {
        Compute { inner: None }
    }

    /// The result of this work, when it has been this tenant's turn.
    ///
    /// # Errors
    /// [`Refused`]; the work may go on for as long as its own bounds let it, and its result is dropped.
    pub async fn run<T, F>(&self, tenant: &str, work: F) -> Result<T, Refused>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let Some(inner) = &self.inner else { return Ok(work()) };
        let turn = inner.turns.take(tenant).await.map_err(|Full| Refused::Busy)?;
        inner.run(turn, work).await
    }

    /// The same, however much of the tenant's waits: for the steps of runs, of which the workers of the driver are the bound.
    ///
    /// # Errors
    /// [`Refused`]; busy only where the system has no thread.
    pub async fn run_step<T, F>(&self, tenant: &str, work: F) -> Result<T, Refused>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let Some(inner) = &self.inner else { return Ok(work()) };
        inner.run(inner.turns.wait(tenant).await, work).await
    }
}

impl Inner {
    async fn run<T, F>(&self, turn: Turn, work: F) -> Result<T, Refused>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let turn = Arc::new(Mutex::new(Some(turn)));
        let held = turn.clone();
        let (sender, result) = oneshot::channel();
        let job = Box::new(move || {
            let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // Before the result, so that whoever has that can ask for more.
            drop(held.lock().unwrap_or_else(PoisonError::into_inner).take());
            // A caller that has gone away wants no result.
            let _ = sender.send(worked);
        });
        let job = self.threads.start(job).ok_or(Refused::Busy)?;
        tokio::select! {
            biased;
            worked = result => match worked {
                Ok(Ok(worked)) => Ok(worked),
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(_) => Err(Refused::Busy),
            },
            () = self.clock.sleep(self.deadline) => {
                if self.threads.give_up(&job) == Stuck::Replaced {
                    drop(turn.lock().unwrap_or_else(PoisonError::into_inner).take());
                }
                Err(Refused::TookTooLong)
            }
        }
    }
}

impl std::fmt::Debug for Compute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.inner.is_some() { "Compute(threads)" } else { "Compute(inline)" })
    }
}

#[cfg(test)]
mod tests;
