//! Live events after commit: a position in, a stream out, for every dialect module.
//!
//! A run's tail is notified after its events are committed. Subscribers of one run share a tail (`tail.rs`), so that a
//! run is read once however many watch it. Notifications are hints: one may be lost, so all logs with subscribers are
//! read again within a second. No event is seen before its commit. `shown.rs` is the log as an API shows it,
//! `checkpoints.rs` where such a stream begins.

mod alive;
mod begun;
mod checkpoints;
mod event_size;
mod lines;
mod projection;
mod shown;
mod sse;
mod tail;

use std::collections::VecDeque;
use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt};
use runyard_engine::{Event, Position, Recorded, RunId};
use tokio_util::sync::CancellationToken;

pub use alive::json_text;
pub use checkpoints::Checkpoints;
pub use lines::{Line, ndjson};
pub use projection::{Projection, ProjectionError};
pub use shown::{EventRange, Goes};
pub use sse::{Beat, Frame, Framed, Written, sse, with_comments};
pub use tail::{CommittedEvents, RunNotifier};

use self::tail::Tail;
use crate::clock::Clock;
use crate::runs::values::Values;
use crate::store::{Store, StoreError, Tenant};

/// The most events of one read.
const PAGE: usize = 256;

/// The parts of a feed.
#[derive(Clone)]
pub struct Feed {
    /// The store of the events.
    pub store: Arc<dyn Store>,
    /// Notifies of new events.
    pub notifier: Arc<RunNotifier>,
    /// For reading again without a notification.
    pub clock: Clock,
    /// Where streams of an API's projection of a run resume.
    pub checkpoints: Arc<Checkpoints>,
    /// Puts large values in place.
    pub(crate) values: Values,
}

/// Where a stream of events ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// At the end of the run.
    Live,
    /// At the last event that is recorded now.
    Recorded,
}

impl Feed {
    /// Every event of a run after a position, up to the last one that is recorded now.
    pub fn recorded(
        &self,
        tenant: Tenant,
        run: RunId,
        after: Position,
    ) -> impl Stream<Item = Result<Arc<Recorded>, StoreError>> + Send + 'static {
        let store = self.store.clone();
        let of = tenant.clone();
        let pages = futures::stream::try_unfold(Some(after), move |after| {
            let (store, tenant) = (store.clone(), of.clone());
            async move {
                let Some(after) = after else { return Ok::<_, StoreError>(None) };
                let page = store.log(&tenant, run, after, PAGE).await?;
                let next = page.last().filter(|_| page.len() == PAGE).map(|last| last.position);
                Ok(Some((futures::stream::iter(page.into_iter().map(|one| Ok(Arc::new(one)))), next)))
            }
        });
        self.with_values(tenant, run, pages.try_flatten())
    }

    /// Events with their large values in place.
    fn with_values(
        &self,
        tenant: Tenant,
        run: RunId,
        events: impl Stream<Item = Result<Arc<Recorded>, StoreError>> + Send + 'static,
    ) -> impl Stream<Item = Result<Arc<Recorded>, StoreError>> + Send + 'static {
        let values = self.values.clone();
        events.then(move |recorded| {
            let (values, tenant) = (values.clone(), tenant.clone());
            async move { values.shown_event(&tenant, run, recorded?).await }
        })
    }

    /// Every event of a run after a position, future events included. Ends after the run's last event, or when the
    /// server stops.
    pub fn follow(
        &self,
        tenant: Tenant,
        run: RunId,
        after: Position,
        stopping: CancellationToken,
    ) -> impl Stream<Item = Result<Arc<Recorded>, StoreError>> + Send + 'static {
        let tail = self.notifier.join(&tenant, run);
        let subscriber = Subscriber {
            feed: self.clone(),
            tenant: tenant.clone(),
            run,
            cursor: after,
            page: VecDeque::new(),
            tail,
            read_errors: 0,
            stopping,
            progress: Progress::MustRead,
        };
        let events = futures::stream::unfold(subscriber, |mut subscriber| async move {
            let next = subscriber.next().await?;
            Some((next, subscriber))
        });
        self.with_values(tenant, run, events)
    }
}

