//! `runyard backup` and `runyard restore`: a copy of what a folder keeps, and the way back.
//!
//! | what lies in a folder | in a backup |
//! |---|---|
//! | `runyard.db`, with its WAL | all of it, at one moment |
//! | `secret.key` | not: a backup may lie where the key must not. It says which key it was made under, and a restore wants the same |
//! | `lock`, `server.lock`, `server.json`, `acknowledged` | not: they are about one process |

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::failure::{Exit, Failure, with_causes};
use super::output::text;
use super::{Context, check};
use crate::check::Scope;
use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::folder::{self, Folder, FolderError, KEY_VARIABLE, Owned};
use crate::store::sqlite::FILE_NAME;
use crate::store::sqlite::backup::{self, Label};

/// Where to copy to.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "A server may be at work in the folder: it does not wait, and the backup is one moment of it. Keep `secret.key` as well, \
    but elsewhere: it is not in the backup.\n\
    With --json one object: {\"kind\":\"backup\",\"file\",\"bytes\",\"made_at\",\"has_key\":false}."
)]
pub struct Backup {
    /// The file to write, or a folder for one that is named by the time
    #[arg(value_name = "FILE|FOLDER")]
    pub target: PathBuf,
}

/// What to put where.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Into the data folder (--data-dir), which must be empty. What is restored is checked first, and put in place only if it is \
    whole. Unfinished runs go on where the backup has them: what they did after it, they do again.\n\
    With --json one object: {\"kind\":\"restored\",\"data_dir\",\"made_at\",\"runs\",\"events\"}."
)]
pub struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    pub backup: PathBuf,
    /// Put it in the place of what the folder has now, which is lost
    #[arg(long)]
    pub replace: bool,
    /// The server key that the backup was made under; becomes the folder's secret.key
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Go on with another server key: repeated starts are no longer recognised, links that decide approvals no longer work
    #[arg(long, conflicts_with = "key")]
    pub new_key: bool,
}

/// Copies the data folder's database.
///
/// # Errors
/// There is none, or the file cannot be written.
pub fn backup(arguments: &Backup, context: &mut Context) -> Result<Exit, Failure> {
    let folder = &context.loaded.config.data_dir;
    let database = folder.join(FILE_NAME);
    if !database.is_file() {
        return Err(Failure::new("no_database", format!("there is no database {}", database.display())));
    }
    let made_at_ms = Clock::system().now_ms();
    let made_at = jiff::Timestamp::from_millisecond(made_at_ms).unwrap_or_default();
    let target = match arguments.target.is_dir() {
        true => arguments.target.join(made_at.strftime("runyard-%Y%m%dT%H%M%SZ.db").to_string()),
        false => arguments.target.clone(),
    };
    let key = folder::key_of(folder, from_environment().as_deref()).map_err(key_failed)?;
    let label = Label { made_at_ms, key_digest: key.as_ref().map(folder::key_digest) };
    backup::backup(&database, &target, &label, |_, _| {})
        .map_err(|error| Failure::new("no_backup", with_causes(&error)))?;
    let bytes = target.metadata().map(|file| file.len()).unwrap_or_default();
    let output = &mut context.output;
    let made_at = format!("{made_at:.3}");
    output.object(&json!({ "kind": "backup", "file": target, "bytes": bytes, "made_at": made_at, "has_key": false }));
    output.line(&text(&target.display().to_string()));
    if label.key_digest.is_some() {
        output.remark("the server key is not in it: keep a copy of secret.key (or of RUNYARD_SECRET_KEY) elsewhere");
    }
    Ok(Exit::Success)
}

/// Puts a backup into the data folder.
///
/// # Errors
/// The folder is in use or not empty, the backup is none or not whole, or it was made under another key.
pub fn restore(arguments: &Restore, context: &mut Context) -> Result<Exit, Failure> {
    let path = context.loaded.config.data_dir.clone();
    let failed = |error: StoreError| Failure::new("not_restored", with_causes(&error));
    if !arguments.backup.is_file() {
        return Err(Failure::usage(format!("there is no file {}", arguments.backup.display())));
    }
    let label = backup::label(&arguments.backup).map_err(failed)?;
    let owned = Folder::own(&path).map_err(in_use)?;
    if backup::is_used(&path) && !arguments.replace {
        let message = format!("the data folder {} has a database", path.display());
        return Err(Failure::new("folder_not_empty", message)
            .advise("restore into another folder with --data-dir, or lose what is there with --replace"));
    }
    let key = wanted_key(arguments, label.as_ref(), &owned)?;
    let prepared = backup::prepare(&arguments.backup, &path, |_, _| {}).map_err(failed)?;
    let checked = check::look(&prepared, Scope { at_rest: false }, &mut context.output);
    let summary = match checked {
        Ok(summary) if summary.findings == 0 => summary,
        unwhole => {
            backup::abandon(&path).map_err(failed)?;
            let findings = unwhole?.findings;
            return Err(Failure::new(
                "not_whole",
                format!("the backup is not whole: {findings} things are wrong with it"),
            )
            .advise("nothing was restored; try an older one"));
        }
    };
    if let Some(key) = key {
        owned.keep_key(&key).map_err(key_failed)?;
    }
    backup::put_in_place(&path).map_err(failed)?;
    let made_at = label.and_then(|label| jiff::Timestamp::from_millisecond(label.made_at_ms).ok());
    let made_at = made_at.map(|at| format!("{at:.3}"));
    let output = &mut context.output;
    output.object(&json!({ "kind": "restored", "data_dir": path, "made_at": made_at, "runs": summary.runs, "events": summary.events }));
    let of = made_at.map(|at| format!(" as of {at}")).unwrap_or_default();
    output.line(&format!("restored{of}: {} runs, {} events", summary.runs, summary.events));
    Ok(Exit::Success)
}

/// The key to keep in the folder, where one is given. Refuses to go on under another key than the backup's by accident.
fn wanted_key(arguments: &Restore, label: Option<&Label>, owned: &Owned) -> Result<Option<[u8; 32]>, Failure> {
    let given = match &arguments.key {
        None => None,
        Some(file) => {
            let none = || Failure::usage(format!("there is no file {}", file.display()));
            Some(folder::read_key(file).map_err(key_failed)?.ok_or_else(none)?)
        }
    };
    let from_environment = from_environment();
    if given.is_some() && from_environment.is_some() {
        return Err(Failure::usage(format!("--key and {KEY_VARIABLE} are both given")).advise("leave one of them out"));
    }
    let Some(wanted) = label.and_then(|label| label.key_digest.as_deref()).filter(|_| !arguments.new_key) else {
        return Ok(given);
    };
    let found = match given {
        Some(key) => Some(key),
        None => folder::key_of(owned.path(), from_environment.as_deref()).map_err(key_failed)?,
    };
    let what = match found {
        Some(key) if folder::key_digest(&key) == wanted => return Ok(given),
        Some(_) => "the backup was made under another server key than this one",
        None => "the backup was made under a server key that is not here",
    };
    Err(Failure::new("other_key", what).advise(format!(
        "name the file with --key FILE (the secret.key of the folder it was made of), set {KEY_VARIABLE}, or accept what is lost with --new-key"
    )))
}

fn from_environment() -> Option<String> {
    std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty())
}

fn key_failed(error: FolderError) -> Failure {
    Failure::new("no_key", with_causes(&error))
}

fn in_use(error: FolderError) -> Failure {
    match error {
        FolderError::Owned { .. } => Failure::new("folder_owned", error.to_string()).advise("stop it first"),
        error => Failure::new("folder_not_opened", with_causes(&error)),
    }
}
