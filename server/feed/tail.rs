//! Tails: shared by all subscribers of one run, so that a run with many subscribers is read once.
//!
//! A tail knows the last position of its run's log and caches the last events. It exists while the run has
//! subscribers. This server hands its commits to the tail; commits of other servers are found by reading the log
//! again, which one subscriber does for all, once a second with one query. A subscriber that is further behind than
//! the cache reads the store.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runyard_engine::{Event, Position, Recorded, RunId};
use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::begun::NewLogs;
use super::event_size::bytes_of;
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tenant};

/// How long a lost notification goes unnoticed.
pub(super) const REREAD: Duration = Duration::from_secs(1);
/// How many events a tail caches, and how many bytes of them as JSON.
pub(super) const EVENTS_MAX: usize = 32;
const BYTES_MAX: usize = 256 << 10;

/// The tails of all runs with subscribers; notifies them of commits.
#[derive(Debug, Default)]
pub struct RunNotifier {
    /// By run, in a stable order. Tenants are separate: a subscriber of another tenant's run shares nothing with its
    /// subscribers.
    tails: Mutex<BTreeMap<RunId, Vec<Arc<Tail>>>>,
    /// When to read all logs again, Unix milliseconds. Locked by the one subscriber that does it.
    look: AsyncMutex<i64>,
    /// The logs of runs that have just begun.
    begun: Mutex<NewLogs>,
}

/// The events of a commit.
#[derive(Debug)]
pub struct CommittedEvents {
    /// The position of the last event before them.
    pub after: Position,
    /// When they were decided, Unix milliseconds.
    pub at_ms: i64,
    /// The events, in order.
    pub events: Vec<Event>,
}

/// What subscribers of one run share.
#[derive(Debug)]
pub(super) struct Tail {
    tenant: Tenant,
    run: RunId,
    known: Mutex<LogEnd>,
    /// Notified when the log is known to be longer. Wakes subscribers in the order in which they began to wait, so
    /// that the simulation can repeat it.
    more: Notify,
    recent: Mutex<Recent>,
    /// Locked by the one subscriber that reads for the others.
    pub(super) reading: AsyncMutex<()>,
}

/// What is known of a log without reading it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LogEnd {
    /// Its last position.
    pub(super) reach: Position,
    /// How many times the store could not return the position: subscribers have to read, and get the error.
    pub(super) read_errors: u64,
    subscribers: usize,
}

/// The last events of a run, without gaps.
#[derive(Debug, Default)]
struct Recent {
    events: VecDeque<(Arc<Recorded>, usize)>,
    bytes: usize,
}

impl RunNotifier {
    /// Whether [`RunNotifier::notify`] needs the events after this position: the run has subscribers, or has just
    /// begun.
    pub fn wants(&self, run: RunId, after: Position) -> bool {
        self.lock_begun().wants(run, after) || self.tails().contains_key(&run)
    }

    /// The events of a run that has just begun, after a position; empty if they are not cached.
    pub(super) fn begun(&self, tenant: &str, run: RunId, after: Position) -> Vec<Arc<Recorded>> {
        self.lock_begun().after(tenant, run, after)
    }

    /// Notifies the run's subscribers that its log now reaches this position, with the new events if the caller has
    /// them. To be called after the commit.
    pub fn notify(&self, tenant: &str, run: RunId, version: Position, committed: Option<CommittedEvents>) {
        let (after, events) = match committed {
            Some(CommittedEvents { after, at_ms, events }) => {
                let recorded = |(event, position)| Arc::new(Recorded { position, at_ms, event });
                (after, events.into_iter().zip(after + 1..).map(recorded).collect())
            }
            None => (0, Vec::new()),
        };
        // Before the tail is looked up: a subscriber that joins later finds them here.
        self.lock_begun().add(tenant, run, after, &events);
        let tail = self.tails().get(&run).and_then(|tails| tails.iter().find(|tail| tail.tenant == tenant).cloned());
        let Some(tail) = tail else { return };
        tail.remember(events.into_iter());
        tail.reaches(version);
    }

