//! The outbox in memory: effects, their claims and leases, and the choice of the next one. For stores whose claims end
//! with their process: [`memory`](super::memory) has every effect here, [`sqlite`](super::sqlite) those that are due.
//!
//! [`Outbox::next`] is the only code that chooses the next effect to execute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runyard_engine::{Effect, EffectId, Request, RunId};

use super::{Claimed, Epoch, Tenant};

/// The order of creation.
pub(super) type Ordinal = i64;

/// What a claimer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EffectKinds {
    /// All due effects.
    All,
    /// Timers only.
    Timers,
}

/// Effects, claimed or free.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    rows: BTreeMap<Ordinal, Row>,
    by_id: BTreeMap<(EffectId, Tenant), Ordinal>,
    lanes: BTreeMap<Tenant, TenantEffects>,
    /// By the end of the lease.
    leased: BTreeSet<(i64, Ordinal)>,
    bytes: usize,
    /// How many calls of one tenant are claimed at a time.
    calls_of_tenant_max: Option<usize>,
    /// The number of claims so far.
    served: u64,
}

/// The effects of one tenant.
#[derive(Debug, Default)]
struct TenantEffects {
    /// Free effects, by due time.
    calls: BTreeSet<(i64, Ordinal)>,
    timers: BTreeSet<(i64, Ordinal)>,
    /// The number of effects, free or not.
    rows: usize,
    /// The number of claimed calls.
    calls_in_flight: usize,
    /// The tenant's last claim, as a value of `Outbox::served`.
    served: u64,
}

impl TenantEffects {
    fn first(&self, wanted: EffectKinds) -> Option<(i64, Ordinal)> {
        let calls = if wanted == EffectKinds::All { self.calls.first() } else { None };
        calls.into_iter().chain(self.timers.first()).min().copied()
    }

    /// Whether it has reached the limit of calls in flight.
    fn is_full(&self, calls_max: Option<usize>) -> bool {
        calls_max.is_some_and(|max| self.calls_in_flight >= max)
    }

    /// The first effect that may be claimed now, within the tenant's limit.
    fn first_allowed(&self, wanted: EffectKinds, calls_max: Option<usize>) -> Option<(i64, Ordinal)> {
        self.first(if self.is_full(calls_max) { EffectKinds::Timers } else { wanted })
    }

    fn free(&mut self, effect: &Effect) -> &mut BTreeSet<(i64, Ordinal)> {
        if is_timer(effect) { &mut self.timers } else { &mut self.calls }
    }
}

/// A new effect.
#[derive(Debug)]
pub(super) struct OutboxEffect {
    pub(super) tenant: Tenant,
    pub(super) run: RunId,
    pub(super) effect: Arc<Effect>,
    /// The approximate memory size.
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct Row {
    asked: OutboxEffect,
    epoch: Epoch,
    lease_until_ms: Option<i64>,
    /// Whether its result is being written: it is not claimed meanwhile, even after its lease.
    settling: bool,
}

impl Row {
    fn is_call_in_flight(&self) -> bool {
        self.lease_until_ms.is_some() && !is_timer(&self.asked.effect)
    }
}

/// Whether an effect takes no time once it is due (a timer).
pub(super) fn is_timer(effect: &Effect) -> bool {
    effect.request == Request::Wake
}

impl Outbox {
    /// Sets how many calls of one tenant are claimed at a time.
    pub(super) fn bound(&mut self, calls_of_tenant_max: usize) {
        self.calls_of_tenant_max = Some(calls_of_tenant_max.max(1));
    }

    /// Whether a tenant's limit is all that holds back some due calls.
    pub(super) fn holds_back(&self) -> bool {
        self.lanes.values().any(|lane| lane.is_full(self.calls_of_tenant_max) && !lane.calls.is_empty())
    }

    /// A run's effects, in the order of creation.
    pub(super) fn asked(&self, tenant: &str, run: RunId) -> Vec<Effect> {
        let rows = self.rows.values().filter(|row| row.asked.run == run && row.asked.tenant == tenant);
        rows.map(|row| Effect::clone(&row.asked.effect)).collect()
    }

    /// The run of an effect.
    pub(super) fn owner(&self, tenant: &str, id: EffectId) -> Option<RunId> {
        self.find(tenant, id).map(|(_, row)| row.asked.run)
    }

    /// The ordinal of this run's effect.
    pub(super) fn ordinal(&self, tenant: &str, run: RunId, id: EffectId) -> Option<Ordinal> {
        self.find(tenant, id).filter(|(_, row)| row.asked.run == run).map(|(ordinal, _)| ordinal)
    }

