//! The queries of the readers. Each sees one committed state.

use runyard_engine::{NodeRunId, Position, Recorded, RunId};
use rusqlite::{Connection, OptionalExtension, params};

use super::convert::{self, Id, RUN_COLUMNS};
use super::{append, node_runs, packed};
use crate::{KeyUse, LogPart, RunRow, StoreError, Tenant};

/// The log of a run that has not been removed.
pub(super) fn log(
    connection: &Connection,
    tenant: &str,
    run: RunId,
    after: Position,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let seen = "AND NOT EXISTS (SELECT 1 FROM removals WHERE tenant = ?1 AND run = ?2)";
    log_where(seen, connection, (tenant, run), after, (limit, usize::MAX)).map(|part| part.events)
}

/// The same, up to this many bytes.
pub(super) fn log_part(
    connection: &Connection,
    tenant: &str,
    run: RunId,
    after: Position,
    bounds: (usize, usize),
) -> Result<LogPart, StoreError> {
    let seen = "AND NOT EXISTS (SELECT 1 FROM removals WHERE tenant = ?1 AND run = ?2)";
    log_where(seen, connection, (tenant, run), after, bounds)
}

/// The log of a run, even if the run has been removed.
pub(super) fn log_as_it_is(
    connection: &Connection,
    tenant: &str,
    run: RunId,
    after: Position,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    log_where("", connection, (tenant, run), after, (limit, usize::MAX)).map(|part| part.events)
}

fn log_where(
    clause: &'static str,
    connection: &Connection,
    (tenant, run): (&str, RunId),
    after: Position,
    (limit, bytes_max): (usize, usize),
) -> Result<LogPart, StoreError> {
    let Ok(start) = i64::try_from(after) else { return Ok(LogPart { events: Vec::new(), more: false }) };
    let failure = convert::failure_of(run);
    let mut select = connection
        .prepare_cached(&format!(
            "SELECT position, at_ms, format, event, count, packed FROM log WHERE tenant = ?1 AND run = ?2 AND position >= \
             coalesce((SELECT max(position) FROM log WHERE tenant = ?1 AND run = ?2 AND position <= ?3), 0) \
             {clause} ORDER BY position"
        ))
        .map_err(&failure)?;
    // The row of the next event may start before that event.
    let mut rows = select.query(params![tenant, Id::from(run), start.saturating_add(1)]).map_err(&failure)?;
    let mut recorded = Vec::new();
    let (mut next, mut bytes) = (start.saturating_add(1), 0_usize);
    while recorded.len() < limit
        && let Some(row) = rows.next().map_err(&failure)?
    {
        let (behind, read) = events(row, run, next, limit, &mut recorded)?;
        next = behind;
        bytes = bytes.saturating_add(read);
        if bytes >= bytes_max {
            return Ok(LogPart { events: recorded, more: true });
        }
    }
    Ok(LogPart { more: recorded.len() == limit, events: recorded })
}

/// Reads the events of a row from a position on, up to a limit. Returns the position after the row, and the row's
/// length.
fn events(
    row: &rusqlite::Row<'_>,
    run: RunId,
    next: i64,
    limit: usize,
    recorded: &mut Vec<Recorded>,
) -> Result<(i64, usize), StoreError> {
    let failure = convert::failure_of(run);
    let (first, count): (i64, i64) = (row.get(0).map_err(&failure)?, row.get(4).map_err(&failure)?);
    if first > next {
        let reason = format!("the event at position {next} is missing; the next is at {first}");
        return Err(StoreError::Corrupt { run, reason });
    }
    let (at_ms, format) = (row.get(1).map_err(&failure)?, row.get(2).map_err(&failure)?);
    let lines = packed::text(row, 3, 5).map_err(&failure)?;
    let bytes = lines.len();
    let behind = first.saturating_add(count);
    let mut lines = lines.split(|byte| *byte == b'\n');
    for position in first..behind {
        let json = lines.next().unwrap_or_default();
        if position >= next && recorded.len() < limit {
            let event = convert::event(run, position, format, json)?;
            recorded.push(Recorded { position: position.unsigned_abs(), at_ms, event });
        }
    }
    Ok((behind.max(next), bytes))
}

pub(super) fn row(connection: &Connection, tenant: &str, run: RunId) -> Result<Option<RunRow>, StoreError> {
    append::row(connection, tenant, run).map_err(convert::failure_of(run))
}

/// The versions of these logs.
pub(super) fn versions(connection: &Connection, runs: &[(Tenant, RunId)]) -> Result<Vec<Position>, StoreError> {
    let read = || -> rusqlite::Result<Vec<Position>> {
        let mut select = connection.prepare_cached("SELECT version FROM runs WHERE tenant = ?1 AND run = ?2")?;
        let version = |(tenant, run): &(Tenant, RunId)| {
            select.query_row(params![tenant, Id::from(*run)], |row| row.get::<_, i64>(0)).optional()
        };
        runs.iter().map(version).map(|found| Ok(found?.unwrap_or(0).unsigned_abs())).collect()
    };
    read().map_err(convert::failure)
}

pub(super) fn named(connection: &Connection, tenant: &str, name: &str) -> Result<Option<RunId>, StoreError> {
    Ok(append::named(connection, tenant, name).map_err(convert::failure)?.map(Id::run))
}

/// The last turn first.
pub(super) fn turns(
    connection: &Connection,
    tenant: &str,
    thread: &str,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
    let read = || -> rusqlite::Result<Vec<RunRow>> {
        let mut select = connection.prepare_cached(&format!(
            "SELECT {RUN_COLUMNS} FROM runs WHERE tenant = ?1 AND thread = ?2 AND turn < ?3 ORDER BY turn DESC LIMIT ?4"
        ))?;
        select.query_map(params![tenant, thread, before, convert::limit(limit)], convert::run_row)?.collect()
    };
    read().map_err(convert::failure)
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
    Ok(node_runs::run_of(connection, tenant, node_run)?.map(|(run, _)| run))
}
