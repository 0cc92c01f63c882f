//! The outbox at hand: which effects are there, who performs which until when, and which is next. In memory, for stores whose claims end
//! with their process: [`memory`](super::memory) has every effect here, [`sqlite`](super::sqlite) those that are due.
//!
//! [`Outbox::next`] is the one place where the next effect to perform is chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runyard_engine::{Effect, EffectId, Request, RunId};

use super::{Claimed, Epoch, Tenant};

/// The order of being asked for.
pub(super) type Ordinal = i64;

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whatever is due.
    All,
    /// Timers alone.
    Timers,
}

/// Effects, in hand or free.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    rows: BTreeMap<Ordinal, Row>,
    by_id: BTreeMap<(EffectId, Tenant), Ordinal>,
    lanes: BTreeMap<Tenant, Lane>,
    /// By when the lease runs out.
    leased: BTreeSet<(i64, Ordinal)>,
    bytes: usize,
}

/// The effects of one tenant.
#[derive(Debug, Default)]
struct Lane {
    /// Free ones, by when they are due.
    calls: BTreeSet<(i64, Ordinal)>,
    timers: BTreeSet<(i64, Ordinal)>,
    /// How many, free or not.
    rows: usize,
}

impl Lane {
    fn first(&self, wanted: Wanted) -> Option<(i64, Ordinal)> {
        let calls = if wanted == Wanted::All { self.calls.first() } else { None };
        calls.into_iter().chain(self.timers.first()).min().copied()
    }

    fn free(&mut self, effect: &Effect) -> &mut BTreeSet<(i64, Ordinal)> {
        if is_timer(effect) { &mut self.timers } else { &mut self.calls }
    }
}

/// An effect as it comes in.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) tenant: Tenant,
    pub(super) run: RunId,
    pub(super) effect: Arc<Effect>,
    /// About how much memory it holds.
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct Row {
    asked: Asked,
    epoch: Epoch,
    lease_until_ms: Option<i64>,
    /// Whether its result is being written: nobody claims it meanwhile, whatever the time.
    settling: bool,
}

/// Whether an effect takes no time once it is due.
pub(super) fn is_timer(effect: &Effect) -> bool {
    effect.request == Request::Wake
}

impl Outbox {
    /// What a run has asked for, in that order.
    pub(super) fn asked(&self, tenant: &str, run: RunId) -> Vec<Effect> {
        let rows = self.rows.values().filter(|row| row.asked.run == run && row.asked.tenant == tenant);
        rows.map(|row| Effect::clone(&row.asked.effect)).collect()
    }

    /// The run that asked for an effect.
    pub(super) fn owner(&self, tenant: &str, id: EffectId) -> Option<RunId> {
        self.find(tenant, id).map(|(_, row)| row.asked.run)
    }

    /// The place of this run's effect.
    pub(super) fn ordinal(&self, tenant: &str, run: RunId, id: EffectId) -> Option<Ordinal> {
        self.find(tenant, id).filter(|(_, row)| row.asked.run == run).map(|(ordinal, _)| ordinal)
    }

    /// How many, of everybody, of this tenant, and their bytes.
    pub(super) fn size(&self, tenant: &str) -> (usize, usize, usize) {
        (self.rows.len(), self.lanes.get(tenant).map_or(0, |lane| lane.rows), self.bytes)
    }

    /// The place after the last.
    pub(super) fn next_ordinal(&self) -> Ordinal {
        self.rows.last_key_value().map_or(1, |(last, _)| last + 1)
    }

    /// Whether this run's effect was last claimed under this epoch.
    pub(super) fn is_held(&self, tenant: &str, run: RunId, id: EffectId, epoch: Epoch) -> bool {
        self.find(tenant, id).is_some_and(|(_, row)| row.asked.run == run && row.epoch == epoch && epoch > 0)
    }

    /// Keeps an effect from being claimed while its result is being written; `false` lets it go again.
    pub(super) fn settling(&mut self, tenant: &str, id: EffectId, settling: bool) {
        let Some((ordinal, _)) = self.find(tenant, id) else { return };
        self.change(ordinal, |row| row.settling = settling);
    }

    /// Takes in an effect that was asked for.
    pub(super) fn add(&mut self, ordinal: Ordinal, asked: Asked) {
        self.bytes += asked.bytes;
        self.by_id.insert((asked.effect.id, asked.tenant.clone()), ordinal);
        self.lanes.entry(asked.tenant.clone()).or_default().rows += 1;
        self.rows.insert(ordinal, Row { asked, epoch: 0, lease_until_ms: None, settling: false });
        self.list(ordinal);
    }

    /// Removes what is settled or dropped, where this run asked for it.
    pub(super) fn remove(&mut self, tenant: &str, run: RunId, id: EffectId) -> Option<Ordinal> {
        let ordinal = self.ordinal(tenant, run, id)?;
        self.unlist(ordinal);
        self.by_id.remove(&(id, tenant.to_owned()));
        self.bytes -= self.rows.remove(&ordinal).map_or(0, |row| row.asked.bytes);
        if let Some(lane) = self.lanes.get_mut(tenant) {
            lane.rows -= 1;
            if lane.rows == 0 {
                self.lanes.remove(tenant);
            }
        }
        Some(ordinal)
    }

