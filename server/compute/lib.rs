//! Runs work of unpredictable cost off the threads of the async runtime: schemas, graphs, compiling expressions, plans.
//!
//! | file             | what                                                                        |
//! |------------------|-----------------------------------------------------------------------------|
//! | this one         | [`Compute`]: runs a job on a separate thread, with a deadline               |
//! | `fair_semaphore.rs` | permits, in turns of the tenants                                         |
//! | `threads.rs`     | the threads                                                                 |
//! | `worker_slot.rs` | the driver's slot, released while its work waits for a permit               |
//! | `clock.rs`       | the only code that reads the wall clock or sleeps                           |
//! | `sizes.rs`       | the size of a value, for limits on copies                                   |
//!
//! Threads cannot be interrupted, so every job has its own limits (steps, bytes, depth), and the deadline is the second
//! limit. After the deadline the caller gets an error, and the next job gets another thread. The end of the process
//! does not wait for the overdue thread.

pub mod clock;
mod fair_semaphore;
pub mod sizes;
mod threads;
pub mod worker_slot;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runyard_engine::FailureCode;
use runyard_engine::event::Failure;
use tokio::sync::oneshot;

pub use fair_semaphore::{FairSemaphore, Full, Permit};

use crate::clock::Clock;
use threads::{Stuck, Threads};

/// The number of threads that one tenant cannot use.
const SPARE: usize = 1;

/// Runs work on separate threads. Cheap to clone.
#[derive(Clone)]
pub struct Compute {
    /// If `None`, work runs on the caller's thread.
    inner: Option<Arc<Inner>>,
}

struct Inner {
    semaphore: FairSemaphore,
    threads: Threads,
    clock: Clock,
    deadline: Duration,
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The tenant has reached its limit of waiting jobs.
    #[error("too much work is waiting for a thread; try again")]
    Busy,
    /// The job reached its deadline.
    #[error("it took longer than the time allowed (limits.compute_ms)")]
    TookTooLong,
}

impl Refused {
    /// Converts it into the failure of a step. `what` names the work, as the beginning of a sentence.
    pub fn failure(self, what: &str) -> Failure {
        let message = format!("{what}: {self}");
        match self {
            Refused::Busy => {
                Failure { code: FailureCode::ServerBusy.into(), message, details: None, retryable: Some(true) }
            }
            Refused::TookTooLong => Failure {
                code: FailureCode::ValidationTooExpensive.into(),
                message,
                details: None,
                retryable: Some(false),
            },
        }
    }
}

impl Compute {
    /// Creates a pool. `threads` is the most concurrent jobs of one tenant, `queue` its most waiting jobs, and
    /// `deadline` the time limit of each job.
    pub fn new(threads: usize, queue: usize, deadline: Duration, clock: Clock) -> Self {
        let semaphore = FairSemaphore::new(threads + SPARE, threads, queue);
        let inner = Inner { semaphore, threads: Threads::default(), clock, deadline };
        Compute { inner: Some(Arc::new(inner)) }
    }

    /// Creates a pool without threads, which runs work on the caller's thread. For simulations, which must be
    /// deterministic, and for commands without a server.
    pub fn inline() -> Self {
        Compute { inner: None }
    }

    /// Runs this work under a permit of the tenant and returns its result.
    ///
    /// # Errors
    /// [`Refused`]; the work may then continue up to its own limits, and its result is dropped.
    pub async fn run<T, F>(&self, tenant: &str, work: F) -> Result<T, Refused>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let Some(inner) = &self.inner else { return Ok(work()) };
        let permit = inner.semaphore.acquire(tenant).await.map_err(|Full| Refused::Busy)?;
        inner.run(permit, work).await
    }

    /// As [`run`](Self::run), without a limit on waiting jobs: for the steps of runs, whose number the driver's workers
    /// limit.
    ///
    /// # Errors
    /// [`Refused`]; `Busy` only if the system cannot start a thread.
    pub async fn run_step<T, F>(&self, tenant: &str, work: F) -> Result<T, Refused>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let Some(inner) = &self.inner else { return Ok(work()) };
        inner.run(inner.semaphore.wait(tenant).await, work).await
    }
}

impl Inner {
    async fn run<T, F>(&self, permit: Permit, work: F) -> Result<T, Refused>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = Arc::new(Mutex::new(Some(permit)));
        let held = permit.clone();
        let (sender, result) = oneshot::channel();
        let job = Box::new(move || {
            let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // Release the permit before sending the result, so that the receiver can submit the next job.
            drop(held.lock().unwrap_or_else(PoisonError::into_inner).take());
            // If the caller has gone away, the result is dropped.
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
                    drop(permit.lock().unwrap_or_else(PoisonError::into_inner).take());
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
