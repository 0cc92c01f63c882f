//! Large values: written with the events that name them, read one at a time, removed with the last run that names them.

use runyard_engine::RunId;
use runyard_engine::large::Digest;
use rusqlite::{Connection, OptionalExtension, params};

use super::convert::{self, Id};
use crate::{Append, StoreError};

const NAMED: &str = "SELECT value FROM large_values AS found WHERE tenant = ?1 AND digest = ?3 AND EXISTS \
     (SELECT 1 FROM value_names WHERE tenant = ?1 AND run = ?2 AND digest = ?3) \
     AND NOT EXISTS (SELECT 1 FROM removals WHERE tenant = ?1 AND run = ?2)";
const NAMES_OF: &str = "SELECT digest FROM value_names WHERE tenant = ?1 AND run = ?2 LIMIT ?3";
const UNNAME: &str = "DELETE FROM value_names WHERE tenant = ?1 AND run = ?2 AND digest = ?3";
const FORGET: &str = "DELETE FROM large_values WHERE tenant = ?1 AND digest = ?2 AND NOT EXISTS \
     (SELECT 1 FROM value_names WHERE tenant = ?1 AND digest = ?2)";
/// Queries that must not scan whole tables, for tests.
#[cfg(test)]
pub(super) const QUERIES: [&str; 4] = [NAMED, NAMES_OF, UNNAME, FORGET];

/// A digest as it is stored.
pub(super) fn digest(column: &[u8]) -> rusqlite::Result<Digest> {
    let bytes = column.try_into().map_err(|_| rusqlite::Error::InvalidQuery)?;
    Ok(Digest::from_bytes(bytes))
}

/// Writes the large values of an append that are not stored yet, and the references to them.
pub(super) fn write(connection: &Connection, append: &Append) -> rusqlite::Result<()> {
    for value in &append.values {
        if let Some(text) = &value.text {
            connection
                .prepare_cached(
                    "INSERT INTO large_values (tenant, digest, value) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                )?
                .execute(params![append.tenant, value.digest.bytes(), &**text])?;
        }
        connection
            .prepare_cached(
                "INSERT INTO value_names (tenant, run, digest) SELECT ?1, ?2, ?3 WHERE EXISTS \
                 (SELECT 1 FROM large_values WHERE tenant = ?1 AND digest = ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![append.tenant, Id::from(append.run), value.digest.bytes()])?;
    }
    Ok(())
}

pub(super) fn get(
    connection: &Connection,
    tenant: &str,
    run: RunId,
    digest: Digest,
) -> Result<Option<String>, StoreError> {
    connection
        .prepare_cached(NAMED)
        .and_then(|mut select| {
            select.query_row(params![tenant, Id::from(run), digest.bytes()], |row| row.get(0)).optional()
        })
        .map_err(convert::failure_of(run))
}

/// Deletes at most this many references of a run, and the values that no other run names. Returns the number of
/// references.
pub(super) fn forget(connection: &Connection, tenant: &str, run: Id, limit: usize) -> rusqlite::Result<usize> {
    let digests: Vec<Vec<u8>> = connection
        .prepare_cached(NAMES_OF)?
        .query_map(params![tenant, run, convert::limit(limit)], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for digest in &digests {
        connection.prepare_cached(UNNAME)?.execute(params![tenant, run, digest])?;
        connection.prepare_cached(FORGET)?.execute(params![tenant, digest])?;
    }
    Ok(digests.len())
}
