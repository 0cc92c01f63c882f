//! Waiting for runs of documents without streams: [`crate::wait`] polls the run.

use std::future::Future;

use runyard_api::client::CallError;

use crate::document::ErrorBody;
use crate::pause::pause;
use crate::wait::{POLL_EVERY, Wait, WaitError, Waiting};

/// What a client of a document without streams must provide for waiting.
pub(crate) trait Polled: Clone + Send + Sync + 'static {
    /// The error body of its document.
    type Refusal: ErrorBody;
    /// The final state of a run.
    type Ended: Send + 'static;

    /// The run's final state, if it has ended.
    fn ended(&self, run: &str) -> impl Future<Output = Result<Option<Self::Ended>, CallError<Self::Refusal>>> + Send;
}

/// Waits for a run of a client whose document has no streams.
pub(crate) fn wait<C: Polled>(client: C, run: String) -> Wait<'static, C::Ended, C::Refusal> {
    let waiting = move |_| -> Waiting<'static, _, _> {
        Box::pin(async move {
            loop {
                match client.ended(&run).await {
                    Ok(Some(ended)) => return Ok(ended),
                    Ok(None) => pause(POLL_EVERY).await,
                    Err(error) => return Err(WaitError::Call(error)),
                }
            }
        })
    };
    Wait::new(waiting)
}
