//! The events of a run in order, over as many connections as it takes.
//!
//! The stream is resumed after the last received `seq`, so there is no gap. Events that a server repeats are dropped,
//! so there is no duplicate. The stream ends after the run's last event, or when the run has ended and there are no
//! more events.
//!
//! A client's `watch` returns the document's own events. [`Watch::over`] takes any other [`Source`]: one that first
//! finds the server of a run, or one whose events have no document's type ([`AnyEvent`]).

mod connection;
mod watcher;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use runyard_api::arp::schemas::RunEventType;
use runyard_api::client::{ByteStream, CallError, ResponseValue};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use self::watcher::Watcher;
use crate::document::ErrorBody;

/// An event of a stream that can be resumed.
pub trait Event: DeserializeOwned + Send + 'static {
    /// Its position among the events of the run.
    fn seq(&self) -> u64;

    /// Whether it is the run's last event.
    fn is_last(&self) -> bool;
}

/// An untyped event: any object with a `seq`.
#[derive(Debug, Clone, PartialEq)]
pub struct AnyEvent {
    /// Its position among the events of the run.
    pub seq: u64,
    /// The whole event.
    pub body: Value,
}

impl AnyEvent {
    /// The event type, for example `atomic_executed`; empty if it is missing.
    pub fn kind(&self) -> &str {
        self.text("type").unwrap_or_default()
    }

    /// The node run of the event.
    pub fn node_run_id(&self) -> Option<&str> {
        self.text("node_run_id")
    }

    /// The time of the event, RFC 3339.
    pub fn time(&self) -> Option<&str> {
        self.text("time")
    }

    /// The data of the event, which depends on its type.
    pub fn data(&self) -> Option<&Map<String, Value>> {
        self.body.get("data").and_then(Value::as_object)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }
}

impl Event for AnyEvent {
    fn seq(&self) -> u64 {
        self.seq
    }

    /// The name of the last event in ARP's run services. In documents with another name, the end of the stream decides.
    fn is_last(&self) -> bool {
        self.kind().parse().ok() == Some(RunEventType::RunCompleted)
    }
}

impl<'de> Deserialize<'de> for AnyEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Value::deserialize(deserializer)?;
        let seq = body.get("seq").and_then(Value::as_u64).ok_or_else(|| D::Error::custom("there is no `seq`"))?;
        Ok(Self { seq, body })
    }
}

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

/// An item of [`Watch::with_interruptions`]: an event or an interruption.
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
    fn wait(&self, count: u32) -> Duration {
        let factor = 2_u32.saturating_pow(count.saturating_sub(1));
        self.wait_min.saturating_mul(factor).min(self.wait_max)
    }
}

/// The events and interruptions of a run, in order.
pub type WatchItems<'a, E, R> = BoxStream<'a, Result<WatchItem<E, R>, WatchError<R>>>;

/// A watched run: a stream of its events `E`, which ends with the run or with an error. `R` is the document's error
/// body.
///
/// It sends no request before it is polled. Dropping it ends the watching and does not affect the run.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Watch<'a, E, R> {
    source: Option<Box<dyn Opens<R> + 'a>>,
    after: Option<u64>,
    backoff: Backoff,
    items: Option<WatchItems<'a, E, R>>,
}

impl<'a, E: Event, R: ErrorBody> Watch<'a, E, R> {
    /// Watches the events of this source.
    pub fn over(source: impl Source<Refusal = R> + 'a) -> Self {
        Self { source: Some(Box::new(source)), after: None, backoff: Backoff::default(), items: None }
    }

    /// Skips events up to the one with this `seq`.
    pub fn after(self, seq: u64) -> Self {
        Self { after: Some(seq), ..self }
    }

    /// How often and how fast it reconnects.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// The same events, with interruptions in between, for programs that show the connection's state.
    #[must_use = "a stream does nothing unless it is polled"]
    pub fn with_interruptions(mut self) -> WatchItems<'a, E, R> {
        self.begun();
        self.items.unwrap_or_else(|| futures::stream::empty().boxed())
    }

    fn begun(&mut self) -> Option<&mut WatchItems<'a, E, R>> {
        if let Some(source) = self.source.take() {
            self.items = Some(Watcher::new(source, self.after, self.backoff).with_interruptions());
        }
        self.items.as_mut()
    }
}

impl<E: Event, R: ErrorBody> Stream for Watch<'_, E, R> {
    type Item = Result<E, WatchError<R>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(items) = self.begun() else { return Poll::Ready(None) };
        loop {
            return Poll::Ready(match ready!(items.poll_next_unpin(context)) {
                Some(Ok(WatchItem::Event(event))) => Some(Ok(event)),
                Some(Ok(WatchItem::Interrupted { .. })) => continue,
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }
}

impl<E, R> Unpin for Watch<'_, E, R> {}

impl<E, R> fmt::Debug for Watch<'_, E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("after", &self.after).field("backoff", &self.backoff).finish_non_exhaustive()
    }
}

/// [`Source`] as a trait object.
trait Opens<R>: Send + Sync {
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

#[cfg(test)]
mod tests;
