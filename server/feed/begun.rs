//! The logs of runs that began a moment ago, as far as this server has written them. A client that starts a run
//! usually follows it at once, and then nothing has to be read.
//!
//! A log is cached from its first event on, or not at all. It may be shorter than the log in the store, if another
//! server has written more, or a commit was written whose answer was lost: subscribers read again within a second.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use runyard_engine::{Position, Recorded, RunId};

use super::event_size::bytes_of;
use crate::store::Tenant;

/// The most runs, the most events of each, and the most bytes of them as JSON. A longer log is evicted.
const RUNS_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("more than none");
const EVENTS_MAX: usize = 32;
const BYTES_MAX: usize = 16 << 10;

/// The logs.
#[derive(Debug)]
pub(super) struct NewLogs {
    logs: LruCache<RunId, Log>,
}

#[derive(Debug)]
struct Log {
    tenant: Tenant,
    events: Vec<Arc<Recorded>>,
    bytes: usize,
}

impl Default for NewLogs {
    fn default() -> Self {
        NewLogs { logs: LruCache::new(RUNS_MAX) }
    }
}

impl NewLogs {
    /// Whether events after this position are to be passed to [`NewLogs::add`].
    pub(super) fn wants(&self, run: RunId, after: Position) -> bool {
        after == 0 || self.logs.contains(&run)
    }

    /// Adds events after a position. A log with a gap is evicted, and so is a long one.
    pub(super) fn add(&mut self, tenant: &str, run: RunId, after: Position, events: &[Arc<Recorded>]) {
        if after == 0 && !events.is_empty() {
            self.logs.push(run, Log { tenant: tenant.to_owned(), events: Vec::new(), bytes: 0 });
        }
        let Some(log) = self.logs.peek_mut(&run) else { return };
        let goes_on = !events.is_empty() && log.tenant == tenant && log.events.len() as u64 == after;
        if goes_on && log.events.len() + events.len() <= EVENTS_MAX {
            log.bytes += events.iter().map(|recorded| bytes_of(&recorded.event)).sum::<usize>();
            log.events.extend(events.iter().cloned());
            if log.bytes <= BYTES_MAX {
                return;
            }
        }
        self.logs.pop(&run);
    }

    /// The events after a position; empty if the log is not cached.
    pub(super) fn after(&self, tenant: &str, run: RunId, cursor: Position) -> Vec<Arc<Recorded>> {
        let log = self.logs.peek(&run).filter(|log| log.tenant == tenant);
        let cursor = usize::try_from(cursor).unwrap_or(usize::MAX);
        log.map_or_else(Vec::new, |log| log.events.iter().skip(cursor).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use runyard_engine::{Event, NodeRunId};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn run(number: u128) -> RunId {
        RunId::from_uuid(Uuid::from_u128(number))
    }

    fn events(positions: std::ops::Range<Position>, message: &str) -> Vec<Arc<Recorded>> {
        let evaluation = serde_json::from_value(json!({ "status": "success", "message": message })).unwrap();
        let event = Event::Evaluated { node_run: NodeRunId::root(run(1)), evaluation };
        positions.map(|position| Arc::new(Recorded { position, at_ms: 0, event: event.clone() })).collect()
    }

    fn positions(begun: &NewLogs, tenant: &str, after: Position) -> Vec<Position> {
        begun.after(tenant, run(1), after).iter().map(|recorded| recorded.position).collect()
    }

    #[test]
    fn the_log_of_a_new_run_is_cached_from_its_first_event_on_and_for_its_tenant_alone() {
        let mut begun = NewLogs::default();
        assert!(begun.wants(run(1), 0) && !begun.wants(run(1), 2));
        begun.add("us", run(1), 0, &events(1..3, "m"));
        begun.add("us", run(1), 2, &events(3..4, "m"));
        assert!(begun.wants(run(1), 3));
        assert_eq!(positions(&begun, "us", 0), [1, 2, 3]);
        assert_eq!(positions(&begun, "us", 2), [3]);
        assert!(positions(&begun, "us", 3).is_empty() && positions(&begun, "them", 0).is_empty());
    }

    #[test]
    fn a_log_with_a_gap_and_a_long_log_are_evicted() {
        let mut begun = NewLogs::default();
        let mut forgets = |after: Position, more: &[Arc<Recorded>]| {
            begun.add("us", run(1), 0, &events(1..3, "m"));
            begun.add("us", run(1), after, more);
            positions(&begun, "us", 0).is_empty()
        };
        assert!(!forgets(2, &events(3..4, "m")));
        assert!(forgets(3, &events(4..5, "m")), "another server has written the third");
        assert!(forgets(2, &[]), "it was removed, or what was written is unknown");
        assert!(forgets(2, &events(3..3 + EVENTS_MAX as u64, "m")));
        assert!(forgets(2, &events(3..4, &"x".repeat(BYTES_MAX))));
    }

    #[test]
    fn the_oldest_runs_are_evicted_first() {
        let mut begun = NewLogs::default();
        for number in 1..=RUNS_MAX.get() as u128 + 1 {
            begun.add("us", run(number), 0, &events(1..2, "m"));
        }
        assert!(!begun.wants(run(1), 1) && begun.wants(run(2), 1));
    }
}
