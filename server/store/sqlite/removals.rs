//! Removal of finished runs in SQLite: one transaction removes everything by which they are found, then small steps
//! delete their logs and large values. A crash between the two leaves a row in `removals`, and the next step continues.

use runyard_engine::{RunId, RunStatus};
use rusqlite::{Connection, OptionalExtension, params};

use super::append;
use super::claims::EffectChanges;
use super::convert::{self, Id, RUN_COLUMNS};
use super::counts::Deltas;
use super::stop::Stop;
use super::{packed, values};
use crate::retention::{NEEDS, Removal, STARTED_BY};
use crate::{Cursor, RunRow, Status, StoreError, Tenant};

/// Whether the last turn of a thread has not ended. Only the last turn can be unfinished.
const GOES_ON: &str =
    "SELECT ended_at_ms IS NULL FROM runs WHERE tenant = ?1 AND thread = ?2 ORDER BY turn DESC LIMIT 1";
/// Whether a run that has not ended needs this run.
const IS_NEEDED: &str = "SELECT 1 FROM labels CROSS JOIN runs ON runs.tenant = labels.tenant AND runs.run = labels.run \
     WHERE labels.tenant = ?1 AND labels.name = ?2 AND labels.value = ?3 AND runs.ended_at_ms IS NULL";
/// Whether a run has an idempotency key that has not expired.
const HAS_KEY: &str = "SELECT 1 FROM idempotency_keys WHERE tenant = ?1 AND run = ?2 AND at_ms >= ?3";
/// The tables by which a run is found, besides its labels.
const FOUND_BY: [&str; 3] = [
    "DELETE FROM runs WHERE tenant = ?1 AND run = ?2",
    "DELETE FROM approvals WHERE tenant = ?1 AND run = ?2",
    "DELETE FROM idempotency_keys WHERE tenant = ?1 AND run = ?2",
];
/// Queries that must not scan whole tables, for tests.
#[cfg(test)]
pub(super) const QUERIES: [&str; 6] = [GOES_ON, IS_NEEDED, HAS_KEY, FOUND_BY[0], FOUND_BY[1], FOUND_BY[2]];

/// The run to remove.
#[derive(Debug)]
pub(super) struct Removals {
    pub(super) tenant: Tenant,
    pub(super) removals: Vec<Removal>,
    pub(super) keys_before_ms: i64,
}

pub(super) fn tenants(connection: &Connection) -> Result<Vec<Tenant>, StoreError> {
    // The counts are a short table that contains every tenant.
    let read = || -> rusqlite::Result<Vec<Tenant>> {
        let mut select = connection.prepare_cached("SELECT DISTINCT tenant FROM status_counts ORDER BY tenant")?;
        select.query_map([], |row| row.get(0))?.collect()
    };
    read().map_err(convert::failure)
}

pub(super) fn oldest_sql(goes_on: bool) -> String {
    let place = if goes_on { "AND (created_at_ms, run) > (?4, ?5) " } else { "" };
    format!(
        "SELECT {RUN_COLUMNS} FROM runs WHERE tenant = ?1 AND status = ?2 {place}ORDER BY created_at_ms, run LIMIT ?3"
    )
}

/// The oldest runs of one status.
pub(super) fn oldest(
    connection: &Connection,
    tenant: &str,
    status: Status,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let limit = convert::limit(limit);
    let read = || -> rusqlite::Result<Vec<RunRow>> {
        let mut select = connection.prepare_cached(&oldest_sql(after.is_some()))?;
        match after {
            None => select.query_map(params![tenant, status, limit], convert::run_row)?.collect(),
            Some(Cursor { created_at_ms, run }) => {
                let place = params![tenant, status, limit, created_at_ms, Id::from(run)];
                select.query_map(place, convert::run_row)?.collect()
            }
        }
    };
    read().map_err(convert::failure)
}

/// Removes those runs that are no longer needed.
pub(super) fn remove(
    connection: &Connection,
    deltas: &mut Deltas,
    changes: &EffectChanges<'_>,
    removals: &Removals,
) -> Result<Vec<RunId>, Stop> {
    let mut gone = Vec::with_capacity(removals.removals.len());
    for removal in &removals.removals {
        if let Some(row) = may_go(connection, changes, removals, removal)? {
            delete(connection, &removals.tenant, removal, &row)?;
            deltas.removed(&removals.tenant, row.status.into());
            gone.push(removal.run);
        }
    }
    Ok(gone)
}

