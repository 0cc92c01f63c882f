//! Approvals in memory: stored by id, sorted when they are listed.

use std::collections::BTreeMap;

use runyard_engine::{ApprovalId, RunId};

use crate::Tenant;
use crate::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow};

#[derive(Debug, Default)]
pub(super) struct Approvals {
    rows: BTreeMap<Tenant, BTreeMap<ApprovalId, ApprovalRow>>,
}

impl Approvals {
    /// Inserts new approvals, and updates title and status of existing ones.
    pub(super) fn write(&mut self, tenant: &str, rows: Vec<ApprovalRow>) {
        if rows.is_empty() {
            return;
        }
        let kept = self.rows.entry(tenant.to_owned()).or_default();
        for row in rows {
            match kept.get_mut(&row.approval) {
                None => _ = kept.insert(row.approval, row),
                Some(known) if known.run == row.run => {
                    let ApprovalRow { title, status, ended_at_ms, by, comment, .. } = row;
                    *known = ApprovalRow { title, status, ended_at_ms, by, comment, ..known.clone() };
                }
                Some(_) => {}
            }
        }
    }

    /// Removes the approvals of a run.
    pub(super) fn forget(&mut self, tenant: &str, run: RunId) {
        if let Some(kept) = self.rows.get_mut(tenant) {
            kept.retain(|_, row| row.run != run);
        }
    }

    pub(super) fn get(&self, tenant: &str, approval: ApprovalId) -> Option<ApprovalRow> {
        self.rows.get(tenant)?.get(&approval).cloned()
    }

    pub(super) fn list(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        after: Option<ApprovalCursor>,
        limit: usize,
    ) -> Vec<ApprovalRow> {
        let place = |row: &ApprovalRow| (row.asked_at_ms, row.approval);
        let wanted = |row: &&ApprovalRow| {
            filter.run.is_none_or(|run| row.run == run)
                && (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
                && after.is_none_or(|after| place(row) < (after.asked_at_ms, after.approval))
        };
        let mut found: Vec<&ApprovalRow> =
            self.rows.get(tenant).into_iter().flat_map(BTreeMap::values).filter(wanted).collect();
        found.sort_unstable_by_key(|row| std::cmp::Reverse(place(row)));
        found.into_iter().take(limit).cloned().collect()
    }
}