    /// Claims what is due and free, each under a new epoch.
    pub(super) fn claim(&mut self, now_ms: i64, lease_ms: i64, limit: usize, wanted: Wanted) -> Vec<Claimed> {
        self.free_expired(now_ms);
        let lease_until_ms = now_ms.saturating_add(lease_ms);
        let mut claimed = Vec::new();
        while claimed.len() < limit
            && let Some(ordinal) = self.next(now_ms, wanted)
        {
            claimed.extend(self.take(ordinal, lease_until_ms));
        }
        claimed
    }

    /// Which free effect is performed next: the oldest due, and in the order of being asked for where that is equal.
    fn next(&self, now_ms: i64, wanted: Wanted) -> Option<Ordinal> {
        self.first_free(wanted).filter(|(due_at_ms, _)| *due_at_ms <= now_ms).map(|(_, ordinal)| ordinal)
    }

    fn first_free(&self, wanted: Wanted) -> Option<(i64, Ordinal)> {
        self.lanes.values().filter_map(|lane| lane.first(wanted)).min()
    }

    fn take(&mut self, ordinal: Ordinal, lease_until_ms: i64) -> Option<Claimed> {
        self.change(ordinal, |row| {
            row.epoch += 1;
            row.lease_until_ms = Some(lease_until_ms);
        });
        self.rows.get(&ordinal).map(|row| Claimed {
            tenant: row.asked.tenant.clone(),
            run: row.asked.run,
            effect: Effect::clone(&row.asked.effect),
            epoch: row.epoch,
            lease_until_ms,
        })
    }

    /// A lease that has run out makes its effect free again, in its old place.
    pub(super) fn free_expired(&mut self, now_ms: i64) {
        while let Some((_, ordinal)) = self.leased.first().copied().filter(|(until, _)| *until <= now_ms) {
            self.change(ordinal, |row| row.lease_until_ms = None);
        }
    }

    /// Makes leases last longer; those that are not held any more are left out of the answer.
    pub(super) fn renew(&mut self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Vec<EffectId> {
        held.iter().filter(|(id, epoch)| self.renew_one(*id, *epoch, lease_until_ms)).map(|(id, _)| *id).collect()
    }

    fn renew_one(&mut self, id: EffectId, epoch: Epoch, lease_until_ms: i64) -> bool {
        let of_id = self.by_id.range((id, Tenant::new())..).take_while(|((other, _), _)| *other == id);
        let held = |ordinal: &Ordinal| self.rows.get(ordinal).is_some_and(|row| row.epoch == epoch && epoch > 0);
        let held: Vec<Ordinal> = of_id.map(|(_, ordinal)| *ordinal).filter(held).collect();
        for ordinal in &held {
            self.change(*ordinal, |row| row.lease_until_ms = Some(lease_until_ms));
        }
        !held.is_empty()
    }

    /// When the next free effect is due, claimed or not.
    pub(super) fn next_free(&self, wanted: Wanted) -> Option<i64> {
        self.first_free(wanted).map(|(due_at_ms, _)| due_at_ms)
    }

    /// When the next free effect is due or the next lease runs out.
    pub(super) fn next_due(&self, wanted: Wanted) -> Option<i64> {
        let leased = self.leased.first().map(|(until, _)| *until);
        self.next_free(wanted).into_iter().chain(leased).min()
    }

    /// Whether there are so many free ones that are due.
    pub(super) fn has_due(&self, now_ms: i64, count: usize, wanted: Wanted) -> bool {
        let mut left = count;
        for lane in self.lanes.values() {
            let calls = (wanted == Wanted::All).then_some(&lane.calls);
            for free in calls.into_iter().chain([&lane.timers]) {
                left -= free.iter().take_while(|(due_at_ms, _)| *due_at_ms <= now_ms).take(left).count();
            }
            if left == 0 {
                return true;
            }
        }
        left == 0
    }

    fn find(&self, tenant: &str, id: EffectId) -> Option<(Ordinal, &Row)> {
        let ordinal = self.by_id.get(&(id, tenant.to_owned()))?;
        self.rows.get(ordinal).map(|row| (*ordinal, row))
    }

    /// Changes a row, and where it stands in line.
    fn change(&mut self, ordinal: Ordinal, change: impl FnOnce(&mut Row)) {
        self.unlist(ordinal);
        if let Some(row) = self.rows.get_mut(&ordinal) {
            change(row);
        }
        self.list(ordinal);
    }

    fn list(&mut self, ordinal: Ordinal) {
        let Some(row) = self.rows.get(&ordinal).filter(|row| !row.settling) else { return };
        match (row.lease_until_ms, self.lanes.get_mut(&row.asked.tenant)) {
            (Some(until), _) => _ = self.leased.insert((until, ordinal)),
            (None, Some(lane)) => _ = lane.free(&row.asked.effect).insert((row.asked.effect.due_at_ms, ordinal)),
            (None, None) => {}
        }
    }

    fn unlist(&mut self, ordinal: Ordinal) {
        let Some(row) = self.rows.get(&ordinal).filter(|row| !row.settling) else { return };
        match (row.lease_until_ms, self.lanes.get_mut(&row.asked.tenant)) {
            (Some(until), _) => _ = self.leased.remove(&(until, ordinal)),
            (None, Some(lane)) => _ = lane.free(&row.asked.effect).remove(&(row.asked.effect.due_at_ms, ordinal)),
            (None, None) => {}
        }
    }
}
