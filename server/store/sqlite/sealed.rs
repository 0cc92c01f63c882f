//! What runs keep sealed: written with their first event, removed with their last.

use runyard_engine::{RunId, RunStatus};
use rusqlite::{Connection, OptionalExtension, params};

use super::convert::{self, Id};
use crate::{Append, Sealed, StoreError};

/// Writes what a new run brings, and removes what a run had that ends. A run that ends at once leaves nothing.
pub(super) fn write(connection: &Connection, append: &Append) -> rusqlite::Result<()> {
    if matches!(append.row.status, RunStatus::Final(_)) {
        connection
            .prepare_cached("DELETE FROM sealed WHERE tenant = ?1 AND run = ?2")?
            .execute(params![append.tenant, Id::from(append.run)])?;
        return Ok(());
    }
    for sealed in &append.sealed {
        connection
            .prepare_cached("INSERT INTO sealed (tenant, run, name, bytes) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![append.tenant, Id::from(append.run), sealed.name, sealed.bytes])?;
    }
    Ok(())
}

pub(super) fn get(connection: &Connection, tenant: &str, run: RunId, name: &str) -> Result<Option<Sealed>, StoreError> {
    connection
        .prepare_cached("SELECT bytes FROM sealed WHERE tenant = ?1 AND run = ?2 AND name = ?3")
        .and_then(|mut select| select.query_row(params![tenant, Id::from(run), name], |row| row.get(0)).optional())
        .map(|found| found.map(|bytes| Sealed { name: name.to_owned(), bytes }))
        .map_err(convert::failure_of(run))
}
