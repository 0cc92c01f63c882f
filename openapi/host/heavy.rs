//! Runs work whose cost depends on the input, off the async worker threads.

use std::sync::LazyLock;

use tokio::sync::Semaphore;

use super::Fault;

/// Smaller work runs at once: handing it over would take longer.
const AT_ONCE_BYTES: usize = 32 * 1024;

/// One permit per processor: more work at a time would only take more memory.
static PLACES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// Runs this work on a text of `bytes` bytes.
///
/// # Errors
/// [`Fault::Internal`] when it panics.
pub(super) async fn run<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    if bytes <= AT_ONCE_BYTES {
        return Ok(work());
    }
    // The semaphore is never closed.
    let _place = PLACES.acquire().await.ok();
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Fault::Internal { reason: format!("a body could not be looked at: {error}") })
}
