//! Effects in SQLite: where their rows are, and which of them are in memory.
//!
//! A database has one owner, so claims exist only in memory and a claim writes nothing. Claims end with the process
//! that made them; the next owner of the database finds every effect free.
//!
//! | table     | effects                                                                                            |
//! |-----------|----------------------------------------------------------------------------------------------------|
//! | `runs`    | one effect of a run that was due at its creation, in the run's own row, which is written anyway     |
//! | `in_hand` | the others that were due at their creation; all of them are in memory, and have no index            |
//! | `effects` | due later, or more than fit in memory: found by due time, and then in memory too                    |
//!
//! The changes of a transaction are collected in [`EffectChanges`] and are applied to memory once it is durable. Only
//! the writer's thread loads effects into memory, so an effect that an earlier commit deleted is never claimed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runyard_engine::event::FORMAT_VERSION;
use runyard_engine::{Effect, EffectId, RunId, RunStatus};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::convert::{self, Id};
use super::in_row::{self, InRow};
use super::prepared::PreparedAppend;
use super::stop::Stop;
use crate::outbox::{EffectKinds, Ordinal, Outbox, OutboxEffect, is_timer};
use crate::{Append, Claimed, Epoch, StoreError, Tenant, check};

/// The maximum number of effects in memory; more stay in the table until there is space.
const CACHED_MAX: usize = 4_096;
/// The same for one tenant, so that a tenant with many effects leaves space for the others.
const OF_TENANT_MAX: usize = 1_024;
/// This many effects of a tenant always fit, whatever the other tenants have.
const OF_TENANT_MIN: usize = 16;
/// The maximum bytes of requests in memory; more effects stay in the table.
const BYTES_MAX: usize = 16 << 20;
/// The minimum number of effects that one load from the table brings.
const LOAD: usize = 256;

/// The columns of both tables, in the order that [`asked`] reads them.
const COLUMNS: &str = "ordinal, tenant, id, run, node_run, due_at_ms, attempt, format, request";

/// The condition on effects in the table, with the same text as in `effects_free` and `effects_timers`: the planner
/// compares the text.
const fn clause(wanted: EffectKinds) -> &'static str {
    match wanted {
        EffectKinds::All => "lease_until_ms IS NULL",
        EffectKinds::Timers => "lease_until_ms IS NULL AND request = '{\"type\":\"wake\"}'",
    }
}

/// The effects in memory, and a summary of the others.
#[derive(Debug)]
pub(super) struct EffectCache(Mutex<CachedEffects>);

#[derive(Debug, Default)]
struct CachedEffects {
    outbox: Outbox,
    /// Rows of `effects` that need not be loaded: they are in memory already, or cannot be read.
    seen: BTreeSet<Ordinal>,
    stored: Stored,
    next_ordinal: Ordinal,
    /// The effect of each run that is in the run's row.
    in_rows: BTreeMap<(Tenant, RunId), Ordinal>,
}

/// When the first effect that is not in memory is due.
#[derive(Debug, Default)]
struct Stored {
    /// Whether this is exact. If the first effect has been deleted, the table has the new first.
    known: bool,
    all: Option<i64>,
    timers: Option<i64>,
}

impl Stored {
    fn due(&self, wanted: EffectKinds) -> Option<i64> {
        match wanted {
            EffectKinds::All => self.all,
            EffectKinds::Timers => self.timers,
        }
    }

    fn added(&mut self, due_at_ms: i64, is_timer: bool) {
        self.all = Some(self.all.map_or(due_at_ms, |first| first.min(due_at_ms)));
        if is_timer {
            self.timers = Some(self.timers.map_or(due_at_ms, |first| first.min(due_at_ms)));
        }
    }

    fn removed(&mut self, due_at_ms: i64) {
        self.known &= self.all != Some(due_at_ms) && self.timers != Some(due_at_ms);
    }
}

impl CachedEffects {
    fn is_full(&self) -> bool {
        self.outbox.size("").0 >= CACHED_MAX
    }

