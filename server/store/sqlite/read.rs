//! The queries of the readers. Each sees one committed state.

use runyard_engine::{NodeRunId, Position, Recorded, RunId};
use rusqlite::{Connection, ToSql, params};

use super::append;
use super::convert::{self, Id, RUN_COLUMNS};
use crate::store::{Cursor, Filter, KeyUse, RunRow, Status, StoreError};

pub(super) fn log(
    connection: &Connection,
    tenant: &str,
    run: RunId,
    after: Position,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let Ok(start) = i64::try_from(after) else { return Ok(Vec::new()) };
    let failure = convert::failure_of(run);
    let mut select = connection
        .prepare_cached(
            "SELECT position, at_ms, format, event FROM log \
             WHERE tenant = ?1 AND run = ?2 AND position > ?3 ORDER BY position LIMIT ?4",
        )
        .map_err(&failure)?;
    let mut rows = select.query(params![tenant, Id::from(run), start, convert::limit(limit)]).map_err(&failure)?;
    let mut recorded = Vec::new();
    let mut position = start;
    while let Some(row) = rows.next().map_err(&failure)? {
        position += 1;
        recorded.push(event(row, run, position)?);
    }
    Ok(recorded)
}

/// Reads the event that must stand at this position.
fn event(row: &rusqlite::Row<'_>, run: RunId, expected: i64) -> Result<Recorded, StoreError> {
    let failure = convert::failure_of(run);
    let position: i64 = row.get(0).map_err(&failure)?;
    if position != expected {
        let reason = format!("the event at position {expected} is missing; the next is at {position}");
        return Err(StoreError::Corrupt { run, reason });
    }
    let (at_ms, format) = (row.get(1).map_err(&failure)?, row.get(2).map_err(&failure)?);
    let json = row.get_ref(3).map_err(&failure)?;
    let json = json.as_bytes().map_err(|error| failure(error.into()))?;
    Ok(Recorded { position: position.unsigned_abs(), at_ms, event: convert::event(run, position, format, json)? })
}

pub(super) fn row(connection: &Connection, tenant: &str, run: RunId) -> Result<Option<RunRow>, StoreError> {
    append::row(connection, tenant, run).map_err(convert::failure_of(run))
}

pub(super) fn named(connection: &Connection, tenant: &str, name: &str) -> Result<Option<RunId>, StoreError> {
    Ok(append::named(connection, tenant, name).map_err(convert::failure)?.map(Id::run))
}

pub(super) fn keyed(
    connection: &Connection,
    tenant: &str,
    scope: &str,
    key: &str,
) -> Result<Option<KeyUse>, StoreError> {
    append::key_use(connection, tenant, scope, key).map_err(convert::failure)
}

pub(super) fn run_of(connection: &Connection, tenant: &str, node_run: NodeRunId) -> Result<Option<RunId>, StoreError> {
    use rusqlite::OptionalExtension;
    let ask = || {
        connection
            .prepare_cached("SELECT run FROM node_runs WHERE tenant = ?1 AND node_run = ?2")?
            .query_row(params![tenant, Id::from(node_run)], |row| row.get::<_, Id>(0))
            .optional()
    };
    Ok(ask().map_err(convert::failure)?.map(Id::run))
}

/// Newest first. Several statuses are one ordered query each, merged: one query over all could not use the index's order.
pub(super) fn list(
    connection: &mut Connection,
    tenant: &str,
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let snapshot = connection.transaction().map_err(convert::failure)?;
    let mut statuses = filter.statuses.clone();
    statuses.sort_unstable();
    statuses.dedup();
    if statuses.is_empty() {
        return list_one(&snapshot, tenant, None, filter, after, limit);
    }
    let mut rows = Vec::new();
    for status in statuses {
        rows.extend(list_one(&snapshot, tenant, Some(status), filter, after, limit)?);
    }
    rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.created_at_ms, row.run)));
    rows.truncate(limit);
    Ok(rows)
}

fn list_one(
    connection: &Connection,
    tenant: &str,
    status: Option<Status>,
    filter: &Filter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let limit = convert::limit(limit);
    let mut sql = format!("SELECT {RUN_COLUMNS} FROM runs WHERE tenant = ?");
    let mut values: Vec<&dyn ToSql> = vec![&tenant];
    if let Some(status) = &status {
        sql.push_str(" AND status = ?");
        values.push(status);
    }
    if let Some(face) = &filter.face {
        sql.push_str(" AND face = ?");
        values.push(face);
    }
    if let Some(node_type) = &filter.node_type {
        sql.push_str(" AND node_type = ?");
        values.push(node_type);
    }
    if let Some(from) = &filter.created_from_ms {
        sql.push_str(" AND created_at_ms >= ?");
        values.push(from);
    }
    // The cursor or the bound, whichever is tighter: with both, the index might be entered at the wrong one.
    let cursor = after.map(|after| (after.created_at_ms, Id::from(after.run)));
    let inside = |cursor: &&(i64, Id)| filter.created_before_ms.is_none_or(|before| cursor.0 < before);
    if let Some((created_at_ms, run)) = cursor.as_ref().filter(inside) {
        sql.push_str(" AND (created_at_ms, run) < (?, ?)");
        values.extend([created_at_ms as &dyn ToSql, run]);
    } else if let Some(before) = &filter.created_before_ms {
        sql.push_str(" AND created_at_ms < ?");
        values.push(before);
    }
    sql.push_str(" ORDER BY created_at_ms DESC, run DESC LIMIT ?");
    values.push(&limit);

    let read = || -> rusqlite::Result<Vec<RunRow>> {
        let mut select = connection.prepare_cached(&sql)?;
        let rows = select.query_map(values.as_slice(), convert::run_row)?;
        rows.collect()
    };
    read().map_err(convert::failure)
}
