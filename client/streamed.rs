//! Runs of documents that stream events: [`crate::watch`] and [`crate::wait`] for their clients.

use std::future::Future;

use futures::StreamExt;
use runyard_api::client::{ByteStream, CallError, ResponseValue};

use crate::document::ErrorBody;
use crate::pause::pause;
use crate::wait::{POLL_EVERY, Wait, WaitError, Waiting};
use crate::watch::{Backoff, Event, Source, Watch, WatchError};

/// What a client must provide for watching and waiting.
pub(crate) trait Runs: Clone + Send + Sync + 'static {
    /// The events of its streams.
    type Event: Event;
    /// The error body of its document.
    type Refusal: ErrorBody;
    /// The final state of a run.
    type Ended: Send + 'static;

    /// Opens the stream of a run's events after a `seq`.
    fn open(
        &self,
        run_id: &str,
        after: Option<u64>,
    ) -> impl Future<Output = Result<ResponseValue<ByteStream>, CallError<Self::Refusal>>> + Send;

    /// The run's final state, if it has ended.
    fn ended(&self, run_id: &str)
    -> impl Future<Output = Result<Option<Self::Ended>, CallError<Self::Refusal>>> + Send;
}

/// A `seq` in the type of generated requests. It is not sent before the first event, because a server that implements
/// only the vendor's document does not have the parameter.
pub(crate) fn seq(after: Option<u64>) -> Option<i64> {
    after.and_then(|seq| i64::try_from(seq).ok())
}

/// Watches a run of a document's client.
pub(crate) fn watch<C: Runs>(client: C, run_id: String) -> Watch<'static, C::Event, C::Refusal> {
    Watch::over(OfRun { client, run_id })
}

struct OfRun<C> {
    client: C,
    run_id: String,
}

impl<C: Runs> Source for OfRun<C> {
    type Refusal = C::Refusal;

    async fn open(&self, after: Option<u64>) -> Result<ResponseValue<ByteStream>, CallError<C::Refusal>> {
        self.client.open(&self.run_id, after).await
    }

    async fn has_ended(&self) -> Result<bool, CallError<C::Refusal>> {
        Ok(self.client.ended(&self.run_id).await?.is_some())
    }
}

/// Waits for a run of a document's client.
pub(crate) fn wait<C: Runs>(client: C, run_id: String) -> Wait<'static, C::Ended, C::Refusal> {
    let waiting = move |backoff| -> Waiting<'static, _, _> { Box::pin(end(client, run_id, backoff)) };
    Wait::new(waiting)
}

async fn end<C: Runs>(client: C, run_id: String, backoff: Backoff) -> Result<C::Ended, WaitError<C::Refusal>> {
    let mut events = watch(client.clone(), run_id.clone()).backoff(backoff);
    while let Some(event) = events.next().await {
        match event {
            Ok(_) => {}
            Err(error) if is_no_stream(&error) => break,
            Err(error) => return Err(WaitError::Watch(error)),
        }
    }
    // Reads the run right after the last event; without a stream, polls it.
    loop {
        match client.ended(&run_id).await {
            Ok(Some(ended)) => return Ok(ended),
            Ok(None) => pause(POLL_EVERY).await,
            Err(error) => return Err(WaitError::Call(error)),
        }
    }
}

/// Streams are optional in the standards, and some servers send an invalid one. A run that does not exist is detected
/// by reading it.
fn is_no_stream<R>(error: &WatchError<R>) -> bool {
    match error {
        WatchError::NotEvents(_) => true,
        WatchError::Refused(error) => {
            error.status().is_some_and(|status| matches!(status.as_u16(), 404 | 405 | 406 | 501))
        }
        WatchError::GaveUp { .. } => false,
    }
}
