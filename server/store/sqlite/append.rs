//! One append inside the writer's transaction. All checks come before the first write, so a refused entry writes
//! nothing and the batch continues.

use runyard_engine::event::FORMAT_VERSION;
use rusqlite::{Connection, OptionalExtension, params};

use super::approvals;
use super::claims::EffectChanges;
use super::convert::{self, Id, RUN_COLUMNS};
use super::counts::Deltas;
use super::in_row::InRow;
use super::prepared::{LogRow, PreparedAppend};
use super::stop::Stop;
use super::{node_runs, sealed, values};
use crate::{Append, Committed, KeyUse, RunRow, Status, StoreError, check};

/// Appends, or returns the refusal.
pub(super) fn append(
    connection: &Connection,
    deltas: &mut Deltas,
    changes: &mut EffectChanges<'_>,
    prepared: &PreparedAppend,
) -> Result<Committed, Stop> {
    let append = &prepared.append;
    let in_row = changes.in_row(prepared);
    let before = if append.expected == 0 {
        begin(connection, changes, prepared, &in_row)?;
        None
    } else {
        carry_on(connection, changes, prepared, &in_row)?
    };
    write_labels(connection, append)?;
    write_log(connection, append, &prepared.events)?;
    changes.write(connection, prepared, in_row)?;
    write_keys(connection, append)?;
    approvals::write(connection, append)?;
    sealed::write(connection, append)?;
    values::write(connection, append)?;
    deltas.moved(&append.tenant, before.map(|row| Status::from(row.status)), append.row.status.into());
    Ok(Committed { version: append.row.version })
}

/// Inserts the row of a new run. The insert itself detects a conflict, so no query is needed before. Only a conflict is
/// looked up.
fn begin(
    connection: &Connection,
    changes: &mut EffectChanges<'_>,
    prepared: &PreparedAppend,
    in_row: &InRow,
) -> Result<(), Stop> {
    let append = &prepared.append;
    let written = refuse_key(connection, append)
        .and_then(|()| refuse_claim(changes, append))
        .and_then(|()| changes.refuse(connection, prepared))
        .and_then(|()| insert_row(connection, append, in_row));
    // The first conflict that SQLite reports may not be the first in the order of the trait.
    written.or_else(|in_the_way| refuse(connection, changes, prepared).and(Err(in_the_way)))
}

/// Updates the row of an existing run. Returns the old row.
fn carry_on(
    connection: &Connection,
    changes: &mut EffectChanges<'_>,
    prepared: &PreparedAppend,
    in_row: &InRow,
) -> Result<Option<RunRow>, Stop> {
    let before = refuse(connection, changes, prepared)?;
    update_row(connection, before.as_ref(), &prepared.append, in_row)?;
    Ok(before)
}

/// All checks that can refuse an append, in the order that the trait defines. Returns the old row.
fn refuse(
    connection: &Connection,
    changes: &mut EffectChanges<'_>,
    prepared: &PreparedAppend,
) -> Result<Option<RunRow>, Stop> {
    let append = &prepared.append;
    refuse_key(connection, append)?;
    refuse_claim(changes, append)?;
    let before = row(connection, &append.tenant, append.run)?;
    let found = before.as_ref().map_or(0, |row| row.version);
    if found != append.expected {
        return Err(StoreError::Conflict { run: append.run, expected: append.expected, found }.into());
    }
    match &before {
        Some(row) => check::same_run(row, &append.row).map_err(StoreError::from)?,
        None => {
            refuse_name(connection, append)?;
            refuse_turn(connection, append)?;
        }
    }
    changes.refuse(connection, prepared)?;
    Ok(before)
}

fn refuse_key(connection: &Connection, append: &Append) -> Result<(), Stop> {
    let Some(key) = &append.key else { return Ok(()) };
    match key_use(connection, &append.tenant, &key.scope, &key.key)? {
        Some(taken) => Err(StoreError::KeyTaken(taken).into()),
        None => Ok(()),
    }
}

fn refuse_claim(changes: &mut EffectChanges<'_>, append: &Append) -> Result<(), Stop> {
    for (effect, epoch) in &append.settles {
        if !changes.begin_to_settle(&append.tenant, append.run, *effect, *epoch) {
            return Err(StoreError::Fenced { effect: *effect, epoch: *epoch }.into());
        }
    }
    Ok(())
}

fn refuse_name(connection: &Connection, append: &Append) -> Result<(), Stop> {
    let Some(name) = &append.row.name else { return Ok(()) };
    match named(connection, &append.tenant, name)? {
        Some(run) => Err(StoreError::NameTaken { name: name.clone(), run: run.run() }.into()),
        None => Ok(()),
    }
}

fn refuse_turn(connection: &Connection, append: &Append) -> Result<(), Stop> {
    let Some(turn) = &append.row.turn else { return Ok(()) };
    let taken: Option<Id> = connection
        .prepare_cached("SELECT run FROM runs WHERE tenant = ?1 AND thread = ?2 AND turn = ?3")?
        .query_row(params![append.tenant, turn.thread, turn.number.cast_signed()], |row| row.get(0))
        .optional()?;
    match taken {
        Some(run) => Err(StoreError::TurnTaken { turn: turn.clone(), run: run.run() }.into()),
        None => Ok(()),
    }
}

