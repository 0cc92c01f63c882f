//! Where the events of a run come from, and what a watcher makes of them.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use runyard_api::client::{ByteStream, CallError, ResponseValue};

use crate::document::ErrorBody;

/// A source of a run's events.
pub trait Source: Send + Sync {
    /// The error body of the document.
    type Refusal: ErrorBody;

    /// Opens the stream after the event with this `seq`, or from the first event. A `text/event-stream` is parsed as
    /// such; any other content type is read as lines of JSON.
    fn open(
        &self,
        after: Option<u64>,
    ) -> impl Future<Output = Result<ResponseValue<ByteStream>, CallError<Self::Refusal>>> + Send;

    /// Whether the run has ended. The watcher calls this when a stream ends without its last event.
    fn has_ended(&self) -> impl Future<Output = Result<bool, CallError<Self::Refusal>>> + Send;
}

/// An item of [`Watch::with_interruptions`](super::Watch::with_interruptions): an event or an interruption.
#[derive(Debug)]
pub enum WatchItem<E, R> {
    /// An event of the run.
    Event(E),
    /// The connection was lost. Another one is opened after this wait.
    Interrupted {
        /// The cause.
        cause: Interruption<R>,
        /// Consecutive interruptions without an event, from 1.
        count: u32,
        /// The wait before the next attempt.
        wait: Duration,
    },
}

/// Why a connection was lost.
#[derive(Debug)]
pub enum Interruption<R> {
    /// The server ended the stream before the run had ended, for example because it is stopping.
    Ended,
    /// The connection broke.
    Broken(String),
    /// The server could not be reached, or is temporarily unable to answer.
    Unavailable(CallError<R>),
}

impl<R: ErrorBody> fmt::Display for Interruption<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the server ended the stream"),
            Self::Broken(reason) => write!(f, "the stream broke: {reason}"),
            Self::Unavailable(error) => error.fmt(f),
        }
    }
}

/// Why watching failed before the run had ended.
#[derive(Debug)]
pub enum WatchError<R> {
    /// A retry will not help.
    Refused(CallError<R>),
    /// The response is not a stream of the document's events.
    NotEvents(String),
    /// The maximum number of consecutive attempts has failed.
    GaveUp {
        /// Attempts without an event in between.
        count: u32,
        /// The cause of the last failure.
        cause: Interruption<R>,
    },
}

impl<R: ErrorBody> fmt::Display for WatchError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::NotEvents(reason) => write!(f, "what the server sends is no stream of events: {reason}"),
            Self::GaveUp { count, cause } => write!(f, "gave up after {count} attempts: {cause}"),
        }
    }
}

impl<R: ErrorBody> std::error::Error for WatchError<R> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) | Self::GaveUp { cause: Interruption::Unavailable(error), .. } => Some(error),
            Self::NotEvents(_) | Self::GaveUp { .. } => None,
        }
    }
}

/// How often and how fast a watcher reconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The most consecutive attempts without an event. Default 10.
    pub attempts_max: u32,
    /// The first wait; each further one is twice as long. Default 250 ms.
    pub wait_min: Duration,
    /// The longest wait. Default 5 s.
    pub wait_max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { attempts_max: 10, wait_min: Duration::from_millis(250), wait_max: Duration::from_secs(5) }
    }
}

impl Backoff {
    pub(super) fn wait(&self, count: u32) -> Duration {
        let factor = 2_u32.saturating_pow(count.saturating_sub(1));
        self.wait_min.saturating_mul(factor).min(self.wait_max)
    }
}

/// The events and interruptions of a run, in order.
pub type WatchItems<'a, E, R> = BoxStream<'a, Result<WatchItem<E, R>, WatchError<R>>>;

/// [`Source`] as a trait object.
pub(super) trait Opens<R>: Send + Sync {
    fn open(&self, after: Option<u64>) -> BoxFuture<'_, Result<ResponseValue<ByteStream>, CallError<R>>>;
    fn has_ended(&self) -> BoxFuture<'_, Result<bool, CallError<R>>>;
}

impl<S: Source> Opens<S::Refusal> for S {
    fn open(&self, after: Option<u64>) -> BoxFuture<'_, Result<ResponseValue<ByteStream>, CallError<S::Refusal>>> {
        Box::pin(Source::open(self, after))
    }

    fn has_ended(&self) -> BoxFuture<'_, Result<bool, CallError<S::Refusal>>> {
        Box::pin(Source::has_ended(self))
    }
}