    /// What to load from the table: while limits hold back calls in memory, those in the table mostly belong to the
    /// same tenants.
    fn of_stored(&self, wanted: EffectKinds) -> EffectKinds {
        if self.outbox.holds_back() { EffectKinds::Timers } else { wanted }
    }

    fn has_capacity(&self, tenant: &str, new: usize) -> bool {
        let (all, of_tenant, bytes) = self.outbox.size(tenant);
        let (all, of_tenant) = (all + new, of_tenant + new);
        bytes < BYTES_MAX && (of_tenant < OF_TENANT_MIN || (all < CACHED_MAX && of_tenant < OF_TENANT_MAX))
    }
}

/// A load of due effects from the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) wanted: EffectKinds,
    pub(super) now_ms: i64,
    pub(super) limit: usize,
}

impl EffectCache {
    /// Loads the effects that the previous server had in memory. Its claims are released.
    pub(super) fn open(connection: &Connection, calls_of_tenant_max: Option<usize>) -> Result<Self, StoreError> {
        let mut cached = CachedEffects::default();
        if let Some(max) = calls_of_tenant_max {
            cached.outbox.bound(max);
        }
        let read = |cached: &mut CachedEffects| -> rusqlite::Result<()> {
            let last = "SELECT max((SELECT coalesce(max(ordinal), 0) FROM in_hand), (SELECT coalesce(max(ordinal), 0) FROM effects))";
            cached.next_ordinal = connection.query_row(last, [], |row| row.get::<_, Ordinal>(0))? + 1;
            let mut select = connection.prepare(&format!("SELECT {COLUMNS} FROM in_hand ORDER BY ordinal"))?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                let (ordinal, asked) = asked(row)?;
                cache_effect(cached, ordinal, asked);
            }
            // Runs that have ended have no effect in their rows. They are skipped because there are far more of them.
            let mut select = connection.prepare(in_row::IN_ROWS)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                let (tenant, run): (Tenant, RunId) = (row.get(0)?, row.get::<_, Id>(1)?.run());
                match in_row::read(&tenant, run, row.get_ref(2)?.as_blob().unwrap_or_default()) {
                    Ok((ordinal, asked)) => {
                        cached.next_ordinal = cached.next_ordinal.max(ordinal + 1);
                        cached.in_rows.insert((tenant, run), ordinal);
                        cached.outbox.add(ordinal, asked);
                    }
                    Err(error) => tracing::error!(%error, "an effect cannot be read and is left undone"),
                }
            }
            find_first_stored(connection, cached)
        };
        read(&mut cached).map_err(convert::failure)?;
        Ok(EffectCache(Mutex::new(cached)))
    }

    /// Claims from memory, or returns that the table has to be loaded first.
    pub(super) fn claim(&self, load: &Load, lease_ms: i64, looked: bool) -> Option<Vec<Claimed>> {
        let mut cached = self.lock();
        let Load { wanted, now_ms, limit } = *load;
        cached.outbox.free_expired(now_ms);
        if !looked && limit > 0 {
            let wanted = cached.of_stored(wanted);
            let due = cached.stored.due(wanted).filter(|due_at_ms| *due_at_ms <= now_ms);
            // If many effects are in memory, those in the table wait for space, unless they are older than all in
            // memory.
            let comes_first = |due_at_ms: i64| {
                !cached.is_full()
                    || !cached.outbox.has_due(now_ms, limit, wanted)
                    || cached.outbox.next_free(wanted).is_none_or(|first| due_at_ms < first)
            };
            if !cached.stored.known || due.is_some_and(comes_first) {
                return None;
            }
        }
        Some(cached.outbox.claim(now_ms, lease_ms, limit, wanted))
    }

    pub(super) fn renew(&self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Vec<EffectId> {
        self.lock().outbox.renew(held, lease_until_ms)
    }

    /// When the next free effect is due or the next lease runs out; or that the table has to be loaded first.
    pub(super) fn next_due(&self, wanted: EffectKinds) -> Option<Option<i64>> {
        let cached = self.lock();
        let stored = cached.stored.due(cached.of_stored(wanted));
        let next = || cached.outbox.next_due(wanted).into_iter().chain(stored).min();
        cached.stored.known.then(next)
    }

    fn lock(&self) -> MutexGuard<'_, CachedEffects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Loads due effects from the table. For the writer's thread, between two transactions.
pub(super) fn load(connection: &Connection, effect_cache: &EffectCache, load: &Load) -> Result<(), StoreError> {
    let mut cached = effect_cache.lock();
    let mut read = || -> rusqlite::Result<()> {
        if load.limit > 0 {
            // Those in memory already are the first that are due, so others come after that many rows.
            let limit =
                convert::limit(cached.seen.len() + if cached.is_full() { load.limit } else { load.limit.max(LOAD) });
            let mut select = connection.prepare_cached(&due_sql(cached.of_stored(load.wanted)))?;
            let mut rows = select.query(params![load.now_ms, limit])?;
            let mut loaded = 0;
            while let Some(row) = rows.next()? {
                let (ordinal, asked) = asked(row)?;
                if cached.seen.insert(ordinal) {
                    cache_effect(&mut cached, ordinal, asked);
                    loaded += 1;
                }
                if loaded > 0 && cached.outbox.size("").2 >= BYTES_MAX {
                    break;
                }
            }
        }
        find_first_stored(connection, &mut cached)
    };
    read().map_err(convert::failure)
}

/// An effect that cannot be read is reported and skipped, so that it does not block the others.
fn cache_effect(cached: &mut CachedEffects, ordinal: Ordinal, asked: Result<OutboxEffect, StoreError>) {
    match asked {
        Ok(asked) => cached.outbox.add(ordinal, asked),
        Err(error) => tracing::error!(%error, "an effect cannot be read and is left undone"),
    }
}

/// Finds the first effects that are not in memory.
fn find_first_stored(connection: &Connection, cached: &mut CachedEffects) -> rusqlite::Result<()> {
    let first = |wanted| -> rusqlite::Result<Option<i64>> {
        let mut select = connection.prepare_cached(&first_sql(wanted))?;
        let mut rows = select.query([convert::limit(cached.seen.len() + 1)])?;
        while let Some(row) = rows.next()? {
            if !cached.seen.contains(&row.get(0)?) {
                return row.get(1).map(Some);
            }
        }
        Ok(None)
    };
    cached.stored = Stored { known: true, all: first(EffectKinds::All)?, timers: first(EffectKinds::Timers)? };
    Ok(())
}

pub(super) fn due_sql(wanted: EffectKinds) -> String {
    let clause = clause(wanted);
    format!("SELECT {COLUMNS} FROM effects WHERE {clause} AND due_at_ms <= ?1 ORDER BY due_at_ms, ordinal LIMIT ?2")
}

pub(super) fn first_sql(wanted: EffectKinds) -> String {
    let clause = clause(wanted);
    format!("SELECT ordinal, due_at_ms FROM effects WHERE {clause} ORDER BY due_at_ms, ordinal LIMIT ?1")
}

fn asked(row: &Row<'_>) -> rusqlite::Result<(Ordinal, Result<OutboxEffect, StoreError>)> {
    let run: RunId = row.get::<_, Id>(3)?.run();
    let id = row.get::<_, Id>(2)?.effect();
    let json = row.get_ref(8)?.as_bytes()?;
    let (tenant, bytes) = (row.get(1)?, json.len());
    let (node_run, due_at_ms, attempt) = (row.get::<_, Id>(4)?.node_run(), row.get(5)?, row.get(6)?);
    let request = convert::request(run, id, row.get(7)?, json);
    let asked = request.map(|request| OutboxEffect {
        tenant,
        run,
        effect: Arc::new(Effect { id, node_run, attempt, due_at_ms, request }),
        bytes,
    });
    Ok((row.get(0)?, asked))
}

/// Ends the leases of an older build, which stored claims in rows.
pub(super) fn free_all(connection: &Connection) -> rusqlite::Result<usize> {
    connection
        .execute("UPDATE effects SET lease_until_ms = NULL, claimed_by = NULL WHERE lease_until_ms IS NOT NULL", [])
}

/// The effect changes of one transaction: written immediately, applied to memory once the transaction is durable.
#[derive(Debug)]
pub(super) struct EffectChanges<'a> {
    effect_cache: &'a EffectCache,
    changes: Vec<Change>,
    /// Effects that leave memory.
    gone: BTreeSet<(EffectId, Tenant)>,
    /// Effects that enter memory, and where their rows are.
    new: BTreeMap<(EffectId, Tenant), (Ordinal, RunId)>,
    /// The effect in each run's row, for rows that changed.
    in_rows: BTreeMap<(Tenant, RunId), Option<Ordinal>>,
    settling: Vec<(EffectId, Tenant)>,
}

