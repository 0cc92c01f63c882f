//! Removal of finished runs from maps. It is complete at once, so there is never anything to sweep.

use async_trait::async_trait;
use runyard_engine::{RunId, RunStatus};

use super::{Data, Memory};
use crate::retention::{NEEDS, Removal, Retention, STARTED_BY};
use crate::{Cursor, RunRow, Status, StoreError, Tenant};

#[async_trait]
impl Retention for Memory {
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        Ok(self.data().counts.keys().cloned().collect())
    }

    async fn oldest(
        &self,
        tenant: &str,
        status: Status,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let data = self.data();
        let order = data.by_creation.get(tenant).into_iter().flatten();
        let order = order.filter(|place| after.is_none_or(|after| **place > (after.created_at_ms, after.run)));
        let rows = order.filter_map(|(_, run)| data.runs.get(&(tenant.to_owned(), *run))).map(|run| &run.row);
        Ok(rows.filter(|row| Status::from(row.status) == status).take(limit).cloned().collect())
    }

    async fn remove(
        &self,
        tenant: &str,
        removals: Vec<Removal>,
        keys_before_ms: i64,
    ) -> Result<Vec<RunId>, StoreError> {
        let mut data = self.data();
        let mut gone = Vec::new();
        for removal in removals {
            if data.may_go(tenant, &removal, keys_before_ms) {
                data.delete(tenant, &removal);
                gone.push(removal.run);
            }
        }
        Ok(gone)
    }

    async fn sweep(&self, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }
}

impl Data {
    fn may_go(&self, tenant: &str, removal: &Removal, keys_before_ms: i64) -> bool {
        let row = |run: RunId| self.runs.get(&(tenant.to_owned(), run)).map(|run| &run.row);
        let lives = |run: RunId| row(run).is_some_and(|row| row.ended_at_ms.is_none());
        let Some(found) = row(removal.run) else { return false };
        let last = self.turns.get(&(tenant.to_owned(), removal.thread.clone())).and_then(|turns| turns.values().last());
        let needed = self.runs.iter().any(|((whose, run), other)| {
            let id = removal.run.to_string();
            let names = |label: &str| other.labels.get(label).is_some_and(|ids| ids.contains(&id));
            whose == tenant && (names(NEEDS) || names(STARTED_BY)) && lives(*run)
        });
        let asks =
            removal.closing_effects.iter().any(|closing_effect| self.effects.owner(tenant, *closing_effect).is_some());
        let keyed = self
            .keys
            .iter()
            .any(|((whose, ..), (used, at_ms))| whose == tenant && used.run == removal.run && *at_ms >= keys_before_ms);
        found.version == removal.version
            && matches!(found.status, RunStatus::Final(_))
            && !last.is_some_and(|run| lives(*run))
            && !needed
            && !asks
            && !removal.parent.is_some_and(lives)
            && !keyed
    }

    fn delete(&mut self, tenant: &str, removal: &Removal) {
        let Some(run) = self.runs.remove(&(tenant.to_owned(), removal.run)) else { return };
        let row = run.row;
        if let Some(order) = self.by_creation.get_mut(tenant) {
            order.remove(&(row.created_at_ms, row.run));
        }
        if let Some(name) = row.name {
            self.names.remove(&(tenant.to_owned(), name));
        }
        if let Some(turn) = row.turn
            && let Some(turns) = self.turns.get_mut(&(tenant.to_owned(), turn.thread))
        {
            turns.remove(&turn.number);
        }
        self.node_runs.retain(|(whose, _), of| whose != tenant || *of != row.run);
        self.keys.retain(|(whose, ..), (used, _)| whose != tenant || used.run != row.run);
        self.values.forget(tenant, row.run);
        self.approvals.forget(tenant, row.run);
        self.objects.forget(tenant, &row.run.to_string());
        let status = Status::from(row.status);
        self.counts.entry(tenant.to_owned()).or_default().entry(status).and_modify(|runs| *runs -= 1);
    }
}