    /// The effect with this ordinal.
    pub(super) fn effect(&self, ordinal: Ordinal) -> Option<Arc<Effect>> {
        self.rows.get(&ordinal).map(|row| row.asked.effect.clone())
    }

    /// The number of effects in total and of this tenant, and their bytes.
    pub(super) fn size(&self, tenant: &str) -> (usize, usize, usize) {
        (self.rows.len(), self.lanes.get(tenant).map_or(0, |lane| lane.rows), self.bytes)
    }

    /// The ordinal after the last.
    pub(super) fn next_ordinal(&self) -> Ordinal {
        self.rows.last_key_value().map_or(1, |(last, _)| last + 1)
    }

    /// Whether this run's effect was last claimed under this epoch.
    pub(super) fn is_held(&self, tenant: &str, run: RunId, id: EffectId, epoch: Epoch) -> bool {
        self.find(tenant, id).is_some_and(|(_, row)| row.asked.run == run && row.epoch == epoch && epoch > 0)
    }

    /// Keeps an effect from being claimed while its result is being written; `false` releases it.
    pub(super) fn settling(&mut self, tenant: &str, id: EffectId, settling: bool) {
        let Some((ordinal, _)) = self.find(tenant, id) else { return };
        self.change(ordinal, |row| row.settling = settling);
    }

    /// Adds an effect.
    pub(super) fn add(&mut self, ordinal: Ordinal, asked: OutboxEffect) {
        self.bytes += asked.bytes;
        self.by_id.insert((asked.effect.id, asked.tenant.clone()), ordinal);
        self.lanes.entry(asked.tenant.clone()).or_default().rows += 1;
        self.rows.insert(ordinal, Row { asked, epoch: 0, lease_until_ms: None, settling: false });
        self.list(ordinal);
    }

