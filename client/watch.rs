//! The events of a run, one after the other, over as many connections as it takes.
//!
//! The stream is resumed after the last `seq` that was seen, so there is no gap; events that a server repeats all the same are
//! dropped, so there is no duplicate. It ends with `run_completed`. How a connection is opened is the caller's business: it may
//! ask a generated client, or find another server first.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Map, Value};

use crate::error::{CallError, root_cause};
use crate::ndjson::{self, LineError};

/// The bytes of one connection.
pub type Connection = BoxStream<'static, Result<Bytes, reqwest::Error>>;

/// One event of a run, as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place among the events of the run.
    pub seq: u64,
    /// The whole event.
    pub body: Value,
}

impl Event {
    fn read(body: Value) -> Option<Self> {
        body.get("seq").and_then(Value::as_u64).map(|seq| Self { seq, body })
    }

    /// What happened, for example `atomic_executed`; empty when it is not said.
    pub fn kind(&self) -> &str {
        self.body.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// The node run that it is about.
    pub fn node_run_id(&self) -> Option<&str> {
        self.body.get("node_run_id").and_then(Value::as_str)
    }

    /// When it happened, RFC 3339.
    pub fn time(&self) -> Option<&str> {
        self.body.get("time").and_then(Value::as_str)
    }

    /// The facts of its kind.
    pub fn data(&self) -> Option<&Map<String, Value>> {
        self.body.get("data").and_then(Value::as_object)
    }

    /// Whether it is the last one of its run.
    pub fn is_last(&self) -> bool {
        self.kind() == "run_completed"
    }
}

/// What a watcher is told.
#[derive(Debug)]
pub enum Seen {
    /// Something happened in the run.
    Event(Event),
    /// The connection is gone. The next call waits this long and opens another.
    Interrupted {
        /// Why.
        cause: Interruption,
        /// Interruptions in a row without an event, from 1.
        count: u32,
        /// The wait before the next attempt.
        wait: Duration,
    },
}

/// Why a connection is gone.
#[derive(Debug)]
pub enum Interruption {
    /// The server ended the stream before the run had ended, for example because it stops. Also when there was nothing after the
    /// place that was asked for: look at the run to tell.
    Ended,
    /// The connection broke.
    Broken(String),
    /// The server could not be reached, or could not answer now.
    Unavailable(CallError),
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the server ended the stream"),
            Self::Broken(reason) => write!(f, "the stream broke: {reason}"),
            Self::Unavailable(error) => error.fmt(f),
        }
    }
}

/// Why watching ended without the run having ended.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Trying again will not help.
    #[error(transparent)]
    Refused(CallError),
    /// What arrives is no stream of events.
    #[error("what the server sends is no stream of events: {0}")]
    NotEvents(String),
    /// As many attempts as allowed have failed in a row.
    #[error("gave up after {count} attempts: {cause}")]
    GaveUp {
        /// Attempts without an event between them.
        count: u32,
        /// What the last one ended with.
        cause: Interruption,
    },
}

/// How often and how fast a watcher tries again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Attempts in a row without an event before giving up. Default 10.
    pub attempts_max: u32,
    /// The first wait; each further one is twice as long. Default 250 ms.
    pub wait_min: Duration,
    /// The longest wait. Default 5 s.
    pub wait_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts_max: 10, wait_min: Duration::from_millis(250), wait_max: Duration::from_secs(5) }
    }
}

impl Patience {
    fn wait(&self, count: u32) -> Duration {
        let factor = 2_u32.saturating_pow(count.saturating_sub(1));
        self.wait_min.saturating_mul(factor).min(self.wait_max)
    }
}

/// A watcher of one run. `Open` opens the stream of events after a `seq`.
pub struct Watch<Open> {
    open: Open,
    after: u64,
    patience: Patience,
    connection: Option<BoxStream<'static, Result<Value, LineError<reqwest::Error>>>>,
    /// Interruptions since the last event.
    count: u32,
    pause: Option<Duration>,
    done: bool,
}

impl<Open, Opening> Watch<Open>
where
    Open: FnMut(u64) -> Opening,
    Opening: Future<Output = Result<Connection, CallError>>,
{
    /// Watches a run from after this `seq`; 0 is from its beginning.
    pub fn new(after: u64, patience: Patience, open: Open) -> Self {
        Self { open, after, patience, connection: None, count: 0, pause: None, done: false }
    }

    /// The last `seq` that was seen.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// The next thing to be told; `None` after the run's last event and after an error. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Seen, WatchError>> {
        if self.done {
            return None;
        }
        let seen = self.step().await;
        self.done = match &seen {
            Ok(Seen::Event(event)) => event.is_last(),
            Ok(Seen::Interrupted { .. }) => false,
            Err(_) => true,
        };
        Some(seen)
    }

    async fn step(&mut self) -> Result<Seen, WatchError> {
        loop {
            if let Some(wait) = self.pause {
                pause(wait).await;
                self.pause = None;
            }
            let Some(connection) = &mut self.connection else {
                match (self.open)(self.after).await {
                    Ok(bytes) => self.connection = Some(ndjson::lines(bytes).boxed()),
                    Err(error) if error.is_transient() => return self.interrupted(Interruption::Unavailable(error)),
                    Err(error) => return Err(WatchError::Refused(error)),
                }
                continue;
            };
            let value = match connection.next().await {
                Some(Ok(value)) => value,
                Some(Err(LineError::Broken(error))) => {
                    return self.interrupted(Interruption::Broken(root_cause(&error)));
                }
                Some(Err(error @ LineError::Cut)) => return self.interrupted(Interruption::Broken(error.to_string())),
                Some(Err(error)) => return Err(WatchError::NotEvents(error.to_string())),
                None => return self.interrupted(Interruption::Ended),
            };
            let event = Event::read(value).ok_or_else(|| WatchError::NotEvents("a line has no seq".to_owned()))?;
            if event.seq > self.after {
                self.after = event.seq;
                self.count = 0;
                return Ok(Seen::Event(event));
            }
        }
    }

    fn interrupted(&mut self, cause: Interruption) -> Result<Seen, WatchError> {
        self.connection = None;
        self.count += 1;
        let count = self.count;
        if count >= self.patience.attempts_max {
            return Err(WatchError::GaveUp { count, cause });
        }
        let wait = self.patience.wait(count);
        self.pause = Some(wait);
        Ok(Seen::Interrupted { cause, count, wait })
    }
}

