//! Effects in memory: asked for, claimed, renewed, removed.

use std::collections::{BTreeMap, BTreeSet};

use runyard_engine::{Effect, EffectId, Request, RunId};

use crate::store::{Claimed, Epoch, Tenant};

/// The order of being asked for.
type Ordinal = u64;

#[derive(Debug, Default)]
pub(super) struct Effects {
    rows: BTreeMap<Ordinal, Row>,
    by_id: BTreeMap<(EffectId, Tenant), Ordinal>,
    /// By when they are due.
    free: BTreeSet<(i64, Ordinal)>,
    /// By when the lease runs out.
    leased: BTreeSet<(i64, Ordinal)>,
    asked: Ordinal,
}

#[derive(Debug)]
struct Row {
    tenant: Tenant,
    run: RunId,
    effect: Effect,
    epoch: Epoch,
    lease_until_ms: Option<i64>,
}

/// Whether an effect takes no time once it is due.
pub(super) fn is_timer(effect: &Effect) -> bool {
    effect.request == Request::Wake
}

impl Effects {
    /// What a run has asked for, in that order.
    pub(super) fn asked(&self, tenant: &str, run: RunId) -> Vec<Effect> {
        let rows = self.rows.values().filter(|row| row.run == run && row.tenant == tenant);
        rows.map(|row| row.effect.clone()).collect()
    }

    /// The run that asked for an effect.
    pub(super) fn owner(&self, tenant: &str, id: EffectId) -> Option<RunId> {
        let ordinal = self.by_id.get(&(id, tenant.to_owned()))?;
        self.rows.get(ordinal).map(|row| row.run)
    }

    /// Whether this run's effect was last claimed under this epoch.
    pub(super) fn is_held(&self, tenant: &str, run: RunId, id: EffectId, epoch: Epoch) -> bool {
        let row = self.by_id.get(&(id, tenant.to_owned())).and_then(|ordinal| self.rows.get(ordinal));
        row.is_some_and(|row| row.run == run && row.epoch == epoch && epoch > 0)
    }

    /// Removes what is settled or dropped, then adds what is new.
    pub(super) fn replace(
        &mut self,
        tenant: &str,
        run: RunId,
        settled: Option<(EffectId, Epoch)>,
        dropped: &[EffectId],
        effects: Vec<Effect>,
    ) {
        for id in settled.iter().map(|(id, _)| id).chain(dropped) {
            self.remove(tenant, run, *id);
        }
        for effect in effects {
            self.asked += 1;
            self.free.insert((effect.due_at_ms, self.asked));
            self.by_id.insert((effect.id, tenant.to_owned()), self.asked);
            let row = Row { tenant: tenant.to_owned(), run, effect, epoch: 0, lease_until_ms: None };
            self.rows.insert(self.asked, row);
        }
    }

    fn remove(&mut self, tenant: &str, run: RunId, id: EffectId) {
        let place = (id, tenant.to_owned());
        let Some(ordinal) = self.by_id.get(&place).copied() else { return };
        if self.rows.get(&ordinal).is_none_or(|row| row.run != run) {
            return;
        }
        self.by_id.remove(&place);
        if let Some(row) = self.rows.remove(&ordinal) {
            match row.lease_until_ms {
                Some(until) => self.leased.remove(&(until, ordinal)),
                None => self.free.remove(&(row.effect.due_at_ms, ordinal)),
            };
        }
    }

    pub(super) fn claim(
        &mut self,
        now_ms: i64,
        lease_ms: i64,
        limit: usize,
        wanted: fn(&Effect) -> bool,
    ) -> Vec<Claimed> {
        self.free_expired(now_ms);
        let due = self.free.iter().take_while(|(due_at_ms, _)| *due_at_ms <= now_ms);
        let due: Vec<_> = due.filter(|(_, ordinal)| self.is(*ordinal, wanted)).take(limit).copied().collect();
        let lease_until_ms = now_ms.saturating_add(lease_ms);
        due.into_iter()
            .filter_map(|place| {
                let row = self.rows.get_mut(&place.1)?;
                self.free.remove(&place);
                self.leased.insert((lease_until_ms, place.1));
                row.lease_until_ms = Some(lease_until_ms);
                row.epoch += 1;
                Some(Claimed {
                    tenant: row.tenant.clone(),
                    run: row.run,
                    effect: row.effect.clone(),
                    epoch: row.epoch,
                    lease_until_ms,
                })
            })
            .collect()
    }

    /// A lease that has run out makes its effect free again, in its old place.
    pub(super) fn free_expired(&mut self, now_ms: i64) {
        while let Some((until, ordinal)) = self.leased.first().copied().filter(|(until, _)| *until <= now_ms) {
            self.leased.remove(&(until, ordinal));
            if let Some(row) = self.rows.get_mut(&ordinal) {
                row.lease_until_ms = None;
                self.free.insert((row.effect.due_at_ms, ordinal));
            }
        }
    }

    pub(super) fn renew(&mut self, held: &[(EffectId, Epoch)], lease_until_ms: i64) -> Vec<EffectId> {
        held.iter().filter(|(id, epoch)| self.renew_one(*id, *epoch, lease_until_ms)).map(|(id, _)| *id).collect()
    }

    fn renew_one(&mut self, id: EffectId, epoch: Epoch, lease_until_ms: i64) -> bool {
        let of_id = self.by_id.range((id, Tenant::new())..).take_while(|((other, _), _)| *other == id);
        let mut renewed = false;
        for (_, ordinal) in of_id {
            let Some(row) = self.rows.get_mut(ordinal).filter(|row| row.epoch == epoch && epoch > 0) else { continue };
            match row.lease_until_ms.replace(lease_until_ms) {
                Some(until) => self.leased.remove(&(until, *ordinal)),
                None => self.free.remove(&(row.effect.due_at_ms, *ordinal)),
            };
            self.leased.insert((lease_until_ms, *ordinal));
            renewed = true;
        }
        renewed
    }

    fn is(&self, ordinal: Ordinal, wanted: fn(&Effect) -> bool) -> bool {
        self.rows.get(&ordinal).is_some_and(|row| wanted(&row.effect))
    }

    pub(super) fn next_due(&self, wanted: fn(&Effect) -> bool) -> Option<i64> {
        let free = self.free.iter().find(|(_, ordinal)| self.is(*ordinal, wanted)).map(|(due_at_ms, _)| *due_at_ms);
        let leased = self.leased.first().map(|(until, _)| *until);
        free.into_iter().chain(leased).min()
    }
}
