//! Limits of one tenant: live runs, concurrent starts, and the runs that a run starts, directly or through others.
//!
//! The limits keep one caller from filling the machine. They are not exact to one run: live runs are counted at most
//! once a second, and new starts are added to that count, so that a start needs no query.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use runyard_engine::{RunId, State};

use super::Error;
use super::parent_labels::{PARENT_RUN, ROOT_RUN};
use crate::limits::Limits;
use crate::store::{Filter, LabelFilter, Status, Store};

/// How long a count of live runs is used, milliseconds.
const COUNTED_FOR_MS: i64 = 1_000;
/// How many topmost runs have their descendants counted in memory. The descendants of others are counted when they
/// start one.
const ROOTS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("more than none");
/// The statuses of a run that has not ended.
const LIVE: [Status; 3] = [Status::Queued, Status::Running, Status::Waiting];

/// The counts of each tenant.
pub(super) struct Admission {
    limits: Limits,
    tenants: Arc<Mutex<HashMap<String, Tenant>>>,
    descendants: Mutex<LruCache<(String, RunId), u64>>,
}

#[derive(Debug, Default)]
struct Tenant {
    /// Live runs, and when they were counted.
    counted: Option<(u64, i64)>,
    started_since: u64,
    starting: u64,
}

/// A start that has not been answered.
pub(super) struct Starting {
    tenants: Arc<Mutex<HashMap<String, Tenant>>>,
    tenant: String,
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(tenant) = lock(&self.tenants).get_mut(&self.tenant) {
            tenant.starting -= 1;
        }
    }
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        Admission { limits, tenants: Arc::default(), descendants: Mutex::new(LruCache::new(ROOTS_MAX)) }
    }

    /// Counts a start until it has been answered.
    ///
    /// # Errors
    /// [`Error::TooManyStarts`].
    pub(super) fn begin(&self, tenant: &str) -> Result<Starting, Error> {
        let limit = self.limits.starts_in_flight;
        let mut tenants = lock(&self.tenants);
        let known = tenants.entry(tenant.to_owned()).or_default();
        if known.starting >= limit {
            return Err(Error::TooManyStarts { limit });
        }
        known.starting += 1;
        Ok(Starting { tenants: self.tenants.clone(), tenant: tenant.to_owned() })
    }

    /// Admits one more live run, and counts it.
    ///
    /// # Errors
    /// [`Error::TooManyLiveRuns`], and the store's errors.
    pub(super) async fn one_more(&self, store: &dyn Store, tenant: &str, now_ms: i64) -> Result<(), Error> {
        let limit = self.limits.live_runs;
        if self.has_capacity(tenant, now_ms) {
            return Ok(());
        }
        let counts = store.counts(tenant).await?;
        let live: u64 = counts.iter().filter(|(status, _)| LIVE.contains(status)).map(|(_, runs)| runs).sum();
        let mut tenants = lock(&self.tenants);
        let known = tenants.entry(tenant.to_owned()).or_default();
        known.counted = Some((live, now_ms));
        known.started_since = 0;
        if live >= limit {
            return Err(Error::TooManyLiveRuns { limit });
        }
        known.started_since = 1;
        Ok(())
    }

    /// Whether the last count is recent and leaves space for one more run.
    fn has_capacity(&self, tenant: &str, now_ms: i64) -> bool {
        let mut tenants = lock(&self.tenants);
        let Some(known) = tenants.get_mut(tenant) else { return false };
        let Some((live, at_ms)) = known.counted else { return false };
        let free =
            (0..COUNTED_FOR_MS).contains(&(now_ms - at_ms)) && live + known.started_since < self.limits.live_runs;
        known.started_since += u64::from(free);
        free
    }

    /// Admits one more descendant of a run's topmost run, and counts it. Returns the topmost run.
    ///
    /// # Errors
    /// [`Error::TooManyDescendants`], and the store's errors.
    pub(super) async fn one_more_below(&self, store: &dyn Store, tenant: &str, parent: &State) -> Result<RunId, Error> {
        let limit = self.limits.run_descendants;
        let root = root(parent);
        let place = (tenant.to_owned(), root);
        let known = lock(&self.descendants).get(&place).copied();
        let known = match known {
            Some(known) => known,
            None => self.count(store, tenant, root).await?,
        };
        if known >= limit {
            lock(&self.descendants).put(place, known);
            return Err(Error::TooManyDescendants { root, limit });
        }
        let mut descendants = lock(&self.descendants);
        // Another task may have counted meanwhile.
        let now = descendants.get(&place).copied().unwrap_or(known).max(known) + 1;
        descendants.put(place, now);
        Ok(root)
    }

    /// Counts descendants, at most as many as the limit needs.
    async fn count(&self, store: &dyn Store, tenant: &str, root: RunId) -> Result<u64, Error> {
        let most = usize::try_from(self.limits.run_descendants).unwrap_or(usize::MAX);
        let mut found = 0;
        for name in [PARENT_RUN, ROOT_RUN] {
            let labels = vec![LabelFilter { name: name.to_owned(), values: vec![root.to_string()] }];
            let filter = Filter { labels, ..Filter::default() };
            found += store.list(tenant, &filter, None, most).await?.len() as u64;
        }
        Ok(found)
    }
}

