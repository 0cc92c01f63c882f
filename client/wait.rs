//! The end of a run, waited for.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use runyard_api::client::CallError;

use crate::document::{Asked, ErrorBody, Runs};
use crate::pause::pause;
use crate::watch::{self, Backoff, WatchError};

/// How often a server that does not stream is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

type Waiting<'a, T, R> = BoxFuture<'a, Result<T, WaitError<R>>>;

/// Waits for a run's end when it is awaited. `T` is what is left of a run, `R` the document's error body.
#[must_use = "it waits when it is awaited"]
pub struct Wait<'a, T, R> {
    waiting: Box<dyn FnOnce(Backoff) -> Waiting<'a, T, R> + Send + 'a>,
    backoff: Backoff,
    at_most: Option<Duration>,
}

/// Why there is no end to tell of.
#[derive(Debug)]
pub enum WaitError<R> {
    /// The run was lost sight of. It may well go on.
    Watch(WatchError<R>),
    /// The run cannot be looked at.
    Call(CallError<R>),
    /// It took longer than [`Wait::at_most`]. The run goes on.
    TimedOut {
        /// The bound.
        after: Duration,
    },
}

impl<R: ErrorBody> fmt::Display for WaitError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watch(error) => error.fmt(f),
            Self::Call(error) => error.fmt(f),
            Self::TimedOut { after } => write!(f, "the run has not ended within {after:?}; it goes on"),
        }
    }
}

impl<R: ErrorBody> std::error::Error for WaitError<R> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Watch(error) => Some(error),
            Self::Call(error) => Some(error),
            Self::TimedOut { .. } => None,
        }
    }
}

impl<T, R> Wait<'_, T, R> {
    /// Waits no longer than this.
    pub fn at_most(self, bound: Duration) -> Self {
        Self { at_most: Some(bound), ..self }
    }

    /// How often and how fast it tries again when the connection is gone.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }
}

impl<'a, T: Send + 'a, R: Send + 'a> IntoFuture for Wait<'a, T, R> {
    type Output = Result<T, WaitError<R>>;
    type IntoFuture = Waiting<'a, T, R>;

    fn into_future(self) -> Self::IntoFuture {
        let waiting = (self.waiting)(self.backoff);
        let Some(bound) = self.at_most else { return waiting };
        Box::pin(async move {
            tokio::time::timeout(bound, waiting).await.unwrap_or(Err(WaitError::TimedOut { after: bound }))
        })
    }
}

impl<T, R> fmt::Debug for Wait<'_, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("at_most", &self.at_most).field("patience", &self.backoff).finish_non_exhaustive()
    }
}

/// Waits for a run of a document's client.
pub(crate) fn of_run<C: Runs>(client: C, run_id: String) -> Wait<'static, C::Ended, C::Refusal> {
    let waiting = move |backoff| -> Waiting<'static, _, _> { Box::pin(end(client, run_id, backoff)) };
    Wait { waiting: Box::new(waiting), backoff: Backoff::default(), at_most: None }
}

/// Waits for a run of a client whose document has no streams.
pub(crate) fn of_asked<C: Asked>(client: C, run: String) -> Wait<'static, C::Ended, C::Refusal> {
    let waiting = move |_| -> Waiting<'static, _, _> {
        Box::pin(async move {
            loop {
                match client.ended(&run).await {
                    Ok(Some(ended)) => return Ok(ended),
                    Ok(None) => pause(ASK_EVERY).await,
                    Err(error) => return Err(WaitError::Call(error)),
                }
            }
        })
    };
    Wait { waiting: Box::new(waiting), backoff: Backoff::default(), at_most: None }
}

async fn end<C: Runs>(client: C, run_id: String, backoff: Backoff) -> Result<C::Ended, WaitError<C::Refusal>> {
    let mut watch = watch::of_run(client.clone(), run_id.clone()).backoff(backoff);
    while let Some(event) = watch.next().await {
        match event {
            Ok(_) => {}
            Err(error) if is_no_stream(&error) => break,
            Err(error) => return Err(WaitError::Watch(error)),
        }
    }
    // At once after the last event; where there is no stream of events, when it is so far.
    loop {
        match client.ended(&run_id).await {
            Ok(Some(ended)) => return Ok(ended),
            Ok(None) => pause(ASK_EVERY).await,
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
