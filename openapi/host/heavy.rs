//! Work whose cost is not constant, off the threads that answer everybody.

use std::sync::LazyLock;

use tokio::sync::Semaphore;

use super::Fault;

/// What is smaller than this is done at once: handing it over would take longer.
const AT_ONCE_BYTES: usize = 32 * 1024;

/// As many at a time as there are processors: more would only be in memory together.
static PLACES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// Does this work over a text of so many bytes.
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
    // Never closed.
    let _place = PLACES.acquire().await.ok();
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Fault::Internal { reason: format!("a body could not be looked at: {error}") })
}