#[derive(Debug)]
enum Change {
    Add(Ordinal, OutboxEffect),
    Remove(Tenant, RunId, EffectId),
    Store { due_at_ms: i64, is_timer: bool },
    Forget { due_at_ms: i64 },
}

impl<'a> EffectChanges<'a> {
    pub(super) fn new(effect_cache: &'a EffectCache) -> Self {
        let (changes, gone, new, in_rows, settling) = Default::default();
        EffectChanges { effect_cache, changes, gone, new, in_rows, settling }
    }

    /// The transaction is durable.
    pub(super) fn apply(mut self) {
        let mut cached = self.effect_cache.lock();
        for change in std::mem::take(&mut self.changes) {
            match change {
                Change::Add(ordinal, asked) => cached.outbox.add(ordinal, asked),
                Change::Remove(tenant, run, id) => {
                    let ordinal = cached.outbox.remove(&tenant, run, id);
                    ordinal.map(|ordinal| cached.seen.remove(&ordinal));
                }
                Change::Store { due_at_ms, is_timer } => cached.stored.added(due_at_ms, is_timer),
                Change::Forget { due_at_ms } => cached.stored.removed(due_at_ms),
            }
        }
        for (place, ordinal) in std::mem::take(&mut self.in_rows) {
            match ordinal {
                Some(ordinal) => cached.in_rows.insert(place, ordinal),
                None => cached.in_rows.remove(&place),
            };
        }
        drop(cached); // Before `self`, which locks again.
    }

