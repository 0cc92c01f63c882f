//! The events of a run, one after the other, over as many connections as it takes.
//!
//! The stream is resumed after the last `seq` that was seen, so there is no gap; events that a server repeats all the same are
//! dropped, so there is no duplicate. It ends after the run's last event, or when the run has ended and there is nothing more.
//!
//! A client's `watch` gives the document's own events. [`Watch::over`] takes any other [`Source`]: one that finds another server
//! first, or that gives events in no document's types ([`AnyEvent`]).

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
use runyard_api::client::{ByteStream, CallError, ResponseValue};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use self::watcher::Watcher;
use crate::document::ErrorBody;

/// One event of a stream that can be resumed.
pub trait Event: DeserializeOwned + Send + 'static {
    /// Its place among the events of the run.
    fn seq(&self) -> u64;

    /// Whether no other comes after it.
    fn is_last(&self) -> bool;
}

/// An event as it was sent, in no document's types: whatever has a `seq`.
#[derive(Debug, Clone, PartialEq)]
pub struct AnyEvent {
    /// Its place among the events of the run.
    pub seq: u64,
    /// The whole event.
    pub body: Value,
}

impl AnyEvent {
    /// What happened, for example `atomic_executed`; empty when it is not said.
    pub fn kind(&self) -> &str {
        self.text("type").unwrap_or_default()
    }

    /// The node run that it is about.
    pub fn node_run_id(&self) -> Option<&str> {
        self.text("node_run_id")
    }

    /// When it happened, RFC 3339.
    pub fn time(&self) -> Option<&str> {
        self.text("time")
    }

    /// The facts of its kind.
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

    /// As ARP's run services name it. Where a document names it otherwise, the end of the stream is the end.
    fn is_last(&self) -> bool {
        self.kind() == "run_completed"
    }
}

impl<'de> Deserialize<'de> for AnyEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Value::deserialize(deserializer)?;
        let seq = body.get("seq").and_then(Value::as_u64).ok_or_else(|| D::Error::custom("there is no `seq`"))?;
        Ok(Self { seq, body })
    }
}

/// Where the events of a run come from.
pub trait Source: Send + Sync {
    /// The error body of the document.
    type Refusal: ErrorBody;

    /// Opens the stream after the event with this `seq`; from the first event where there is none. The content type says
    /// whether it is a `text/event-stream`; anything else is read as lines of JSON.
    fn open(
        &self,
        after: Option<u64>,
    ) -> impl Future<Output = Result<ResponseValue<ByteStream>, CallError<Self::Refusal>>> + Send;

    /// Whether the run has ended. Asked when a stream ends without its last event.
    fn has_ended(&self) -> impl Future<Output = Result<bool, CallError<Self::Refusal>>> + Send;
}

/// What a watcher is told: see [`Watch::told`].
#[derive(Debug)]
pub enum Seen<E, R> {
    /// Something happened in the run.
    Event(E),
    /// The connection is gone. Another is opened after this wait.
    Interrupted {
        /// Why.
        cause: Interruption<R>,
        /// Interruptions in a row without an event, from 1.
        count: u32,
        /// The wait before the next attempt.
        wait: Duration,
    },
}

/// Why a connection is gone.
#[derive(Debug)]
pub enum Interruption<R> {
    /// The server ended the stream before the run had ended, for example because it stops.
    Ended,
    /// The connection broke.
    Broken(String),
    /// The server could not be reached, or could not answer now.
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

/// Why watching ended without the run having ended.
#[derive(Debug)]
pub enum WatchError<R> {
    /// Trying again will not help.
    Refused(CallError<R>),
    /// What arrives is no stream of the document's events.
    NotEvents(String),
    /// As many attempts as allowed have failed in a row.
    GaveUp {
        /// Attempts without an event between them.
        count: u32,
        /// What the last one ended with.
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

/// How often and how fast a watcher tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Attempts in a row without an event before giving up. Default 10.
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

/// Everything that a watcher is told, one after the other.
pub type Told<'a, E, R> = BoxStream<'a, Result<Seen<E, R>, WatchError<R>>>;

/// A run that is watched: a stream of its events `E`, which ends with the run or with an error. `R` is the document's error body.
///
/// Nothing is asked before it is polled. Dropping it ends the watching and nothing else.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Watch<'a, E, R> {
    source: Option<Box<dyn Opens<R> + 'a>>,
    after: Option<u64>,
    backoff: Backoff,
    told: Option<Told<'a, E, R>>,
}

impl<'a, E: Event, R: ErrorBody> Watch<'a, E, R> {
    /// Watches what comes from this source.
    pub fn over(source: impl Source<Refusal = R> + 'a) -> Self {
        Self { source: Some(Box::new(source)), after: None, backoff: Backoff::default(), told: None }
    }

    /// Only events after the one with this `seq`, which was seen before.
    pub fn after(self, seq: u64) -> Self {
        Self { after: Some(seq), ..self }
    }

    /// How often and how fast it tries again.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// The same, and interruptions between the events: for those who show that they are waiting.
    #[must_use = "a stream does nothing unless it is polled"]
    pub fn told(mut self) -> Told<'a, E, R> {
        self.begun();
        self.told.unwrap_or_else(|| futures::stream::empty().boxed())
    }

    fn begun(&mut self) -> Option<&mut Told<'a, E, R>> {
        if let Some(source) = self.source.take() {
            self.told = Some(Watcher::new(source, self.after, self.backoff).told());
        }
        self.told.as_mut()
    }
}

impl<E: Event, R: ErrorBody> Stream for Watch<'_, E, R> {
    type Item = Result<E, WatchError<R>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(told) = self.begun() else { return Poll::Ready(None) };
        loop {
            return Poll::Ready(match ready!(told.poll_next_unpin(context)) {
                Some(Ok(Seen::Event(event))) => Some(Ok(event)),
                Some(Ok(Seen::Interrupted { .. })) => continue,
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }
}

impl<E, R> Unpin for Watch<'_, E, R> {}

impl<E, R> fmt::Debug for Watch<'_, E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("after", &self.after).field("patience", &self.backoff).finish_non_exhaustive()
    }
}

/// [`Source`], as an object.
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
