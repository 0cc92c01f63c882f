//! The in-memory store: it gives the same answers as [`sqlite`](super::sqlite), from maps behind one lock. For tests,
//! for the simulation, and for measuring the cost of storage. Deterministic: the same calls in the same order give the
//! same answers.
//!
//! Nothing here is durable. `outbox.rs` has claims, `objects.rs` small objects, `approvals.rs` the lists of approvals,
//! and `removals.rs` the removal of runs.

mod approvals;
mod objects;
mod removals;
mod values;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use runyard_engine::large::Digest;
use runyard_engine::{ApprovalId, Effect, EffectId, Labels, NodeRunId, Position, Recorded, RunId, RunStatus};

use self::approvals::Approvals;
use self::objects::Objects;
use self::values::Values;
use super::api_key::{ApiKey, KeyStore};
use super::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow};
use super::object::{Change, Object, ObjectCursor, ObjectError, ObjectStore};
use super::outbox::{EffectKinds, Outbox, OutboxEffect};
use super::{
    Append, Claimed, Claims, Committed, Cursor, Epoch, Filter, KeyUse, LabelFilter, RunRow, Sealed, Status, Store,
    StoreError, Tenant, check,
};

/// All data, in maps.
#[derive(Debug, Default)]
pub struct Memory {
    data: Mutex<Data>,
}

#[derive(Debug, Default)]
struct Data {
    runs: HashMap<(Tenant, RunId), Run>,
    /// Oldest first; lists read it backwards.
    by_creation: BTreeMap<Tenant, BTreeSet<(i64, RunId)>>,
    names: HashMap<(Tenant, String), RunId>,
    /// By thread, then by number.
    turns: HashMap<(Tenant, String), BTreeMap<u64, RunId>>,
    node_runs: HashMap<(Tenant, NodeRunId), RunId>,
    /// With the time of use.
    keys: HashMap<(Tenant, String, String), (KeyUse, i64)>,
    counts: BTreeMap<Tenant, BTreeMap<Status, u64>>,
    effects: Outbox,
    approvals: Approvals,
    /// By id; lists sort.
    api_keys: BTreeMap<String, ApiKey>,
    objects: Objects,
    values: Values,
}

#[derive(Debug)]
struct Run {
    row: RunRow,
    labels: Labels,
    sealed: Vec<Sealed>,
    log: Vec<Recorded>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that claims at most this many calls of one tenant at a time.
    pub fn bounded(calls_of_tenant_max: usize) -> Self {
        let store = Self::new();
        store.data().effects.bound(calls_of_tenant_max);
        store
    }

    /// A run's effects that are neither settled nor dropped, in the order of creation. Tests and the simulation compare
    /// them with the run's state.
    pub fn asked(&self, tenant: &str, run: RunId) -> Vec<Effect> {
        self.data().effects.asked(tenant, run)
    }

    /// Releases every claimed effect, as a durable store does when its new owner opens it.
    pub fn free_all(&self) {
        self.data().effects.free_expired(i64::MAX);
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        // Every change below happens after the last refusal, so a panic elsewhere leaves the maps consistent.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Claims for Memory {
    async fn claim(&self, claimer: &str, now_ms: i64, lease_ms: i64, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        let _ = claimer; // For stores that operators inspect; no rule depends on it.
        Ok(self.data().effects.claim(now_ms, lease_ms, limit, EffectKinds::All))
    }

    async fn claim_timers(
        &self,
        claimer: &str,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let _ = claimer;
        Ok(self.data().effects.claim(now_ms, lease_ms, limit, EffectKinds::Timers))
    }

    async fn renew(&self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Result<Vec<EffectId>, StoreError> {
        Ok(self.data().effects.renew(held, lease_until_ms))
    }

    async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.data().effects.next_due(EffectKinds::All))
    }

    async fn next_timer_due(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.data().effects.next_due(EffectKinds::Timers))
    }
}

#[async_trait]
impl Store for Memory {
    async fn commit(&self, appends: Vec<Append>) -> Vec<Result<Committed, StoreError>> {
        let mut data = self.data();
        appends.into_iter().map(|append| data.append(append)).collect()
    }