    /// Deletes settled and dropped effects of this run.
    pub(super) fn remove(&mut self, tenant: &str, run: RunId, id: EffectId) -> Option<Ordinal> {
        let ordinal = self.ordinal(tenant, run, id)?;
        self.change(ordinal, |row| row.lease_until_ms = None);
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

    /// Claims due and free effects, each under a new epoch.
    pub(super) fn claim(&mut self, now_ms: i64, lease_ms: i64, limit: usize, wanted: EffectKinds) -> Vec<Claimed> {
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

    /// The free effect to execute next: the oldest due, then in the order of creation. With a limit on tenants, it
    /// takes the tenant that has waited longest and is below its limit.
    fn next(&self, now_ms: i64, wanted: EffectKinds) -> Option<Ordinal> {
        let due = |lane: &TenantEffects| {
            let (due_at_ms, ordinal) = lane.first_allowed(wanted, self.calls_of_tenant_max)?;
            let turn = if self.calls_of_tenant_max.is_some() { lane.served } else { 0 };
            (due_at_ms <= now_ms).then_some((turn, due_at_ms, ordinal))
        };
        self.lanes.values().filter_map(due).min().map(|(_, _, ordinal)| ordinal)
    }

    fn first_free(&self, wanted: EffectKinds) -> Option<(i64, Ordinal)> {
        self.lanes.values().filter_map(|lane| lane.first(wanted)).min()
    }

    fn take(&mut self, ordinal: Ordinal, lease_until_ms: i64) -> Option<Claimed> {
        self.change(ordinal, |row| {
            row.epoch += 1;
            row.lease_until_ms = Some(lease_until_ms);
        });
        self.served += 1;
        let row = self.rows.get(&ordinal)?;
        if let Some(lane) = self.lanes.get_mut(&row.asked.tenant) {
            lane.served = self.served;
        }
        Some(Claimed {
            tenant: row.asked.tenant.clone(),
            run: row.asked.run,
            effect: Effect::clone(&row.asked.effect),
            epoch: row.epoch,
            lease_until_ms,
        })
    }

    /// Releases an effect whose lease has run out; it returns to its old place.
    pub(super) fn free_expired(&mut self, now_ms: i64) {
        while let Some((_, ordinal)) = self.leased.first().copied().filter(|(until, _)| *until <= now_ms) {
            self.change(ordinal, |row| row.lease_until_ms = None);
        }
    }

    /// Extends leases; those that are no longer held are left out of the result.
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

    /// When the next free effect is due, even if a limit holds it back.
    pub(super) fn next_free(&self, wanted: EffectKinds) -> Option<i64> {
        self.first_free(wanted).map(|(due_at_ms, _)| due_at_ms)
    }

    /// When the next claimable effect is due, or the next lease runs out.
    pub(super) fn next_due(&self, wanted: EffectKinds) -> Option<i64> {
        let leased = self.leased.first().map(|(until, _)| *until);
        let allowed = self.lanes.values().filter_map(|lane| lane.first_allowed(wanted, self.calls_of_tenant_max));
        allowed.map(|(due_at_ms, _)| due_at_ms).chain(leased).min()
    }

    /// Whether at least this many free effects are due.
    pub(super) fn has_due(&self, now_ms: i64, count: usize, wanted: EffectKinds) -> bool {
        let mut left = count;
        for lane in self.lanes.values() {
            let calls = (wanted == EffectKinds::All).then_some(&lane.calls);
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

    /// Changes an effect, and its place in the indexes.
    fn change(&mut self, ordinal: Ordinal, change: impl FnOnce(&mut Row)) {
        self.unlist(ordinal);
        if let Some(row) = self.rows.get_mut(&ordinal) {
            let before = row.is_call_in_flight();
            change(row);
            if let Some(lane) = self.lanes.get_mut(&row.asked.tenant) {
                lane.calls_in_flight += usize::from(row.is_call_in_flight());
                lane.calls_in_flight -= usize::from(before);
            }
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

#[cfg(test)]
mod tests {
    use runyard_engine::NodeRunId;
    use uuid::Uuid;

    use super::*;

    const NOW_MS: i64 = 1_000;
    const LEASE_MS: i64 = 10_000;

    fn asked(tenant: &str, number: u128, request: Request) -> OutboxEffect {
        let run = RunId::from_uuid(Uuid::from_u128(number));
        let id = EffectId::from_uuid(Uuid::from_u128(number));
        let effect = Effect { id, node_run: NodeRunId::root(run), attempt: 1, due_at_ms: NOW_MS, request };
        OutboxEffect { tenant: tenant.to_owned(), run, effect: Arc::new(effect), bytes: 1 }
    }

    fn call() -> Request {
        Request::Load { until_ms: None }
    }

    /// One tenant with many effects, and then others.
    fn crowded(bound: usize) -> Outbox {
        let mut outbox = Outbox::default();
        outbox.bound(bound);
        for number in 1..=100 {
            outbox.add(outbox.next_ordinal(), asked("many", number, call()));
        }
        for (tenant, number) in [("few", 101), ("few", 102), ("one", 103)] {
            outbox.add(outbox.next_ordinal(), asked(tenant, number, call()));
        }
        outbox
    }

    fn tenants(claimed: &[Claimed]) -> Vec<&str> {
        claimed.iter().map(|claimed| claimed.tenant.as_str()).collect()
    }

    #[test]
    fn claims_go_round_the_tenants_however_much_one_asks_for() {
        let mut outbox = crowded(100);
        let claimed = outbox.claim(NOW_MS, LEASE_MS, 6, EffectKinds::All);
        assert_eq!(tenants(&claimed), ["many", "few", "one", "many", "few", "many"]);
        // A new tenant does not wait for those that came before.
        outbox.add(outbox.next_ordinal(), asked("new", 200, call()));
        assert_eq!(tenants(&outbox.claim(NOW_MS, LEASE_MS, 2, EffectKinds::All)), ["new", "many"]);
    }

    #[test]
    fn calls_of_one_tenant_in_flight_are_bounded_and_a_settled_one_frees_a_place() {
        let mut outbox = crowded(2);
        let claimed = outbox.claim(NOW_MS, LEASE_MS, 50, EffectKinds::All);
        assert_eq!(tenants(&claimed), ["many", "few", "one", "many", "few"]);
        assert!(outbox.holds_back());
        assert_eq!(outbox.next_due(EffectKinds::All), Some(NOW_MS + LEASE_MS), "what is held back is not due");
        assert!(outbox.claim(NOW_MS, LEASE_MS, 50, EffectKinds::All).is_empty());
        // A timer takes no time, so it is not held back.
        outbox.add(outbox.next_ordinal(), asked("many", 300, Request::Wake));
        assert_eq!(outbox.next_due(EffectKinds::All), Some(NOW_MS));
        assert_eq!(outbox.claim(NOW_MS, LEASE_MS, 50, EffectKinds::All)[0].effect.request, Request::Wake);
        let first = &claimed[0];
        outbox.settling("many", first.effect.id, true);
        outbox.remove("many", first.run, first.effect.id);
        assert_eq!(tenants(&outbox.claim(NOW_MS, LEASE_MS, 50, EffectKinds::All)), ["many"]);
        // Effects whose leases have run out no longer count as in flight.
        let again = outbox.claim(NOW_MS + LEASE_MS, LEASE_MS, 50, EffectKinds::All);
        assert_eq!(again.iter().filter(|claimed| claimed.tenant == "many").count(), 3, "two calls and the timer");
    }
}
