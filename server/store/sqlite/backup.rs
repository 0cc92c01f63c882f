//! A copy of a database that may be in use, and the way back into a folder.
//!
//! A backup is one moment of the database in one file, copied page by page by SQLite itself: whoever commits meanwhile does not wait.
//! It is a database without a WAL, so that it can lie on any medium, and says in its table `meta` when it was made and, as a digest,
//! under which server key. The key itself is not in it: who gets hold of a backup can then read what runs say, but neither open what was
//! sealed nor make links that decide approvals.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension, params};

use super::{FILE_NAME, Options, ack_log, convert, schema};
use crate::{StoreError, folder};

/// Pages that one step copies.
const STEP_PAGES: i32 = 1024;
/// Where a restore prepares the database, in the folder that is to have it.
const UNFINISHED: &str = "restore.unfinished";

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// When it was made, Unix milliseconds.
    pub made_at_ms: i64,
    /// A digest of the server key, where the folder had one.
    pub key_digest: Option<String>,
}

/// Copies a database, as it is at this moment, into a file that does not exist yet. `progress` is told pages done and pages in all.
///
/// # Errors
/// Where the database is not Runyard's or cannot be read, or the file cannot be written. Then no file is left.
pub fn backup(
    database: &Path,
    target: &Path,
    label: &Label,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), StoreError> {
    if target.exists() {
        return Err(StoreError::Unusable(format!("{} exists: name a file that does not", target.display())));
    }
    let unfinished = with_suffix(target, ".unfinished");
    remove(&unfinished).map_err(medium)?;
    let copied = copy(database, &unfinished, &mut progress)
        .and_then(|()| put_label(&unfinished, label))
        .and_then(|()| sync(&unfinished).map_err(medium))
        .and_then(|()| fs::rename(&unfinished, target).map_err(medium))
        .and_then(|()| sync_folder_of(target).map_err(medium));
    if copied.is_err() {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            // What is told is why it failed.
            let _ = remove(&with_suffix(&unfinished, suffix));
        }
    }
    copied
}

fn copy(database: &Path, target: &Path, progress: &mut impl FnMut(u64, u64)) -> Result<(), StoreError> {
    let source = schema::open_to_read(database)?;
    schema::refuse_foreign_or_newer(&source, database)?;
    // One transaction around all steps: without it a commit between two steps would make the copy begin again.
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
                // Nobody else writes the copy, and what is copied is one moment that nobody can lock.
                _ => return Err(StoreError::Busy("the copy is locked by somebody".into())),
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
        // Said in any case: a database that was restored from a backup may have said another.
        put.execute(params!["backup_key_digest", label.key_digest.as_deref().unwrap_or_default()])?;
        Ok(())
    };
    write().map_err(convert::failure)
}

/// What a backup says about itself. Absent for a database that is none.
///
/// # Errors
/// Where it is not Runyard's, or cannot be read.
pub fn label(backup: &Path) -> Result<Option<Label>, StoreError> {
    let connection = schema::open_to_read(backup)?;
    schema::refuse_foreign_or_newer(&connection, backup)?;
    let mut select = connection.prepare("SELECT value FROM meta WHERE name = ?1").map_err(convert::failure)?;
    let made_at_ms = select.query_row(["backup_made_at_ms"], |row| row.get(0)).optional().map_err(convert::failure)?;
    let key_digest: Option<String> =
        select.query_row(["backup_key_digest"], |row| row.get(0)).optional().map_err(convert::failure)?;
    let key_digest = key_digest.filter(|digest| !digest.is_empty());
    Ok(made_at_ms.map(|made_at_ms| Label { made_at_ms, key_digest }))
}

/// Whether a folder has a database, or what a restore that was interrupted left.
pub fn is_used(folder: &Path) -> bool {
    folder.join(FILE_NAME).exists() || folder.join(UNFINISHED).exists()
}

/// Refuses a folder into which a restore was begun.
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

/// Prepares a backup for a folder, beside what is there: copied, and brought to this build's version. Gives the database to look at.
///
/// # Errors
/// Where the backup is not Runyard's or cannot be read, or the folder cannot be written.
pub fn prepare(backup: &Path, folder: &Path, mut progress: impl FnMut(u64, u64)) -> Result<PathBuf, StoreError> {
    let unfinished = folder.join(UNFINISHED);
    abandon(folder)?;
    folder::make_private_folder(&unfinished).map_err(medium)?;
    let database = unfinished.join(FILE_NAME);
    copy(backup, &database, &mut progress)?;
    let opened = schema::open(&database, &Options::default())?;
    let forget = "DELETE FROM meta WHERE name IN ('backup_made_at_ms', 'backup_key_digest')";
    opened.execute(forget, []).map_err(convert::failure)?;
    opened.close().map_err(|(_, error)| convert::failure(error))?;
    sync(&database).map_err(medium)?;
    Ok(database)
}

/// Puts what was prepared in the place of what was there.
///
/// # Errors
/// Where the folder cannot be written. Then the restore has to be run again.
pub fn put_in_place(folder: &Path) -> Result<(), StoreError> {
    let put = || -> io::Result<()> {
        // While the other folder is there nobody opens what is half here.
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

/// Removes what was prepared.
///
/// # Errors
/// Where the folder cannot be written.
pub fn abandon(folder: &Path) -> Result<(), StoreError> {
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