    /// Whether an effect may be settled under this epoch. It cannot be claimed again before the transaction has ended.
    pub(super) fn begin_to_settle(&mut self, tenant: &str, run: RunId, effect: EffectId, epoch: Epoch) -> bool {
        let place = (effect, tenant.to_owned());
        if self.gone.contains(&place) || self.new.contains_key(&place) {
            return false;
        }
        let mut cached = self.effect_cache.lock();
        if !cached.outbox.is_held(tenant, run, effect, epoch) {
            return false;
        }
        cached.outbox.settling(tenant, effect, true);
        self.settling.push(place);
        true
    }

    /// Refuses effects that exist already, unless the same append deletes them.
    pub(super) fn refuse(&self, connection: &Connection, prepared: &PreparedAppend) -> Result<(), Stop> {
        let append = prepared.append();
        for (effect, _) in prepared.effects() {
            let owner = self.owner(connection, &append.tenant, effect.id)?;
            if owner.is_some_and(|owner| owner != append.run || !append.removes(effect.id)) {
                return Err(StoreError::from(check::effect_exists(append.run)).into());
            }
        }
        Ok(())
    }

    /// The run of an effect.
    pub(super) fn owner(&self, connection: &Connection, tenant: &str, id: EffectId) -> rusqlite::Result<Option<RunId>> {
        let place = (id, tenant.to_owned());
        if let Some((_, run)) = self.new.get(&place) {
            return Ok(Some(*run));
        }
        if let Some(run) = self.effect_cache.lock().outbox.owner(tenant, id).filter(|_| !self.gone.contains(&place)) {
            return Ok(Some(run));
        }
        connection
            .prepare_cached("SELECT run FROM effects WHERE id = ?1 AND tenant = ?2")?
            .query_row(params![Id::from(id), tenant], |row| row.get::<_, Id>(0).map(Id::run))
            .optional()
    }