    /// The tail of a run, with one more subscriber.
    pub(super) fn join(&self, tenant: &str, run: RunId) -> Arc<Tail> {
        let mut tails = self.tails();
        let of_run = tails.entry(run).or_default();
        let tail = match of_run.iter().find(|tail| tail.tenant == tenant) {
            Some(tail) => tail.clone(),
            None => {
                let tail = Arc::new(Tail::new(tenant, run));
                of_run.push(tail.clone());
                tail
            }
        };
        tail.lock().subscribers += 1;
        tail
    }

    /// Removes a subscriber. The last one removes the tail.
    pub(super) fn leave(&self, tail: &Tail) {
        // Under the lock, so that no subscriber joins between the last one's leaving and the removal.
        let mut tails = self.tails();
        tail.lock().subscribers -= 1;
        if let Some(of_run) = tails.get_mut(&tail.run) {
            of_run.retain(|tail| tail.lock().subscribers > 0);
            if of_run.is_empty() {
                tails.remove(&tail.run);
            }
        }
    }

    /// Reads the positions of all logs once a second, as long as this future is polled. Of several callers one reads;
    /// the others wait to take over.
    pub(super) async fn look_again(&self, store: &dyn Store, clock: &Clock) {
        let mut due_ms = self.look.lock().await;
        loop {
            clock.sleep_until(*due_ms).await;
            *due_ms = clock.now_ms().saturating_add(i64::try_from(REREAD.as_millis()).unwrap_or(i64::MAX));
            let tails: Vec<Arc<Tail>> = self.tails().values().flatten().cloned().collect();
            let runs: Vec<(Tenant, RunId)> = tails.iter().map(|tail| (tail.tenant.clone(), tail.run)).collect();
            match store.versions(&runs).await {
                Ok(versions) => tails.iter().zip(versions).for_each(|(tail, version)| tail.reaches(version)),
                Err(StoreError::Busy(cause)) => {
                    tracing::debug!(%cause, "logs could not be looked at again; they are in a second");
                }
                Err(error) => {
                    tracing::warn!(%error, "logs could not be looked at again");
                    tails.iter().for_each(|tail| tail.is_in_doubt());
                }
            }
        }
    }

    /// How many runs have subscribers.
    #[cfg(test)]
    pub(super) fn followed(&self) -> usize {
        self.tails().len()
    }

    fn lock_begun(&self) -> MutexGuard<'_, NewLogs> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tails(&self) -> MutexGuard<'_, BTreeMap<RunId, Vec<Arc<Tail>>>> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    fn new(tenant: &str, run: RunId) -> Self {
        let (known, recent, reading) = (Mutex::default(), Mutex::default(), AsyncMutex::default());
        Tail { tenant: tenant.to_owned(), run, known, more: Notify::new(), recent, reading }
    }

    /// The cached events after a position, if none between is missing.
    pub(super) fn after(&self, cursor: Position) -> Vec<Arc<Recorded>> {
        let recent = self.recent();
        let first = recent.events.front().map_or(Position::MAX, |(recorded, _)| recorded.position);
        if cursor.saturating_add(1) < first {
            return Vec::new();
        }
        let skipped = usize::try_from(cursor.saturating_add(1) - first).unwrap_or(usize::MAX);
        recent.events.iter().skip(skipped).map(|(recorded, _)| recorded.clone()).collect()
    }

    /// Caches events that follow the cached ones; after a gap, replaces them.
    pub(super) fn remember(&self, events: impl Iterator<Item = Arc<Recorded>>) {
        let mut recent = self.recent();
        for recorded in events {
            match recent.events.back().map(|(last, _)| last.position) {
                Some(last) if recorded.position <= last => continue,
                Some(last) if recorded.position > last + 1 => *recent = Recent::default(),
                _ => {}
            }
            recent.push(recorded);
        }
    }

    /// What is known of the log now.
    pub(super) fn known(&self) -> LogEnd {
        *self.lock()
    }

    /// Waits until the log is known to be longer than this, or there is a new read error.
    pub(super) async fn grows(&self, reach: Position, read_errors: u64) {
        loop {
            let more = self.more.notified();
            tokio::pin!(more);
            more.as_mut().enable();
            let known = self.known();
            if known.reach > reach || known.read_errors > read_errors {
                return;
            }
            more.await;
        }
    }

