//! Backup of a database that may be in use, and restore into a folder.
//!
//! A backup is a snapshot of the database in one file. SQLite copies it page by page, and commits do not wait
//! meanwhile.
//! It is a database without a WAL, so it can be stored on any medium. Its table `meta` has the time of the backup and a
//! digest of the server key. The key itself is not in the backup: a thief of the backup can read the runs' data, but
//! cannot decrypt sealed data or create links that decide approvals.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension, params};

use super::{FILE_NAME, Options, ack_log, convert, schema};
use crate::maintenance::{Label, Progress};
use crate::{StoreError, folder};

/// The number of pages that one step copies.
const STEP_PAGES: i32 = 1024;
/// Where a restore prepares the database, inside the target folder.
const UNFINISHED: &str = "restore.unfinished";

/// Copies a snapshot of a database into a new file. `progress` gets the number of copied pages and of all pages.
///
/// # Errors
/// The database is not Runyard's or cannot be read, or the file cannot be written. Then no file is left.
pub(super) fn backup(database: &Path, target: &Path, label: &Label, progress: Progress<'_>) -> Result<(), StoreError> {
    if target.exists() {
        return Err(StoreError::Unusable(format!("{} exists: name a file that does not", target.display())));
    }
    let unfinished = with_suffix(target, ".unfinished");
    remove(&unfinished).map_err(medium)?;
    let copied = copy(database, &unfinished, progress)
        .and_then(|()| put_label(&unfinished, label))
        .and_then(|()| sync(&unfinished).map_err(medium))
        .and_then(|()| fs::rename(&unfinished, target).map_err(medium))
        .and_then(|()| sync_folder_of(target).map_err(medium));
    if copied.is_err() {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            // Report why the backup failed.
            let _ = remove(&with_suffix(&unfinished, suffix));
        }
    }
    copied
}

fn copy(database: &Path, target: &Path, progress: Progress<'_>) -> Result<(), StoreError> {
    let source = schema::open_to_read(database)?;
    schema::refuse_foreign_or_newer(&source, database)?;
    // One transaction around all steps: without it, a commit between two steps would restart the copy.
    source.execute_batch("BEGIN").map_err(convert::failure)?;
    source.query_row("SELECT count(*) FROM meta", [], |_| Ok(())).map_err(convert::failure)?;
    folder::open_private(target).map_err(medium)?;
    let mut copy = Connection::open(target).map_err(convert::failure)?;
    {
        let steps = Backup::new(&source, &mut copy).map_err(convert::failure)?;
        loop {
            let step = steps.step(STEP_PAGES).map_err(convert::failure)?;
            let all = u64::from(steps.progress().pagecount.unsigned_abs());
            progress(all - u64::from(steps.progress().remaining.unsigned_abs()), all);
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // Only this connection writes the copy, and a snapshot cannot be locked.
                _ => return Err(StoreError::Busy("the copy is locked by another process".into())),
            }
        }
    }
    copy.pragma_update(None, "journal_mode", "DELETE").map_err(convert::failure)?;
    copy.close().map_err(|(_, error)| convert::failure(error))
}

fn put_label(backup: &Path, label: &Label) -> Result<(), StoreError> {
    let write = || -> rusqlite::Result<()> {
        let connection = Connection::open(backup)?;
        let mut put = connection.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?;
        put.execute(params!["backup_made_at_ms", label.made_at_ms])?;
        // Always written, because a database that was restored from a backup may have an old digest.
        put.execute(params!["backup_key_digest", label.key_digest.as_deref().unwrap_or_default()])?;
        Ok(())
    };
    write().map_err(convert::failure)
}

/// The metadata of a backup. `None` for a database that is not a backup.
///
/// # Errors
/// The file is not Runyard's, or cannot be read.
pub(super) fn label(backup: &Path) -> Result<Option<Label>, StoreError> {
    let connection = schema::open_to_read(backup)?;
    schema::refuse_foreign_or_newer(&connection, backup)?;
    let mut select = connection.prepare("SELECT value FROM meta WHERE name = ?1").map_err(convert::failure)?;
    let made_at_ms = select.query_row(["backup_made_at_ms"], |row| row.get(0)).optional().map_err(convert::failure)?;
    let key_digest: Option<String> =
        select.query_row(["backup_key_digest"], |row| row.get(0)).optional().map_err(convert::failure)?;
    let key_digest = key_digest.filter(|digest| !digest.is_empty());
    Ok(made_at_ms.map(|made_at_ms| Label { made_at_ms, key_digest }))
}

/// Whether a folder has a database, or the remains of an interrupted restore.
pub(super) fn is_used(folder: &Path) -> bool {
    folder.join(FILE_NAME).exists() || folder.join(UNFINISHED).exists()
}

/// Refuses a folder with an unfinished restore.
pub(super) fn refuse_unfinished(folder: &Path) -> Result<(), StoreError> {
    let unfinished = folder.join(UNFINISHED);
    if !unfinished.exists() {
        return Ok(());
    }
    Err(StoreError::Unusable(format!(
        "a restore into {} was not finished: run it again with --replace, or remove {} to go on with what was there before, \
         if anything was",
        folder.display(),
        unfinished.display()
    )))
}

/// Prepares a backup in a folder, beside the existing data: copies it and migrates it to this build's version. Returns
/// the database for inspection.
///
/// # Errors
/// The backup is not Runyard's or cannot be read, or the folder cannot be written.
pub(super) fn prepare(backup: &Path, folder: &Path, progress: Progress<'_>) -> Result<PathBuf, StoreError> {
    let unfinished = folder.join(UNFINISHED);
    abandon(folder)?;
    folder::make_private_folder(&unfinished).map_err(medium)?;
    let database = unfinished.join(FILE_NAME);
    copy(backup, &database, progress)?;
    let opened = schema::open(&database, &Options::default())?;
    let forget = "DELETE FROM meta WHERE name IN ('backup_made_at_ms', 'backup_key_digest')";
    opened.execute(forget, []).map_err(convert::failure)?;
    opened.close().map_err(|(_, error)| convert::failure(error))?;
    sync(&database).map_err(medium)?;
    Ok(database)
}

/// Replaces the existing database with the prepared one.
///
/// # Errors
/// The folder cannot be written. Then the restore has to be run again.
pub(super) fn put_in_place(folder: &Path) -> Result<(), StoreError> {
    let put = || -> io::Result<()> {
        // While the other folder exists, no process opens a half-restored database.
        for name in [format!("{FILE_NAME}-wal"), format!("{FILE_NAME}-shm"), ack_log::FILE_NAME.to_owned()] {
            remove(&folder.join(name))?;
        }
        let database = folder.join(FILE_NAME);
        fs::rename(folder.join(UNFINISHED).join(FILE_NAME), &database)?;
        sync_folder_of(&database)?;
        fs::remove_dir_all(folder.join(UNFINISHED))?;
        sync_folder_of(&database)
    };
    put().map_err(medium)
}

/// Removes the prepared database.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn abandon(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder.join(UNFINISHED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(medium(error)),
        _ => Ok(()),
    }
}

fn medium(error: io::Error) -> StoreError {
    StoreError::Failed(Box::new(error))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder::sync_folder(parent)
}
