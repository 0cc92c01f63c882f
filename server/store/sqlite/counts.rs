//! How many runs are in each status: written as differences, summed on read, compacted in small bites when the writer has
//! nothing better to do.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, params};

use super::convert;
use crate::store::{Status, StoreError, Tenant};

/// Rows of one tenant and status above which they are worth replacing by their sum.
const ROWS_WORTH_A_BITE: i64 = 64;
/// Rows that one bite replaces at most.
const BITE_ROWS: i64 = 512;

/// What one transaction changes.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    changes: BTreeMap<(Tenant, Status), i64>,
    bite: Option<(Tenant, Status)>,
}

impl Deltas {
    /// A run went from one status to another; a new run came from none.
    pub(super) fn moved(&mut self, tenant: &str, before: Option<Status>, after: Status) {
        if before == Some(after) {
            return;
        }
        if let Some(before) = before {
            *self.changes.entry((tenant.to_owned(), before)).or_default() -= 1;
        }
        *self.changes.entry((tenant.to_owned(), after)).or_default() += 1;
    }

    /// A run is there no more.
    pub(super) fn removed(&mut self, tenant: &str, before: Status) {
        *self.changes.entry((tenant.to_owned(), before)).or_default() -= 1;
    }

    /// The oldest rows of this tenant and status are to be replaced by their sum.
    pub(super) fn bite(&mut self, place: (Tenant, Status)) {
        self.bite = Some(place);
    }
}

/// What the writer remembers between transactions.
#[derive(Debug)]
pub(super) struct Tally {
    next_ordinal: i64,
    /// How many rows there are: a hint, for it counts those of failed transactions too.
    rows: HashMap<(Tenant, Status), i64>,
    /// Where there are enough for a bite.
    ripe: HashSet<(Tenant, Status)>,
}

impl Tally {
    /// Counts what is there. The table is small: compaction keeps it so.
    pub(super) fn open(connection: &Connection) -> Result<Self, StoreError> {
        let read = || -> rusqlite::Result<Self> {
            let next_ordinal =
                connection
                    .query_row("SELECT coalesce(max(ordinal), 0) + 1 FROM status_deltas", [], |row| row.get(0))?;
            let mut count =
                connection.prepare("SELECT tenant, status, count(*) FROM status_deltas GROUP BY tenant, status")?;
            let rows = count.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
            let rows: HashMap<_, i64> = rows.collect::<rusqlite::Result<_>>()?;
            let ripe = rows.iter().filter(|(_, rows)| **rows > ROWS_WORTH_A_BITE).map(|(place, _)| place.clone());
            Ok(Tally { next_ordinal, ripe: ripe.collect(), rows })
        };
        read().map_err(convert::failure)
    }

    /// Writes a transaction's differences, inside it.
    pub(super) fn write(&mut self, connection: &Connection, deltas: &Deltas) -> rusqlite::Result<()> {
        for ((tenant, status), change) in deltas.changes.iter().filter(|(_, change)| **change != 0) {
            self.insert(connection, tenant, *status, *change)?;
        }
        match &deltas.bite {
            Some((tenant, status)) => self.compact(connection, tenant, *status),
            None => Ok(()),
        }
    }

    fn insert(&mut self, connection: &Connection, tenant: &str, status: Status, runs: i64) -> rusqlite::Result<()> {
        connection
            .prepare_cached("INSERT INTO status_deltas (tenant, status, ordinal, runs) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![tenant, status, self.next_ordinal, runs])?;
        // An ordinal is used up even if the transaction fails later: gaps do no harm.
        self.next_ordinal += 1;
        let place = (tenant.to_owned(), status);
        let rows = self.rows.entry(place.clone()).or_default();
        *rows += 1;
        if *rows > ROWS_WORTH_A_BITE {
            self.ripe.insert(place);
        }
        Ok(())
    }

    /// Where a bite is worth it. Not named again until more rows have come.
    pub(super) fn worth_a_bite(&mut self) -> Option<(Tenant, Status)> {
        let place = self.ripe.iter().next()?.clone();
        self.ripe.take(&place)
    }

    fn compact(&mut self, connection: &Connection, tenant: &str, status: Status) -> rusqlite::Result<()> {
        let (sum, last): (i64, Option<i64>) = connection
            .prepare_cached(
                "SELECT coalesce(sum(runs), 0), max(ordinal) FROM (SELECT runs, ordinal FROM status_deltas \
                 WHERE tenant = ?1 AND status = ?2 ORDER BY ordinal LIMIT ?3)",
            )?
            .query_row(params![tenant, status, BITE_ROWS], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let gone = connection
            .prepare_cached("DELETE FROM status_deltas WHERE tenant = ?1 AND status = ?2 AND ordinal <= ?3")?
            .execute(params![tenant, status, last])?;
        let rows = self.rows.entry((tenant.to_owned(), status)).or_default();
        // Fewer than a full bite means that none are left, whatever the hint says.
        *rows = if convert::limit(gone) < BITE_ROWS { 0 } else { (*rows - BITE_ROWS).max(0) };
        self.insert(connection, tenant, status, sum)
    }
}

/// How many runs a tenant has in each status.
pub(super) fn of(connection: &Connection, tenant: &str) -> Result<Vec<(Status, u64)>, StoreError> {
    let read = || -> rusqlite::Result<Vec<(Status, i64)>> {
        let mut sums = connection.prepare_cached(
            "SELECT status, sum(runs) FROM status_deltas WHERE tenant = ?1 GROUP BY status HAVING sum(runs) > 0",
        )?;
        let rows = sums.query_map([tenant], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    let mut counts: Vec<_> = read().map_err(convert::failure)?;
    counts.sort_by_key(|(status, _)| *status);
    Ok(counts.into_iter().map(|(status, runs)| (status, runs.unsigned_abs())).collect())
}