    fn reaches(&self, version: Position) {
        let mut known = self.lock();
        if version > known.reach {
            known.reach = version;
            drop(known);
            self.more.notify_waiters();
        }
    }

    fn is_in_doubt(&self) {
        self.lock().read_errors += 1;
        self.more.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, LogEnd> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn push(&mut self, recorded: Arc<Recorded>) {
        let bytes = bytes_of(&recorded.event);
        self.bytes += bytes;
        self.events.push_back((recorded, bytes));
        while self.events.len() > EVENTS_MAX || self.bytes > BYTES_MAX {
            let Some((_, bytes)) = self.events.pop_front() else { return };
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use runyard_engine::NodeRunId;
    use serde_json::json;

    use super::*;

    fn event(message: &str) -> Event {
        let run = RunId::from_uuid(uuid::Uuid::from_u128(7));
        let evaluation = serde_json::from_value(json!({ "status": "success", "message": message })).unwrap();
        Event::Evaluated { node_run: NodeRunId::root(run), evaluation }
    }

    fn recorded(positions: std::ops::Range<Position>) -> impl Iterator<Item = Arc<Recorded>> {
        positions.map(|position| Arc::new(Recorded { position, at_ms: 0, event: event("m") }))
    }

    fn remembered(tail: &Tail, after: Position) -> Vec<Position> {
        tail.after(after).iter().map(|recorded| recorded.position).collect()
    }

    fn tail() -> Tail {
        Tail::new("default", RunId::from_uuid(uuid::Uuid::from_u128(7)))
    }

    #[test]
    fn following_events_are_cached_once_and_without_gaps() {
        let tail = tail();
        assert!(remembered(&tail, 0).is_empty() && remembered(&tail, Position::MAX).is_empty());
        tail.remember(recorded(3..6));
        tail.remember(recorded(4..8));
        assert_eq!(remembered(&tail, 2), [3, 4, 5, 6, 7]);
        assert_eq!(remembered(&tail, 6), [7]);
        assert!(remembered(&tail, 7).is_empty() && remembered(&tail, 99).is_empty());
        assert!(remembered(&tail, 1).is_empty(), "the second would be missing");
        tail.remember(recorded(9..10));
        assert_eq!(remembered(&tail, 8), [9], "after a gap it begins again");
        assert!(remembered(&tail, 7).is_empty());
    }

    #[test]
    fn the_cache_of_a_tail_is_bounded() {
        let tail = tail();
        tail.remember(recorded(1..100));
        assert_eq!(remembered(&tail, 99 - EVENTS_MAX as u64).len(), EVENTS_MAX);
        let large = event(&"x".repeat(BYTES_MAX / 2));
        for position in 100..104 {
            tail.remember(std::iter::once(Arc::new(Recorded { position, at_ms: 0, event: large.clone() })));
        }
        assert_eq!(remembered(&tail, 102), [103]);
        assert!(remembered(&tail, 101).is_empty(), "two of them are too many");
        tail.remember(std::iter::once(Arc::new(Recorded {
            position: 104,
            at_ms: 0,
            event: event(&"x".repeat(BYTES_MAX)),
        })));
        assert!(remembered(&tail, 103).is_empty(), "one that is too long is left to the store");
        tail.remember(recorded(105..106));
        assert_eq!(remembered(&tail, 104), [105]);
    }

    #[test]
    fn a_notification_of_another_tenant_is_not_delivered() {
        let (notifier, run) = (RunNotifier::default(), RunId::from_uuid(uuid::Uuid::from_u128(7)));
        let (ours, theirs) = (notifier.join("us", run), notifier.join("them", run));
        notifier.notify("us", run, 1, Some(CommittedEvents { after: 0, at_ms: 0, events: vec![event("m")] }));
        assert_eq!((ours.known().reach, theirs.known().reach), (1, 0));
        assert_eq!((remembered(&ours, 0).len(), remembered(&theirs, 0).len()), (1, 0));
        notifier.leave(&theirs);
        assert_eq!(notifier.followed(), 1);
        notifier.leave(&ours);
        assert_eq!(notifier.followed(), 0);
    }
}