/// The topmost run of a run's ancestors.
fn root(run: &State) -> RunId {
    let Some(start) = &run.start else { return run.run };
    let Some(parent) = &start.parent else { return run.run };
    let labelled = start.labels.get(ROOT_RUN).and_then(|ids| ids.first()).and_then(|id| RunId::parse(id));
    // An older build did not write the label; then the parent is the best answer.
    labelled.unwrap_or(parent.run)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::runs::fixture::{Fixture, NOW_MS, TENANT, new_run};
    use crate::store::memory::Memory;

    fn limits(live_runs: u64, starts_in_flight: u64, run_descendants: u64) -> Limits {
        Limits { live_runs, starts_in_flight, run_descendants, ..Limits::default() }
    }

    async fn fixture() -> (Arc<Memory>, Fixture) {
        let store = Arc::new(Memory::new());
        let fixture = Fixture::over(store.clone(), Clock::manual(NOW_MS));
        (store, fixture)
    }

    #[tokio::test]
    async fn live_runs_past_the_limit_are_refused_until_one_has_ended() {
        let (store, fixture) = fixture().await;
        let admission = Admission::new(limits(2, 10, 10));
        for _ in 0..2 {
            admission.one_more(&*store, TENANT, NOW_MS).await.unwrap();
            fixture.start("runyard.core.sleep", json!({ "seconds": 60 })).await;
        }
        for later_ms in [0, 1, 5_000] {
            let refused = admission.one_more(&*store, TENANT, NOW_MS + later_ms).await;
            assert!(matches!(refused, Err(Error::TooManyLiveRuns { limit: 2 })), "{refused:?}");
        }
        admission.one_more(&*store, "other", NOW_MS).await.unwrap();
        let live = store.list(TENANT, &Filter::default(), None, 9).await.unwrap();
        fixture.runs.submit(TENANT, live[0].run, runyard_engine::Command::Cancel { reason: None }).await.unwrap();
        admission.one_more(&*store, TENANT, NOW_MS).await.unwrap();
    }

    #[test]
    fn starts_at_a_time_are_counted_by_tenant_until_they_are_answered() {
        let admission = Admission::new(limits(9, 2, 9));
        let first = admission.begin("one").ok();
        let second = admission.begin("one").ok();
        assert!(first.is_some() && second.is_some());
        assert!(matches!(admission.begin("one"), Err(Error::TooManyStarts { limit: 2 })));
        assert!(admission.begin("two").is_ok());
        drop(second);
        assert!(admission.begin("one").is_ok());
    }

    #[tokio::test]
    async fn descendants_are_counted_from_the_top_also_by_a_server_that_started_none_of_them() {
        let (store, fixture) = fixture().await;
        let top = fixture.start("runyard.core.sleep", json!({ "seconds": 60 })).await;
        let top = fixture.state(top).await;
        let admission = Admission::new(limits(99, 9, 3));
        for _ in 0..3 {
            assert_eq!(admission.one_more_below(&*store, TENANT, &top).await.unwrap(), top.run);
        }
        let refused = admission.one_more_below(&*store, TENANT, &top).await;
        assert!(matches!(refused, Err(Error::TooManyDescendants { limit: 3, .. })), "{refused:?}");
        // Stored, and then counted by another server.
        for label in [PARENT_RUN, ROOT_RUN, ROOT_RUN] {
            let mut new = new_run("runyard.core.sleep", json!({ "seconds": 60 }));
            new.labels.insert(label.to_owned(), [top.run.to_string()].into());
            fixture.runs.start(TENANT, new).await.unwrap();
        }
        let other = Admission::new(limits(99, 9, 3));
        assert!(matches!(other.one_more_below(&*store, TENANT, &top).await, Err(Error::TooManyDescendants { .. })));
    }
}
