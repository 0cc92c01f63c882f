//! The events of a run in order, over as many connections as it takes.
//!
//! The stream is resumed after the last received `seq`, so there is no gap. Events that a server repeats are dropped,
//! so there is no duplicate. The stream ends after the run's last event, or when the run has ended and there are no
//! more events.
//!
//! A client's `watch` returns the document's own events. [`Watch::over`] takes any other [`Source`]: one that first
//! finds the server of a run, or one whose events have no document's type ([`AnyEvent`]).

mod connection;
mod event;
mod items;
mod watcher;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};

pub use self::event::{AnyEvent, Event};
use self::items::Opens;
pub use self::items::{Backoff, Interruption, Source, WatchError, WatchItem, WatchItems};
use self::watcher::Watcher;
use crate::document::ErrorBody;

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

#[cfg(test)]
mod tests;
