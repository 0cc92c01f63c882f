//! The number of runs in each status: one row for each tenant and status, updated with the runs.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::convert;
use crate::{Status, StoreError, Tenant};

/// The count changes of one transaction.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    changes: BTreeMap<(Tenant, Status), i64>,
}

impl Deltas {
    /// A run changed from one status to another; a new run had none.
    pub(super) fn moved(&mut self, tenant: &str, before: Option<Status>, after: Status) {
        if before == Some(after) {
            return;
        }
        if let Some(before) = before {
            *self.changes.entry((tenant.to_owned(), before)).or_default() -= 1;
        }
        *self.changes.entry((tenant.to_owned(), after)).or_default() += 1;
    }

    /// A run was removed.
    pub(super) fn removed(&mut self, tenant: &str, before: Status) {
        *self.changes.entry((tenant.to_owned(), before)).or_default() -= 1;
    }

    /// Writes the changes, inside the transaction.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        for ((tenant, status), change) in self.changes.iter().filter(|(_, change)| **change != 0) {
            connection
                .prepare_cached(
                    "INSERT INTO status_counts (tenant, status, runs) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (tenant, status) DO UPDATE SET runs = runs + excluded.runs",
                )?
                .execute(params![tenant, status, change])?;
        }
        Ok(())
    }
}

/// The number of a tenant's runs in each status.
pub(super) fn of(connection: &Connection, tenant: &str) -> Result<Vec<(Status, u64)>, StoreError> {
    let read = || -> rusqlite::Result<Vec<(Status, i64)>> {
        let mut select =
            connection.prepare_cached("SELECT status, runs FROM status_counts WHERE tenant = ?1 AND runs > 0")?;
        let rows = select.query_map([tenant], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    let mut counts: Vec<_> = read().map_err(convert::failure)?;
    counts.sort_by_key(|(status, _)| *status);
    Ok(counts.into_iter().map(|(status, runs)| (status, runs.unsigned_abs())).collect())
}
