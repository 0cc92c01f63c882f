//! Opens a database: settings, migrations, and the refusal of databases that this build cannot use safely.

use std::path::Path;
use std::time::Duration;

use runyard_engine::event::FORMAT_VERSION;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use super::options::Options;
use super::{ack_log, claims, convert};
use crate::StoreError;

/// Every migration, in order; the schema version is how many have been applied. A shipped one is never changed.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_api_keys.sql"),
    include_str!("migrations/0003_objects.sql"),
    include_str!("migrations/0004_labels.sql"),
    include_str!("migrations/0005_turns.sql"),
    include_str!("migrations/0006_approvals.sql"),
    include_str!("migrations/0007_standing.sql"),
    include_str!("migrations/0008_sealed.sql"),
    include_str!("migrations/0009_operations.sql"),
    include_str!("migrations/0010_in_hand.sql"),
    include_str!("migrations/0011_large_values.sql"),
    include_str!("migrations/0012_fewer_pages.sql"),
];

/// Marks the file as Runyard's (SQLite's `application_id`): "RYRD".
const APPLICATION_ID: i64 = 0x5259_5244;

/// How long a statement waits for another process that holds the database locked.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// The page size of a new database, in bytes. A commit writes each changed page completely, and changes only a few
/// bytes in several pages.
const PAGE_BYTES: u32 = 1_024;

/// How long a checkpoint waits for readers; the next one continues where it stopped.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(100);

/// Converts a number of 4096-byte pages to pages of this database.
pub(super) fn pages(connection: &Connection, of_4096: u32) -> Result<u32, StoreError> {
    let bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(convert::failure)?;
    Ok(of_4096.saturating_mul(4_096 / bytes.clamp(1, 4_096)))
}

/// Opens for writing, migrates and marks the file.
pub(super) fn open(path: &Path, options: &Options) -> Result<Connection, StoreError> {
    open_with(path, options, MIGRATIONS)
}

pub(super) fn open_with(path: &Path, options: &Options, migrations: &[&str]) -> Result<Connection, StoreError> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let sorted = |error| sorted(path, error);
    connection.busy_timeout(LOCK_WAIT).map_err(sorted)?;
    refuse_foreign(&connection, path, migrations.len()).map_err(|refusal| match refusal {
        Refusal::Reported(error) => error,
        Refusal::Sql(error) => sorted(error),
    })?;
    settle_in(&connection, options).map_err(sorted)?;
    migrate(&mut connection, migrations).map_err(sorted)?;
    refuse_newer_events(&connection, path)?;
    ack_log::refuse_loss(&connection, path)?;
    claims::free_all(&connection).map_err(sorted)?;
    Ok(connection)
}

/// Opens a database that [`open`] has prepared, for the checkpointer.
pub(super) fn open_again(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(CHECKPOINT_WAIT).map_err(convert::failure)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(convert::failure)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(convert::failure)?;
    Ok(connection)
}

/// Opens a database that [`open`] has prepared, for reading.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(LOCK_WAIT).map_err(convert::failure)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    // Only one thread at a time uses a connection, so SQLite's own mutex is not needed.
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(convert::failure)?;
    // Without it SQLite recompiles a statement if its bound values might suit another index. These statements have the
    // same plan for all values.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(convert::failure)?;
    Ok(connection)
}

enum Refusal {
    Reported(StoreError),
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Refusal::Sql(error)
    }
}

/// Checks the file before anything is written.
fn refuse_foreign(connection: &Connection, path: &Path, known: usize) -> Result<(), Refusal> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = application == 0 && version == 0 && tables == 0;
    if !fresh && application != APPLICATION_ID {
        return Err(Refusal::Reported(not_ours(path)));
    }
    if version > convert::limit(known) {
        return Err(Refusal::Reported(StoreError::Unusable(format!(
            "the database {} has schema version {version}; this runyard {} knows versions up to {known}: \
             use a newer runyard, or another data folder",
            path.display(),
            env!("CARGO_PKG_VERSION"),
        ))));
    }
    Ok(())
}

/// For copies: a database of this build's version or an older one.
pub(super) fn refuse_foreign_or_newer(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    refuse_foreign(connection, path, MIGRATIONS.len()).map_err(|refusal| match refusal {
        Refusal::Reported(error) => error,
        Refusal::Sql(error) => sorted(path, error),
    })
}

/// For read-only use: a database of exactly this build's version.
pub(super) fn refuse_other(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    refuse_foreign_or_newer(connection, path)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(convert::failure)?;
    if version < convert::limit(MIGRATIONS.len()) {
        return Err(StoreError::Unusable(format!(
            "the database {} has schema version {version}, and this runyard {} looks at version {}: `runyard serve` brings it there",
            path.display(),
            env!("CARGO_PKG_VERSION"),
            MIGRATIONS.len(),
        )));
    }
    Ok(())
}

fn sorted(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => not_ours(path),
        _ => convert::failure(error),
    }
}

fn not_ours(path: &Path) -> StoreError {
    StoreError::Unusable(format!("{} is not a database of runyard: use another data folder", path.display()))
}

/// Settings of a connection, and the journal mode of the file.
fn settle_in(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    // Only an empty database accepts it.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    if let Some(pages) = options.pages_max {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Applies the missing migrations, all or none.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let applied: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let applied = usize::try_from(applied).unwrap_or(0); // Never negative: only this function sets it.
    for migration in migrations.iter().skip(applied) {
        transaction.execute_batch(migration)?;
    }
    if applied < migrations.len() {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", convert::limit(migrations.len()))?;
        transaction.execute(
            "INSERT INTO meta (name, value) VALUES ('application', 'runyard') ON CONFLICT (name) DO NOTHING",
            [],
        )?;
    }
    transaction.commit()
}

/// A database may have a known schema and unknown events.
fn refuse_newer_events(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: Option<i64> = connection
        .query_row("SELECT value FROM meta WHERE name = 'event_format'", [], |row| row.get(0))
        .optional()
        .map_err(convert::failure)?;
    match found {
        Some(found) if found > i64::from(FORMAT_VERSION) => Err(StoreError::Unusable(format!(
            "the database {} holds events of format {found}; this runyard {} reads formats up to {FORMAT_VERSION}: \
             use a newer runyard, or another data folder",
            path.display(),
            env!("CARGO_PKG_VERSION"),
        ))),
        Some(found) if found == i64::from(FORMAT_VERSION) => Ok(()),
        _ => connection
            .execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('event_format', ?1)", [FORMAT_VERSION])
            .map(|_| ())
            .map_err(convert::failure),
    }
}
