//! Waiting for the end of a run.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use futures::future::BoxFuture;
use runyard_api::client::CallError;

use crate::document::ErrorBody;
use crate::watch::{Backoff, WatchError};

/// The poll interval for servers that do not stream.
pub(crate) const POLL_EVERY: Duration = Duration::from_secs(1);

pub(crate) type Waiting<'a, T, R> = BoxFuture<'a, Result<T, WaitError<R>>>;

/// Waits for a run's end when it is awaited. `T` is the final state of a run, `R` the document's error body.
#[must_use = "it waits when it is awaited"]
pub struct Wait<'a, T, R> {
    waiting: Box<dyn FnOnce(Backoff) -> Waiting<'a, T, R> + Send + 'a>,
    backoff: Backoff,
    at_most: Option<Duration>,
}

/// Why the end of a run is not known.
#[derive(Debug)]
pub enum WaitError<R> {
    /// Watching the run failed. The run may go on.
    Watch(WatchError<R>),
    /// The run cannot be read.
    Call(CallError<R>),
    /// The wait exceeded [`Wait::at_most`]. The run goes on.
    TimedOut {
        /// The time limit.
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

impl<'a, T, R> Wait<'a, T, R> {
    /// A wait that begins when it is awaited.
    pub(crate) fn new(waiting: impl FnOnce(Backoff) -> Waiting<'a, T, R> + Send + 'a) -> Self {
        Self { waiting: Box::new(waiting), backoff: Backoff::default(), at_most: None }
    }

    /// Sets a time limit.
    pub fn at_most(self, bound: Duration) -> Self {
        Self { at_most: Some(bound), ..self }
    }

    /// How often and how fast it reconnects.
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
        f.debug_struct("Wait").field("at_most", &self.at_most).field("backoff", &self.backoff).finish_non_exhaustive()
    }
}
