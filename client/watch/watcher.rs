//! The watcher's steps: connect, read, and reconnect.

use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::connection::{Gone, events};
use super::event::Event;
use super::items::{Backoff, Interruption, Opens, WatchError, WatchItem, WatchItems};
use crate::document::ErrorBody;
use crate::pause::pause;

pub(super) struct Watcher<'a, E, R> {
    source: Box<dyn Opens<R> + 'a>,
    /// The last received `seq`.
    after: Option<u64>,
    backoff: Backoff,
    connection: Option<BoxStream<'static, Result<E, Gone>>>,
    /// Interruptions since the last event.
    count: u32,
    /// Whether the run had ended before this connection was opened: then it has all remaining events.
    ended: bool,
    done: bool,
}

impl<'a, E: Event, R: ErrorBody> Watcher<'a, E, R> {
    pub(super) fn new(source: Box<dyn Opens<R> + 'a>, after: Option<u64>, backoff: Backoff) -> Self {
        Self { source, after, backoff, connection: None, count: 0, ended: false, done: false }
    }

    /// All events and interruptions, up to the end or an error.
    pub(super) fn with_interruptions(self) -> WatchItems<'a, E, R> {
        let steps = stream::unfold((self, None), |(mut watcher, wait)| async move {
            if watcher.done {
                return None;
            }
            if let Some(wait) = wait {
                pause(wait).await;
            }
            let seen = watcher.step().await.transpose()?;
            let wait = match &seen {
                Ok(WatchItem::Interrupted { wait, .. }) => Some(*wait),
                Ok(WatchItem::Event(event)) => {
                    watcher.done = event.is_last();
                    None
                }
                Err(_) => {
                    watcher.done = true;
                    None
                }
            };
            Some((seen, (watcher, wait)))
        });
        steps.boxed()
    }

    /// The next item; `None` when the run has ended and every event was returned.
    async fn step(&mut self) -> Result<Option<WatchItem<E, R>>, WatchError<R>> {
        loop {
            let Some(connection) = &mut self.connection else {
                match self.source.open(self.after).await {
                    Ok(answer) => self.connection = Some(events(answer)),
                    // The run has ended, and its last event was received.
                    Err(error) if error.status() == Some(http::StatusCode::NO_CONTENT) => return Ok(None),
                    Err(error) if error.is_transient() => return self.interrupted(Interruption::Unavailable(error)),
                    Err(error) => return Err(WatchError::Refused(error)),
                }
                continue;
            };
            match connection.next().await {
                Some(Ok(event)) if self.after.is_none_or(|after| event.seq() > after) => {
                    self.after = Some(event.seq());
                    self.count = 0;
                    return Ok(Some(WatchItem::Event(event)));
                }
                // A duplicate, from a server that does not support resuming.
                Some(Ok(_)) => {}
                Some(Err(Gone::Broken(reason))) => return self.interrupted(Interruption::Broken(reason)),
                Some(Err(Gone::NotEvents(reason))) => return Err(WatchError::NotEvents(reason)),
                None if self.ended => return Ok(None),
                None => match self.source.has_ended().await {
                    // Another stream, opened at once, has the events between the end of this one and now.
                    Ok(true) => (self.ended, self.connection) = (true, None),
                    Ok(false) | Err(_) => return self.interrupted(Interruption::Ended),
                },
            }
        }
    }

    fn interrupted(&mut self, cause: Interruption<R>) -> Result<Option<WatchItem<E, R>>, WatchError<R>> {
        self.connection = None;
        self.count += 1;
        let count = self.count;
        if count >= self.backoff.attempts_max {
            return Err(WatchError::GaveUp { count, cause });
        }
        Ok(Some(WatchItem::Interrupted { cause, count, wait: self.backoff.wait(count) }))
    }
}