fn may_go(
    connection: &Connection,
    changes: &EffectChanges<'_>,
    removals: &Removals,
    removal: &Removal,
) -> rusqlite::Result<Option<RunRow>> {
    let Removals { tenant, keys_before_ms, .. } = removals;
    let Removal { run, version, thread, parent, closing_effects, labels: _ } = removal;
    let Some(row) = append::row(connection, tenant, *run)? else { return Ok(None) };
    if row.version != *version || !matches!(row.status, RunStatus::Final(_)) {
        return Ok(None);
    }
    let goes_on: Option<bool> =
        connection.prepare_cached(GOES_ON)?.query_row(params![tenant, thread], |row| row.get(0)).optional()?;
    let mut is_needed = false;
    for label in [NEEDS, STARTED_BY] {
        is_needed |= connection.prepare_cached(IS_NEEDED)?.exists(params![tenant, label, run.to_string()])?;
    }
    if let Some(parent) = parent {
        is_needed |= append::row(connection, tenant, *parent)?.is_some_and(|row| row.ended_at_ms.is_none());
    }
    for closing_effect in closing_effects {
        is_needed |= changes.owner(connection, tenant, *closing_effect)?.is_some();
    }
    let has_key = connection.prepare_cached(HAS_KEY)?.exists(params![tenant, Id::from(*run), keys_before_ms])?;
    Ok(Some(row).filter(|_| goes_on != Some(true) && !is_needed && !has_key))
}

/// Deletes everything by which a run is found.
fn delete(connection: &Connection, tenant: &str, removal: &Removal, row: &RunRow) -> rusqlite::Result<()> {
    let run = Id::from(removal.run);
    let place = params![tenant, run];
    for sql in FOUND_BY {
        connection.prepare_cached(sql)?.execute(place)?;
    }
    connection.prepare_cached("INSERT INTO removals (tenant, run) VALUES (?1, ?2)")?.execute(place)?;
    let mut unlabel = connection.prepare_cached(
        "DELETE FROM labels WHERE tenant = ?1 AND name = ?2 AND value = ?3 AND created_at_ms = ?4 AND run = ?5",
    )?;
    for (name, values) in &removal.labels {
        for value in values {
            unlabel.execute(params![tenant, name, value, row.created_at_ms, run])?;
        }
    }
    connection
        .prepare_cached("DELETE FROM objects WHERE tenant = ?1 AND parent = ?2")?
        .execute(params![tenant, removal.run.to_string()])?;
    Ok(())
}

/// Deletes a limited part of the logs of removed runs.
pub(super) fn sweep(connection: &Connection, limit: usize) -> Result<usize, Stop> {
    let mut left = limit;
    while left > 0 {
        let next: Option<(Tenant, Id)> = connection
            .prepare_cached("SELECT tenant, run FROM removals LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((tenant, run)) = next else { break };
        let deleted = delete_part(connection, &tenant, run, left)?;
        let deleted = deleted + values::forget(connection, &tenant, run, left.saturating_sub(deleted))?;
        if deleted < left {
            let place = params![tenant, run];
            connection.prepare_cached("DELETE FROM removals WHERE tenant = ?1 AND run = ?2")?.execute(place)?;
        }
        // A run without events counts too, so that every step is limited.
        left -= deleted.max(1);
    }
    Ok(limit - left)
}

fn delete_part(connection: &Connection, tenant: &str, run: Id, limit: usize) -> rusqlite::Result<usize> {
    let mut select = connection.prepare_cached(
        "SELECT rowid, position, format, event, count, packed FROM log WHERE tenant = ?1 AND run = ?2 ORDER BY position",
    )?;
    let mut found = select.query(params![tenant, run])?;
    // Collected first, because the rows are deleted next.
    let (mut rows, mut events) = (Vec::new(), 0);
    while events < limit
        && let Some(row) = found.next()?
    {
        let (position, format) = (row.get(1)?, row.get(2)?);
        let read = |json| convert::event(run.run(), position, format, json);
        // An event that cannot be read leaves its node run's index row behind, and nothing else.
        let lines = packed::text(row, 3, 5)?;
        let node_runs = lines.split(|byte| *byte == b'\n').filter_map(|json| read(json).ok()?.node_run());
        rows.push((row.get::<_, i64>(0)?, node_runs.collect::<Vec<_>>()));
        events += usize::try_from(row.get::<_, i64>(4)?).unwrap_or(1).max(1);
    }
    drop(found);
    let mut forget =
        connection.prepare_cached("DELETE FROM node_runs WHERE tenant = ?1 AND node_run = ?2 AND run = ?3")?;
    let mut delete = connection.prepare_cached("DELETE FROM log WHERE rowid = ?1")?;
    for (rowid, node_runs) in &rows {
        for node_run in node_runs {
            forget.execute(params![tenant, Id::from(*node_run), run])?;
        }
        delete.execute([rowid])?;
    }
    Ok(events.min(limit))
}