    async fn log(&self, tenant: &str, run: RunId, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let data = self.data();
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let log = data.runs.get(&(tenant.to_owned(), run)).map_or(&[][..], |run| &run.log);
        Ok(log.iter().skip(after).take(limit).cloned().collect())
    }

    async fn row(&self, tenant: &str, run: RunId) -> Result<Option<RunRow>, StoreError> {
        Ok(self.data().runs.get(&(tenant.to_owned(), run)).map(|run| run.row.clone()))
    }

    async fn named(&self, tenant: &str, name: &str) -> Result<Option<RunId>, StoreError> {
        Ok(self.data().names.get(&(tenant.to_owned(), name.to_owned())).copied())
    }

    async fn run_of(&self, tenant: &str, node_run: NodeRunId) -> Result<Option<RunId>, StoreError> {
        Ok(self.data().node_runs.get(&(tenant.to_owned(), node_run)).copied())
    }

    async fn keyed(&self, tenant: &str, scope: &str, key: &str) -> Result<Option<KeyUse>, StoreError> {
        let data = self.data();
        let used = data.keys.get(&(tenant.to_owned(), scope.to_owned(), key.to_owned()));
        Ok(used.map(|(key, _)| key.clone()))
    }

    async fn list(
        &self,
        tenant: &str,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let data = self.data();
        let inside = |row: &&RunRow| {
            after.is_none_or(|cursor| (row.created_at_ms, row.run) < (cursor.created_at_ms, cursor.run))
        };
        Ok(data.matching(tenant, filter).filter(inside).take(limit).cloned().collect())
    }

    async fn page(
        &self,
        tenant: &str,
        filter: &Filter,
        skipped: usize,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        Ok(self.data().matching(tenant, filter).skip(skipped).take(limit).cloned().collect())
    }

    async fn approval(&self, tenant: &str, approval: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        Ok(self.data().approvals.get(tenant, approval))
    }