    /// Decides what happens to the effect in the run's row. Nothing is changed yet: the append may be refused.
    pub(super) fn in_row(&self, prepared: &PreparedAppend) -> InRow {
        let append = prepared.append();
        let before = self.ordinal_in_row(&append.tenant, append.run);
        let removed = before.is_some_and(|ordinal| {
            let mut removed = append.settles.iter().map(|(effect, _)| effect).chain(&append.dropped);
            removed.any(|effect| self.ordinal(&append.tenant, append.run, *effect) == Some(ordinal))
        });
        let ends = matches!(append.row.status, RunStatus::Final(_));
        match before {
            Some(ordinal) if ends && !removed => InRow::Moves(ordinal),
            Some(_) if !removed => InRow::Kept,
            None if ends => InRow::Kept,
            Some(_) if ends => InRow::Is(None),
            before => match self.fits_in_row(prepared) {
                None if before.is_none() => InRow::Kept,
                comes => InRow::Is(comes),
            },
        }
    }

    /// The first new effect that fits in the run's row.
    fn fits_in_row(&self, prepared: &PreparedAppend) -> Option<(usize, Ordinal, Vec<u8>)> {
        let append = prepared.append();
        let mut cached = self.effect_cache.lock();
        if !cached.has_capacity(&append.tenant, self.new.len()) {
            return None;
        }
        let ordinal = cached.next_ordinal;
        let found = prepared.effects().iter().enumerate().find_map(|(place, (effect, request))| {
            // Packing saves at most four fifths of the length.
            let may_fit = effect.due_at_ms <= append.at_ms && request.len() < in_row::BYTES_MAX * 5;
            let bytes = may_fit.then(|| in_row::write(ordinal, effect, request))?;
            (bytes.len() <= in_row::BYTES_MAX).then_some((place, ordinal, bytes))
        })?;
        cached.next_ordinal += 1;
        Some(found)
    }

    fn ordinal_in_row(&self, tenant: &str, run: RunId) -> Option<Ordinal> {
        let place = (tenant.to_owned(), run);
        match self.in_rows.get(&place) {
            Some(changed) => *changed,
            None => self.effect_cache.lock().in_rows.get(&place).copied(),
        }
    }

    /// The ordinal of a run's effect that is or will be in memory.
    fn ordinal(&self, tenant: &str, run: RunId, id: EffectId) -> Option<Ordinal> {
        let place = (id, tenant.to_owned());
        match self.new.get(&place) {
            Some((ordinal, owner)) => (*owner == run).then_some(*ordinal),
            None if self.gone.contains(&place) => None,
            None => self.effect_cache.lock().outbox.ordinal(tenant, run, id),
        }
    }

