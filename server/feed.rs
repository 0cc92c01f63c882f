//! Live events after commit: a cursor in, a stream out, for every room.
//!
//! A bell rings for a run after its events are committed. Bells are hints: one may be lost, so a follower also reads again
//! within a second. What a follower yields is always read from the store, so nothing is seen before its commit.

mod alive;
mod lines;
mod sse;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::Stream;
use runyard_engine::{Event, Position, Recorded, RunId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use lines::{Line, ndjson};
pub use sse::{Beat, Frame, Framed, sse};

use crate::clock::Clock;
use crate::store::{Store, StoreError, Tenant};

/// How long a follower waits for a bell before it reads again anyway.
const REREAD: Duration = Duration::from_secs(1);
/// How many events one read brings at the most.
const PAGE: usize = 256;

/// One bell per followed run.
#[derive(Debug, Default)]
pub struct Bells(Mutex<HashMap<RunId, watch::Sender<Position>>>);

impl Bells {
    /// Tells who follows this run that its log now reaches this position.
    pub fn ring(&self, run: RunId, version: Position) {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(&run) {
            if bell.receiver_count() == 0 {
                bells.remove(&run);
            } else {
                bell.send_modify(|at| *at = version.max(*at));
            }
        }
    }

    fn listen(&self, run: RunId) -> watch::Receiver<Position> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(run).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    fn leave(&self, run: RunId, listener: watch::Receiver<Position>) {
        drop(listener);
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bells.get(&run).is_some_and(|bell| bell.receiver_count() == 0) {
            bells.remove(&run);
        }
    }
}

/// What a follower needs.
#[derive(Clone)]
pub struct Feed {
    /// Where events are read.
    pub store: Arc<dyn Store>,
    /// What says that there are more.
    pub bells: Arc<Bells>,
    /// For reading again when no bell rang.
    pub clock: Clock,
}

impl Feed {
    /// Every event of a run after a position, those to come included. Ends after the run's last event, or when the server stops.
    pub fn follow(
        &self,
        tenant: Tenant,
        run: RunId,
        after: Position,
        stopping: CancellationToken,
    ) -> impl Stream<Item = Result<Recorded, StoreError>> + Send + 'static {
        let follower = Follower {
            feed: self.clone(),
            tenant,
            run,
            cursor: after,
            page: VecDeque::new(),
            listener: Some(self.bells.listen(run)),
            stopping,
            over: false,
        };
        futures::stream::unfold(follower, |mut follower| async move {
            let next = follower.next().await?;
            Some((next, follower))
        })
    }
}

struct Follower {
    feed: Feed,
    tenant: Tenant,
    run: RunId,
    cursor: Position,
    page: VecDeque<Recorded>,
    listener: Option<watch::Receiver<Position>>,
    stopping: CancellationToken,
    over: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Recorded, StoreError>> {
        loop {
            if self.over {
                return None;
            }
            if let Some(recorded) = self.page.pop_front() {
                self.cursor = recorded.position;
                self.over = matches!(recorded.event, Event::Finished { .. });
                return Some(Ok(recorded));
            }
            // Marked as seen before the read: a bell that rings during it is not missed.
            if let Some(listener) = &mut self.listener {
                listener.borrow_and_update();
            }
            match self.feed.store.log(&self.tenant, self.run, self.cursor, PAGE).await {
                Ok(page) if page.is_empty() => {
                    if self.settled().await {
                        return None;
                    }
                    if !self.wait().await {
                        return None;
                    }
                }
                Ok(page) => self.page = page.into(),
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Whether nothing can come: the cursor already stands at or behind the end of a finished run.
    async fn settled(&self) -> bool {
        match self.feed.store.row(&self.tenant, self.run).await {
            Ok(Some(row)) => row.ended_at_ms.is_some() && row.version <= self.cursor,
            Ok(None) => true,
            Err(_) => false,
        }
    }

    async fn wait(&mut self) -> bool {
        let Some(listener) = &mut self.listener else { return false };
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => false,
            () = self.feed.clock.sleep(REREAD) => true,
            rung = listener.changed() => rung.is_ok(),
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.take() {
            self.feed.bells.leave(self.run, listener);
        }
    }
}

#[cfg(test)]
mod tests;
