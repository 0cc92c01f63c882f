//! Runs of documents that stream events: [`crate::watch`] and [`crate::wait`] for their clients.

use std::future::Future;

use futures::StreamExt;
use runyard_api::client::{ByteStream, CallError, ResponseValue};

use crate::document::ErrorBody;
use crate::pause::pause;
use crate::wait::{POLL_EVERY, Wait, WaitError, Waiting};
use crate::watch::{Backoff, Event, Source, Watch, WatchError};

/// What watching and waiting need of a client.
pub(crate) trait Runs: Clone + Send + Sync + 'static {
    /// What its streams are made of.
    type Event: Event;
    /// The error body of its document.
    type Refusal: ErrorBody;
    /// What is left of a run that has ended.
    type Ended: Send + 'static;

    /// Opens the stream of a run's events after a `seq`.
    fn open(
        &self,
        run_id: &str,
        after: Option<u64>,
    ) -> impl Future<Output = Result<ResponseValue<ByteStream>, CallError<Self::Refusal>>> + Send;

    /// The run, if it has ended.
    fn ended(&self, run_id: &str)
    -> impl Future<Output = Result<Option<Self::Ended>, CallError<Self::Refusal>>> + Send;
}

/// A `seq` as the generated requests have it. Not sent when nothing was seen: a server that knows the owner's contract alone does
/// not know the parameter.
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
    // At once after the last event; without a stream, by reading the run again and again.
    loop {
        match client.ended(&run_id).await {
            Ok(Some(ended)) => return Ok(ended),
            Ok(None) => pause(POLL_EVERY).await,
            Err(error) => return Err(WaitError::Call(error)),
        }
    }
}

/// The standards make the stream optional, and some servers send one that is none. A run that is not there is told by looking at it.
fn is_no_stream<R>(error: &WatchError<R>) -> bool {
    match error {
        WatchError::NotEvents(_) => true,
        WatchError::Refused(error) => {
            error.status().is_some_and(|status| matches!(status.as_u16(), 404 | 405 | 406 | 501))
        }
        WatchError::GaveUp { .. } => false,
    }
}