#[expect(clippy::disallowed_methods, reason = "the wait between two attempts of a client; no decision rests on it")]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use futures::stream;
    use serde_json::json;

    use super::*;

    /// What each attempt to connect gets, and the `after_seq` it asked for.
    struct Server {
        answers: RefCell<VecDeque<Result<String, CallError>>>,
        asked: RefCell<Vec<u64>>,
    }

    impl Server {
        fn new(answers: Vec<Result<String, CallError>>) -> Self {
            Self { answers: RefCell::new(answers.into()), asked: RefCell::default() }
        }

        async fn watch(&self, after: u64, attempts_max: u32) -> (Vec<String>, Option<WatchError>) {
            let patience = Patience { attempts_max, ..Patience::default() };
            let mut watch = Watch::new(after, patience, |after| async move {
                self.asked.borrow_mut().push(after);
                let text = self.answers.borrow_mut().pop_front().unwrap_or_else(|| Err(gone()))?;
                Ok(stream::iter([Ok(Bytes::from(text))]).boxed())
            });
            let mut told = Vec::new();
            loop {
                match watch.next().await {
                    Some(Ok(Seen::Event(event))) => told.push(format!("{} {}", event.seq, event.kind())),
                    Some(Ok(Seen::Interrupted { cause, count, wait })) => {
                        told.push(format!("{cause}, {count}, {wait:?}"))
                    }
                    Some(Err(error)) => return (told, Some(error)),
                    None => return (told, None),
                }
            }
        }
    }

    fn gone() -> CallError {
        CallError::Unreachable { reason: "connection refused".to_owned() }
    }

    fn events(range: std::ops::RangeInclusive<u64>, last: u64) -> String {
        let kind = |seq| if seq == last { "run_completed" } else { "step" };
        range.map(|seq| format!("{}\n", json!({ "seq": seq, "type": kind(seq) }))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_stream_goes_on_after_the_last_event_without_gap_or_duplicate() {
        for cut in 1..5 {
            // The second connection is of a server that repeats everything.
            let server = Server::new(vec![Ok(events(1..=cut, 5) + " {\"seq\":"), Err(gone()), Ok(events(1..=5, 5))]);
            let (told, error) = server.watch(0, 10).await;
            let seqs: Vec<_> =
                told.iter().filter(|line| line.ends_with("step") || line.ends_with("completed")).collect();
            assert_eq!(seqs, ["1 step", "2 step", "3 step", "4 step", "5 run_completed"], "cut after {cut}");
            assert!(error.is_none());
            assert_eq!(*server.asked.borrow(), [0, cut, cut]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_and_attempts_are_counted_from_the_last_event() {
        let server = Server::new(vec![Err(gone()), Ok(events(1..=1, 9)), Err(gone())]);
        let (told, error) = server.watch(0, 4).await;
        assert_eq!(
            told,
            [
                "cannot reach the server: connection refused, 1, 250ms",
                "1 step",
                "the server ended the stream, 1, 250ms",
                "cannot reach the server: connection refused, 2, 500ms",
                "cannot reach the server: connection refused, 3, 1s",
            ]
        );
        assert_eq!(error.unwrap().to_string(), "gave up after 4 attempts: cannot reach the server: connection refused");
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_change_is_not_tried_again() {
        let unknown = CallError::Unexpected { status: Some(404), reason: "no such run".to_owned() };
        let server = Server::new(vec![Err(unknown), Ok(events(1..=1, 1))]);
        assert!(matches!(server.watch(0, 10).await.1, Some(WatchError::Refused(_))));
        for page in ["<html>\n", "{\"type\":\"step\"}\n"] {
            let server = Server::new(vec![Ok(page.to_owned()), Ok(events(1..=1, 1))]);
            assert!(matches!(server.watch(0, 10).await.1, Some(WatchError::NotEvents(_))), "{page}");
            assert_eq!(server.asked.borrow().len(), 1);
        }
    }

    #[test]
    fn waits_have_a_longest_one() {
        let patience = Patience::default();
        assert_eq!(patience.wait(1), Duration::from_millis(250));
        assert_eq!(patience.wait(60), Duration::from_secs(5));
    }
}
