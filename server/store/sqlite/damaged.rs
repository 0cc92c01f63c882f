//! Removes runs from a database that no server has open: runs that cannot be read, in any status, and one that has
//! ended.

use std::path::Path;

use runyard_engine::RunId;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::ack_log::AckLog;
use super::claims::{EffectCache, EffectChanges};
use super::convert::{self, Id};
use super::counts::Deltas;
use super::options::Options;
use super::removals::{self, Removals};
use super::schema;
use super::stop::Stop;
use crate::maintenance::Place;
use crate::retention::Removal;
use crate::{Status, StoreError};

/// The tables with a run's data that have columns for tenant and id, so that no event has to be read.
const OF_RUN: [&str; 8] =
    ["runs", "approvals", "idempotency_keys", "labels", "effects", "in_hand", "sealed", "node_runs"];
/// The number of events that are deleted at once.
const BITE: usize = 1_024;

/// Removes runs that cannot be read, and all their data. A run that waits for one of them keeps waiting.
///
/// # Errors
/// The database cannot be opened or written. Then nothing was removed.
pub(super) fn remove(database: &Path, places: &[Place]) -> Result<(), StoreError> {
    change(database, places.iter(), |connection, deltas, _| {
        places.iter().try_for_each(|place| forget(connection, deltas, place)).map_err(Stop::from)
    })
}

/// Removes a run that has ended and that no other run needs. Returns whether it was removed.
///
/// # Errors
/// The database cannot be opened or written. Then nothing was removed.
pub(super) fn remove_ended(database: &Path, place: &Place, removal: Removal) -> Result<bool, StoreError> {
    // Idempotency keys do not prevent the removal: the operator names the run.
    let removals = Removals { tenant: place.tenant.clone(), removals: vec![removal], keys_before_ms: i64::MAX };
    let gone = change(database, std::iter::once(place), |connection, deltas, effects| {
        removals::remove(connection, deltas, effects, &removals)
    })?;
    Ok(!gone.is_empty())
}

/// One durable transaction, then the logs of the removed runs.
fn change<'a, T>(
    database: &Path,
    places: impl Iterator<Item = &'a Place>,
    work: impl FnOnce(&Connection, &mut Deltas, &EffectChanges<'_>) -> Result<T, Stop>,
) -> Result<T, StoreError> {
    let mut connection = schema::open(database, &Options::default())?;
    let mut ack_log = AckLog::open(database);
    for Place { tenant, run } in places {
        ack_log.going(tenant, std::iter::once::<RunId>(*run));
    }
    let effect_cache = EffectCache::open(&connection, None)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(convert::failure)?;
    let mut deltas = Deltas::default();
    let done = work(&transaction, &mut deltas, &EffectChanges::new(&effect_cache)).map_err(stopped)?;
    deltas.write(&transaction).map_err(convert::failure)?;
    transaction.commit().map_err(convert::failure)?;
    while removals::sweep(&connection, BITE).map_err(stopped)? >= BITE {}
    connection.close().map_err(|(_, error)| convert::failure(error))?;
    Ok(done)
}

fn forget(connection: &Connection, deltas: &mut Deltas, Place { tenant, run }: &Place) -> rusqlite::Result<()> {
    let place = params![tenant, Id::from(*run)];
    let status: Option<String> = connection
        .query_row("SELECT status FROM runs WHERE tenant = ?1 AND run = ?2", place, |row| row.get(0))
        .optional()?;
    for table in OF_RUN {
        connection.execute(&format!("DELETE FROM {table} WHERE tenant = ?1 AND run = ?2"), place)?;
    }
    connection.execute("DELETE FROM objects WHERE tenant = ?1 AND parent = ?2", params![tenant, run.to_string()])?;
    connection.execute("INSERT OR IGNORE INTO removals (tenant, run) VALUES (?1, ?2)", place)?;
    if let Some(status) = status.as_deref().and_then(Status::from_word) {
        deltas.removed(tenant, status);
    }
    Ok(())
}

fn stopped(stop: Stop) -> StoreError {
    match stop {
        Stop::Refused(error) => error,
        Stop::Broken(error) => convert::failure(error),
    }
}
