//! The sealed data of runs: written with the first event, deleted with the last.

use runyard_engine::{RunId, RunStatus};
use rusqlite::{Connection, OptionalExtension, params};

use super::convert::{self, Id};
use crate::{Append, Sealed, StoreError};

/// Inserts the sealed data of a new run, and deletes that of a run that ends. A run that ends at once stores none.
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