    /// Deletes settled and dropped effects, then adds new ones. The effect in the run's row has been written with the
    /// row.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        prepared: &PreparedAppend,
        in_row: InRow,
    ) -> rusqlite::Result<()> {
        let append = prepared.append();
        for effect in append.settles.iter().map(|(effect, _)| effect).chain(&append.dropped) {
            self.remove(connection, &append.tenant, append.run, *effect)?;
        }
        let place = (append.tenant.clone(), append.run);
        let comes = match in_row {
            InRow::Kept => None,
            InRow::Is(comes) => {
                self.in_rows.insert(place, comes.as_ref().map(|(_, ordinal, _)| *ordinal));
                comes.map(|(place, ordinal, _)| (place, ordinal))
            }
            InRow::Moves(ordinal) => {
                if let Some(effect) = self.effect(ordinal) {
                    let request = convert::encode(&effect.request)
                        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                    insert(connection, "in_hand", ordinal, append, &effect, &request)?;
                }
                self.in_rows.insert(place, None);
                None
            }
        };
        for (place, (effect, request)) in prepared.effects().iter().enumerate() {
            match comes {
                Some((in_row, ordinal)) if in_row == place => self.cached_soon(prepared, ordinal, effect, request),
                _ => self.add(connection, prepared, effect, request)?,
            }
        }
        Ok(())
    }

    fn effect(&self, ordinal: Ordinal) -> Option<Arc<Effect>> {
        let new = self.changes.iter().find_map(|change| match change {
            Change::Add(place, asked) if *place == ordinal => Some(asked.effect.clone()),
            _ => None,
        });
        new.or_else(|| self.effect_cache.lock().outbox.effect(ordinal))
    }

    fn cached_soon(&mut self, prepared: &PreparedAppend, ordinal: Ordinal, effect: &Arc<Effect>, request: &str) {
        let append = prepared.append();
        let (tenant, run, effect) = (append.tenant.clone(), append.run, effect.clone());
        self.new.insert((effect.id, tenant.clone()), (ordinal, run));
        self.changes.push(Change::Add(ordinal, OutboxEffect { tenant, run, effect, bytes: request.len() }));
    }

    fn remove(&mut self, connection: &Connection, tenant: &str, run: RunId, id: EffectId) -> rusqlite::Result<()> {
        let place = (id, tenant.to_owned());
        if let Some(ordinal) = self.ordinal(tenant, run, id) {
            if self.ordinal_in_row(tenant, run) != Some(ordinal)
                && connection.prepare_cached("DELETE FROM in_hand WHERE ordinal = ?1")?.execute([ordinal])? == 0
            {
                connection.prepare_cached("DELETE FROM effects WHERE ordinal = ?1")?.execute([ordinal])?;
            }
            if self.new.remove(&place).is_none() {
                self.gone.insert(place);
            }
            self.changes.push(Change::Remove(tenant.to_owned(), run, id));
            return Ok(());
        }
        let due_at_ms = connection
            .prepare_cached("DELETE FROM effects WHERE id = ?1 AND tenant = ?2 AND run = ?3 RETURNING due_at_ms")?
            .query_row(params![Id::from(id), tenant, Id::from(run)], |row| row.get(0))
            .optional()?;
        self.changes.extend(due_at_ms.map(|due_at_ms| Change::Forget { due_at_ms }));
        Ok(())
    }

    fn add(
        &mut self,
        connection: &Connection,
        prepared: &PreparedAppend,
        effect: &Arc<Effect>,
        request: &str,
    ) -> rusqlite::Result<()> {
        let append = prepared.append();
        let (ordinal, effect_cache) = {
            let mut cached = self.effect_cache.lock();
            let ordinal = cached.next_ordinal;
            cached.next_ordinal += 1; // Used even if the transaction fails: gaps are harmless.
            (ordinal, effect.due_at_ms <= append.at_ms && cached.has_capacity(&append.tenant, self.new.len()))
        };
        insert(connection, if effect_cache { "in_hand" } else { "effects" }, ordinal, append, effect, request)?;
        if effect_cache {
            self.cached_soon(prepared, ordinal, effect, request);
        } else {
            let (due_at_ms, is_timer) = (effect.due_at_ms, is_timer(effect));
            self.changes.push(Change::Store { due_at_ms, is_timer });
        }
        Ok(())
    }
}

fn insert(
    connection: &Connection,
    table: &str,
    ordinal: Ordinal,
    append: &Append,
    effect: &Effect,
    request: &str,
) -> rusqlite::Result<()> {
    let columns = format!("INSERT INTO {table} ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    connection.prepare_cached(&columns)?.execute(params![
        ordinal,
        append.tenant,
        Id::from(effect.id),
        Id::from(append.run),
        Id::from(effect.node_run),
        effect.due_at_ms,
        effect.attempt,
        FORMAT_VERSION,
        request
    ])?;
    Ok(())
}

impl Drop for EffectChanges<'_> {
    fn drop(&mut self) {
        let mut cached = self.effect_cache.lock();
        // Settled effects are deleted by now; the others may be claimed again.
        for (effect, tenant) in std::mem::take(&mut self.settling) {
            cached.outbox.settling(&tenant, effect, false);
        }
    }
}
