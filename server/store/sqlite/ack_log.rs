//! The acknowledgement log: acknowledged commits that are not yet in the database file itself. It shows whether a WAL
//! was cut or damaged, or ends where the server was killed. SQLite treats both alike: it reads up to the first invalid
//! frame and ignores the rest.
//!
//! The file `acknowledged` has a line per commit: run, version, tenant. It is written after the sync and before the
//! answers, never synced itself, and emptied when the whole WAL is in the database. So after a power cut it may list
//! less than what is durable, and never more. A listed version that the database does not have is lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use runyard_engine::{Position, RunId};
use rusqlite::Connection;

use super::{append, convert};
use crate::maintenance::LostRun;
use crate::{StoreError, Tenant};

/// The file's name, beside the database.
pub(super) const FILE_NAME: &str = "acknowledged";
/// When the file has this many bytes, the WAL is moved into the database so that the file can start again.
const LONG: u64 = 4 << 20;

/// The file, open for appending.
#[derive(Debug)]
pub(super) struct AckLog {
    file: Option<File>,
    bytes: u64,
}

impl AckLog {
    /// Opens the file beside the database. If the file cannot be written, the store works without the acknowledgement
    /// log.
    pub(super) fn open(database: &Path) -> Self {
        let path = beside(database);
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        match options.open(&path).and_then(|file| Ok((file.metadata()?.len(), file))) {
            Ok((bytes, file)) => AckLog { file: Some(file), bytes },
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the acknowledgement log cannot be opened; commits are not recorded in it");
                AckLog { file: None, bytes: 0 }
            }
        }
    }

    /// Adds versions that are durable.
    pub(super) fn acknowledged<'a>(&mut self, versions: impl Iterator<Item = (&'a str, RunId, Position)>) {
        let mut lines = String::new();
        for (tenant, run, version) in versions {
            line(&mut lines, run, Some(version), tenant);
        }
        self.write(&lines);
    }

    /// Adds runs that are about to be removed, and syncs first: their absence is then not a loss.
    pub(super) fn going(&mut self, tenant: &str, runs: impl Iterator<Item = RunId>) {
        if self.bytes == 0 {
            return; // The log has no entries of them.
        }
        let mut lines = String::new();
        runs.for_each(|run| line(&mut lines, run, None, tenant));
        self.write(&lines);
        if let Some(Err(error)) = self.file.as_ref().map(File::sync_data) {
            tracing::warn!(%error, "what is removed could not be noted");
        }
    }

    /// Whether the file is long enough to start again.
    pub(super) fn is_long(&self) -> bool {
        self.bytes > LONG
    }

    /// Empties the file: the database file has everything.
    pub(super) fn forget(&mut self) {
        if let Some(file) = &self.file
            && self.bytes > 0
        {
            match file.set_len(0) {
                Ok(()) => self.bytes = 0,
                Err(error) => tracing::warn!(%error, "the acknowledgement log could not be shortened"),
            }
        }
    }

    fn write(&mut self, lines: &str) {
        if let Some(file) = &mut self.file
            && !lines.is_empty()
        {
            match file.write_all(lines.as_bytes()) {
                Ok(()) => self.bytes += lines.len() as u64,
                Err(error) => tracing::warn!(%error, "a durable commit is not recorded in the acknowledgement log"),
            }
        }
    }
}

fn beside(database: &Path) -> PathBuf {
    database.with_file_name(FILE_NAME)
}

fn line(lines: &mut String, run: RunId, version: Option<Position>, tenant: &str) {
    use std::fmt::Write as _;
    // As JSON, so that a tenant's name cannot end a line. Writing to a string does not fail.
    let tenant = serde_json::Value::from(tenant);
    let _ = match version {
        Some(version) => writeln!(lines, "{} {version} {tenant}", run.uuid().simple()),
        None => writeln!(lines, "{} gone {tenant}", run.uuid().simple()),
    };
}

/// Parses one line. `None` if it is invalid: a crash may have cut the last line.
fn read(line: &str) -> Option<(RunId, Option<Position>, Tenant)> {
    let mut words = line.splitn(3, ' ');
    let run = RunId::parse(words.next()?)?;
    let version = match words.next()? {
        "gone" => None,
        version => Some(version.parse().ok()?),
    };
    Some((run, version, serde_json::from_str(words.next()?).ok()?))
}

/// Acknowledged versions that the database does not have, in the order of their commits.
pub(super) fn lost(connection: &Connection, database: &Path) -> Result<Vec<LostRun>, StoreError> {
    let text = match fs::read(beside(database)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::Failed(Box::new(error))),
    };
    let lines: Vec<_> = text.lines().filter_map(read).collect();
    let gone: std::collections::HashSet<_> =
        lines.iter().filter(|(_, version, _)| version.is_none()).map(|(run, _, tenant)| (*run, tenant)).collect();
    let mut seen = std::collections::HashSet::new();
    let mut lost = Vec::new();
    for (run, version, tenant) in &lines {
        let place = (*run, tenant);
        let Some(version) = version.filter(|_| !gone.contains(&place) && !seen.contains(&place)) else { continue };
        let row = append::row(connection, tenant, *run).map_err(convert::failure_of(*run))?;
        let found = row.map_or(0, |row| row.version);
        if found < version {
            seen.insert(place);
            lost.push(LostRun { tenant: tenant.clone(), run: *run, position: found + 1 });
        }
    }
    Ok(lost)
}

/// Refuses a database that has lost acknowledged commits.
pub(super) fn refuse_loss(connection: &Connection, database: &Path) -> Result<(), StoreError> {
    let lost = lost(connection, database)?;
    let Some(first) = lost.first() else { return Ok(()) };
    let more = match lost.len() - 1 {
        0 => String::new(),
        more => format!("; {more} more runs have lost something"),
    };
    Err(StoreError::Unusable(format!(
        "the database {} is damaged: {first}{more}. `runyard check` has more. Restore a backup; or, to go on without what is lost, \
         remove {}",
        database.display(),
        beside(database).display(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written_and_a_cut_one_is_none() {
        let run = RunId::from_uuid(uuid::Uuid::from_u128(7));
        let mut lines = String::new();
        line(&mut lines, run, Some(3), "a \"tenant\"\nof two lines");
        line(&mut lines, run, None, "default");
        let found: Vec<_> = lines.lines().map(read).collect();
        assert_eq!(found[0], Some((run, Some(3), "a \"tenant\"\nof two lines".to_owned())));
        assert_eq!(found[1], Some((run, None, "default".to_owned())));
        let first = lines.lines().next().unwrap();
        assert!((0..first.len()).all(|end| read(&first[..end]).is_none()), "a tenant ends with a quote");
    }
}