    async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        after: Option<ApprovalCursor>,
        limit: usize,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        Ok(self.data().approvals.list(tenant, filter, after, limit))
    }

    async fn value(&self, tenant: &str, run: RunId, digest: Digest) -> Result<Option<String>, StoreError> {
        Ok(self.data().values.get(tenant, run, digest))
    }

    async fn sealed(&self, tenant: &str, run: RunId, name: &str) -> Result<Option<Sealed>, StoreError> {
        let data = self.data();
        let run = data.runs.get(&(tenant.to_owned(), run));
        Ok(run.and_then(|run| run.sealed.iter().find(|sealed| sealed.name == name)).cloned())
    }

    async fn turns(
        &self,
        tenant: &str,
        thread: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let data = self.data();
        let Some(turns) = data.turns.get(&(tenant.to_owned(), thread.to_owned())) else { return Ok(Vec::new()) };
        let runs = turns.range(..before.unwrap_or(u64::MAX)).rev().take(limit);
        let rows = runs.filter_map(|(_, run)| data.runs.get(&(tenant.to_owned(), *run))).map(|run| run.row.clone());
        Ok(rows.collect())
    }

    async fn counts(&self, tenant: &str) -> Result<Vec<(Status, u64)>, StoreError> {
        let data = self.data();
        let counts = data.counts.get(tenant).into_iter().flatten();
        Ok(counts.filter(|(_, runs)| **runs > 0).map(|(status, runs)| (*status, *runs)).collect())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl KeyStore for Memory {
    async fn add_api_key(&self, key: ApiKey) -> Result<(), StoreError> {
        match self.data().api_keys.entry(key.id.clone()) {
            Entry::Occupied(_) => Err(StoreError::Failed("this key id is taken".into())),
            Entry::Vacant(vacant) => {
                vacant.insert(key);
                Ok(())
            }
        }
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.data().api_keys.get(id).cloned())
    }

    async fn api_keys(
        &self,
        tenant: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ApiKey>, StoreError> {
        fn place(key: &ApiKey) -> (&str, i64, &str) {
            (&key.tenant, key.created_at_ms, &key.id)
        }
        let data = self.data();
        let start = match after.map(|id| data.api_keys.get(id)) {
            None => None,
            Some(Some(key)) => Some(place(key)),
            Some(None) => return Ok(Vec::new()),
        };
        let wanted = |key: &&ApiKey| tenant.is_none_or(|tenant| key.tenant == tenant);
        let mut found: Vec<&ApiKey> = data.api_keys.values().filter(wanted).collect();
        found.sort_by_key(|key| place(key));
        let rest = found.into_iter().filter(|key| start.is_none_or(|start| place(key) > start));
        Ok(rest.take(limit).cloned().collect())
    }

    async fn revoke_api_key(&self, tenant: Option<&str>, id: &str, at_ms: i64) -> Result<Option<ApiKey>, StoreError> {
        let mut data = self.data();
        let found = data.api_keys.get_mut(id).filter(|key| tenant.is_none_or(|tenant| key.tenant == tenant));
        Ok(found.map(|key| {
            key.revoked_at_ms.get_or_insert(at_ms);
            key.clone()
        }))
    }
}

#[async_trait]
impl ObjectStore for Memory {
    async fn change_objects(&self, tenant: &str, changes: Vec<Change>) -> Result<Vec<Object>, ObjectError> {
        self.data().objects.change(tenant, changes)
    }

    async fn object(&self, tenant: &str, kind: &str, id: &str) -> Result<Option<Object>, StoreError> {
        Ok(self.data().objects.get(tenant, kind, id).cloned())
    }

    async fn object_named(&self, tenant: &str, kind: &str, name: &str) -> Result<Option<Object>, StoreError> {
        Ok(self.data().objects.named(tenant, kind, name).cloned())
    }

    async fn objects(
        &self,
        tenant: &str,
        kind: &str,
        parent: Option<&str>,
        after: Option<&ObjectCursor>,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError> {
        Ok(self.data().objects.list(tenant, kind, parent, after, limit))
    }
}

impl Data {
    /// The rows that match a filter, newest first.
    fn matching<'a>(&'a self, tenant: &'a str, filter: &'a Filter) -> impl Iterator<Item = &'a RunRow> {
        let order = self.by_creation.get(tenant).into_iter().flatten().rev();
        let runs = order.filter_map(move |(_, run)| self.runs.get(&(tenant.to_owned(), *run)));
        runs.filter(|run| wanted(filter, &run.row) && labelled(filter, &run.labels)).map(|run| &run.row)
    }

    fn append(&mut self, mut append: Append) -> Result<Committed, StoreError> {
        check::append(&append)?;
        let place = (append.tenant.clone(), append.run);
        self.refuse(&append, &place)?;

        if let Some(key) = append.key.take() {
            self.keys.insert((append.tenant.clone(), key.scope.clone(), key.key.clone()), (key, append.at_ms));
        }
        self.replace_effects(&mut append);
        self.approvals.write(&append.tenant, std::mem::take(&mut append.approvals));
        for node_run in std::mem::take(&mut append.node_runs) {
            self.node_runs.entry((append.tenant.clone(), node_run)).or_insert(append.run);
        }
        self.count(&append.tenant, self.runs.get(&place).map(|run| run.row.status.into()), append.row.status.into());

        self.values.write(&append.tenant, append.run, std::mem::take(&mut append.values));
        let version = append.row.version;
        let at_ms = append.at_ms;
        let events = std::mem::take(&mut append.events);
        let recorded =
            events.into_iter().zip(append.expected + 1..).map(|(event, position)| Recorded { position, at_ms, event });
        let log: Vec<Recorded> = recorded.collect();
        if append.expected == 0 {
            if let Some(name) = &append.row.name {
                self.names.insert((append.tenant.clone(), name.clone()), append.run);
            }
            if let Some(turn) = &append.row.turn {
                let turns = self.turns.entry((append.tenant.clone(), turn.thread.clone())).or_default();
                turns.insert(turn.number, append.run);
            }
            self.by_creation.entry(append.tenant.clone()).or_default().insert((append.row.created_at_ms, append.run));
            let Append { row, labels, sealed, .. } = append;
            let sealed = if matches!(row.status, RunStatus::Final(_)) { Vec::new() } else { sealed };
            self.runs.insert(place, Run { row, labels, sealed, log });
        } else if let Some(run) = self.runs.get_mut(&place) {
            run.row = append.row;
            run.log.extend(log);
            if matches!(run.row.status, RunStatus::Final(_)) {
                run.sealed.clear();
            }
        }
        Ok(Committed { version })
    }

    /// Deletes settled and dropped effects, then adds new ones.
    fn replace_effects(&mut self, append: &mut Append) {
        for id in append.settles.iter().map(|(id, _)| id).chain(&append.dropped) {
            self.effects.remove(&append.tenant, append.run, *id);
        }
        for effect in std::mem::take(&mut append.effects) {
            let (tenant, run, effect) = (append.tenant.clone(), append.run, Arc::new(effect));
            self.effects.add(self.effects.next_ordinal(), OutboxEffect { tenant, run, effect, bytes: 0 });
        }
    }

    /// All checks that can refuse an append, in the order that the trait defines.
    fn refuse(&self, append: &Append, place: &(Tenant, RunId)) -> Result<(), StoreError> {
        if let Some(key) = &append.key
            && let Some((taken, _)) = self.keys.get(&(append.tenant.clone(), key.scope.clone(), key.key.clone()))
        {
            return Err(StoreError::KeyTaken(taken.clone()));
        }
        let held = |effect, epoch| self.effects.is_held(&append.tenant, append.run, effect, epoch);
        if let Some((effect, epoch)) = append.settles.iter().find(|(effect, epoch)| !held(*effect, *epoch)) {
            return Err(StoreError::Fenced { effect: *effect, epoch: *epoch });
        }
        let run = self.runs.get(place);
        let found = run.map_or(0, |run| run.row.version);
        if found != append.expected {
            return Err(StoreError::Conflict { run: append.run, expected: append.expected, found });
        }
        match run {
            Some(run) => check::same_run(&run.row, &append.row)?,
            None => {
                if let Some(name) = &append.row.name
                    && let Some(run) = self.names.get(&(append.tenant.clone(), name.clone()))
                {
                    return Err(StoreError::NameTaken { name: name.clone(), run: *run });
                }
                if let Some(turn) = &append.row.turn
                    && let Some(turns) = self.turns.get(&(append.tenant.clone(), turn.thread.clone()))
                    && let Some(run) = turns.get(&turn.number)
                {
                    return Err(StoreError::TurnTaken { turn: turn.clone(), run: *run });
                }
            }
        }
        for effect in &append.effects {
            let removed = append.removes(effect.id);
            let owner = self.effects.owner(&append.tenant, effect.id);
            if owner.is_some_and(|owner| !removed || owner != append.run) {
                return Err(check::effect_exists(append.run).into());
            }
        }
        Ok(())
    }

    fn count(&mut self, tenant: &str, before: Option<Status>, after: Status) {
        let counts = self.counts.entry(tenant.to_owned()).or_default();
        if let Some(before) = before {
            counts.entry(before).and_modify(|runs| *runs -= 1);
        }
        *counts.entry(after).or_default() += 1;
    }
}

fn wanted(filter: &Filter, row: &RunRow) -> bool {
    (filter.statuses.is_empty() || filter.statuses.contains(&row.status.into()))
        && (filter.phases.is_empty() || filter.phases.contains(&row.phase))
        && filter.api.as_ref().is_none_or(|api| *api == row.api)
        && filter.node_type.as_ref().is_none_or(|node_type| *node_type == row.node_type)
        && filter.created_from_ms.is_none_or(|from| row.created_at_ms >= from)
        && filter.created_before_ms.is_none_or(|before| row.created_at_ms < before)
}

fn labelled(filter: &Filter, labels: &Labels) -> bool {
    filter.labels.iter().all(|LabelFilter { name, values }| {
        labels.get(name).is_some_and(|found| values.iter().any(|value| found.contains(value)))
    })
}