struct Subscriber {
    feed: Feed,
    tenant: Tenant,
    run: RunId,
    cursor: Position,
    page: VecDeque<Arc<Recorded>>,
    tail: Arc<Tail>,
    /// How many read errors of the tail this subscriber has followed up.
    read_errors: u64,
    stopping: CancellationToken,
    progress: Progress,
}

/// What a subscriber does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Read: it has not read yet, or there were more events than one read returns.
    MustRead,
    /// Wait: it has every event that there was at the last read.
    AtEnd,
    /// End.
    Ended,
}

impl Subscriber {
    async fn next(&mut self) -> Option<Result<Arc<Recorded>, StoreError>> {
        loop {
            if self.progress == Progress::Ended {
                return None;
            }
            if let Some(recorded) = self.page.pop_front() {
                self.cursor = recorded.position;
                if matches!(recorded.event, Event::Finished { .. }) {
                    self.progress = Progress::Ended;
                }
                if self.page.is_empty() {
                    // Free the buffer while waiting.
                    self.page = VecDeque::new();
                }
                return Some(Ok(recorded));
            }
            if self.progress == Progress::AtEnd && !self.wait().await {
                return None;
            }
            if let Err(error) = self.look().await {
                self.progress = Progress::Ended;
                return Some(Err(error));
            }
        }
    }

    /// Gets the events after the cursor: from the tail if it has them, else from the store, and then the tail caches
    /// them for the others.
    async fn look(&mut self) -> Result<(), StoreError> {
        let remembered = match self.progress {
            // Another server may have written events that this notifier does not know.
            Progress::MustRead => Vec::new(),
            Progress::AtEnd | Progress::Ended => self.tail.after(self.cursor),
        };
        if !remembered.is_empty() {
            self.page = remembered.into();
            return Ok(());
        }
        if self.progress == Progress::MustRead {
            let begun = self.feed.notifier.begun(&self.tenant, self.run, self.cursor);
            if !begun.is_empty() {
                // Events of another server are found by the next periodic read.
                self.tail.remember(begun.iter().cloned());
                (self.page, self.progress) = (begun.into(), Progress::AtEnd);
                return Ok(());
            }
        }
        let _others_wait = match self.progress {
            // Each subscriber begins at another position, so the first read is not shared.
            Progress::MustRead => None,
            Progress::AtEnd | Progress::Ended => Some(self.tail.reading.lock().await),
        };
        if self.progress == Progress::AtEnd {
            self.page = self.tail.after(self.cursor).into();
            if !self.page.is_empty() {
                return Ok(());
            }
        }
        // Before the read, so that errors during it are followed up.
        self.read_errors = self.tail.known().read_errors;
        let page = self.feed.store.log(&self.tenant, self.run, self.cursor, PAGE).await?;
        self.progress = match page.len() {
            PAGE => Progress::MustRead,
            0 if self.settled().await => Progress::Ended,
            _ => Progress::AtEnd,
        };
        self.page = page.into_iter().map(Arc::new).collect();
        if self.progress == Progress::AtEnd {
            self.tail.remember(self.page.iter().cloned());
        }
        Ok(())
    }

    /// Whether no event can come: the cursor is at or after the end of an ended run.
    async fn settled(&self) -> bool {
        match self.feed.store.row(&self.tenant, self.run).await {
            Ok(Some(row)) => row.ended_at_ms.is_some() && row.version <= self.cursor,
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// Waits until the log reaches further than the cursor. False: the server stops.
    async fn wait(&self) -> bool {
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => false,
            () = self.tail.grows(self.cursor, self.read_errors) => true,
            () = self.feed.notifier.look_again(&*self.feed.store, &self.feed.clock) => true,
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.feed.notifier.leave(&self.tail);
    }
}

#[cfg(test)]
mod tests;