/// Columns that never change are not set, so that SQLite does not write their indexes again.
fn update_row(connection: &Connection, before: Option<&RunRow>, append: &Append, in_row: &InRow) -> Result<(), Stop> {
    let row = &append.row;
    if before.is_some_and(|before| (before.status, before.phase) == (row.status, row.phase)) {
        // SQLite writes an index again if a statement sets its columns, even to the same values.
        let update = "UPDATE runs SET title = ?3, reason = ?4, version = ?5, updated_at_ms = ?6, ended_at_ms = ?7, \
                      in_hand = CASE WHEN ?8 THEN in_hand ELSE ?9 END WHERE tenant = ?1 AND run = ?2";
        connection.prepare_cached(update)?.execute(params![
            append.tenant,
            Id::from(row.run),
            row.title,
            row.reason,
            row.version.cast_signed(),
            row.updated_at_ms,
            row.ended_at_ms,
            in_row.is_kept(),
            in_row.bytes()
        ])?;
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE runs SET title = ?3, status = ?4, standing = ?5, reason = ?6, version = ?7, updated_at_ms = ?8, \
             ended_at_ms = ?9, in_hand = CASE WHEN ?10 THEN in_hand ELSE ?11 END WHERE tenant = ?1 AND run = ?2",
        )?
        .execute(params![
            append.tenant,
            Id::from(row.run),
            row.title,
            Status::from(row.status),
            row.phase,
            row.reason,
            row.version.cast_signed(),
            row.updated_at_ms,
            row.ended_at_ms,
            in_row.is_kept(),
            in_row.bytes()
        ])?;
    Ok(())
}

fn insert_row(connection: &Connection, append: &Append, in_row: &InRow) -> Result<(), Stop> {
    let row = &append.row;
    connection
        .prepare_cached(
            "INSERT INTO runs (tenant, run, name, face, node_type, title, status, standing, reason, version, created_at_ms, \
             updated_at_ms, ended_at_ms, thread, turn, in_hand) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .execute(params![
            append.tenant,
            Id::from(row.run),
            row.name,
            row.api,
            row.node_type,
            row.title,
            Status::from(row.status),
            row.phase,
            row.reason,
            row.version.cast_signed(),
            row.created_at_ms,
            row.updated_at_ms,
            row.ended_at_ms,
            row.turn.as_ref().map(|turn| &turn.thread),
            row.turn.as_ref().map(|turn| turn.number.cast_signed()),
            in_row.bytes(),
        ])?;
    Ok(())
}

fn write_labels(connection: &Connection, append: &Append) -> Result<(), Stop> {
    if append.labels.is_empty() {
        return Ok(());
    }
    let mut insert = connection
        .prepare_cached("INSERT INTO labels (tenant, name, value, created_at_ms, run) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (name, value) in append.labels.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value))) {
        insert.execute(params![append.tenant, name, value, append.row.created_at_ms, Id::from(append.run)])?;
    }
    Ok(())
}

fn write_log(connection: &Connection, append: &Append, events: &[LogRow]) -> Result<(), Stop> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO log (tenant, run, position, at_ms, format, event, count, packed) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut position = append.expected.cast_signed() + 1;
    for LogRow { count, lines, packed } in events {
        let run = Id::from(append.run);
        insert.execute(params![append.tenant, run, position, append.at_ms, FORMAT_VERSION, lines, count, packed])?;
        position += count;
    }
    node_runs::write(connection, append)?;
    Ok(())
}

fn write_keys(connection: &Connection, append: &Append) -> Result<(), Stop> {
    let Some(key) = &append.key else { return Ok(()) };
    connection
        .prepare_cached(
            "INSERT INTO idempotency_keys (tenant, scope, key, fingerprint, run, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![append.tenant, key.scope, key.key, key.fingerprint, Id::from(key.run), append.at_ms])?;
    Ok(())
}

/// A run's row, as the transaction or the reader sees it.
pub(super) fn row(
    connection: &Connection,
    tenant: &str,
    run: runyard_engine::RunId,
) -> rusqlite::Result<Option<RunRow>> {
    connection
        .prepare_cached(&format!("SELECT {RUN_COLUMNS} FROM runs WHERE tenant = ?1 AND run = ?2"))?
        .query_row(params![tenant, Id::from(run)], convert::run_row)
        .optional()
}

/// The run that has a name.
pub(super) fn named(connection: &Connection, tenant: &str, name: &str) -> rusqlite::Result<Option<Id>> {
    connection
        .prepare_cached("SELECT run FROM runs WHERE tenant = ?1 AND name = ?2")?
        .query_row(params![tenant, name], |row| row.get(0))
        .optional()
}

/// The record of an idempotency key.
pub(super) fn key_use(
    connection: &Connection,
    tenant: &str,
    scope: &str,
    key: &str,
) -> rusqlite::Result<Option<KeyUse>> {
    connection
        .prepare_cached("SELECT fingerprint, run FROM idempotency_keys WHERE tenant = ?1 AND scope = ?2 AND key = ?3")?
        .query_row(params![tenant, scope, key], |row| {
            Ok(KeyUse {
                scope: scope.to_owned(),
                key: key.to_owned(),
                fingerprint: row.get(0)?,
                run: row.get::<_, Id>(1)?.run(),
            })
        })
        .optional()
}
