//! `runyard backup` and `runyard restore`: copy the stored data of a folder, and put a copy back.
//!
//! | in a data folder | in a backup |
//! |---|---|
//! | `runyard.db`, with its WAL | all of it, at one moment |
//! | `secret.key` | no: a backup may be stored where the key must not be. It records the digest of the key, and a restore needs the same key |
//! | `lock`, `server.lock`, `server.json`, `acknowledged` | no: they are about one process |

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::failure::{Exit, Failure, with_causes};
use super::output::{Output, text};
use super::{check, local};
use crate::check::{Scope, Summary};
use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::folder::{self, Folder, FolderError, KEY_VARIABLE, Owned};
use crate::store::maintenance::{Label, Maintenance, Place};

/// Where to copy to.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    runyard backup /var/backups/runyard\n  \
    runyard backup today.db --unchecked\n\n\
    A server may be running: it does not wait, and the backup shows one moment. `secret.key` is not in the backup: store a copy of it \
    elsewhere.\n\
    The copy is checked: damaged runs are named, and copied as they are.\n\
    With --json one object: {\"kind\":\"backup\",\"file\",\"bytes\",\"made_at\",\"has_key\":false,\"damaged_runs\"}.")]
pub struct Backup {
    /// The file to write, or a folder for a file that is named by the time
    #[arg(value_name = "FILE|FOLDER")]
    pub target: PathBuf,
    /// Do not check the copy, which takes long for many runs
    #[arg(long)]
    pub unchecked: bool,
}

/// What to put where.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    runyard restore runyard-20260301T090000Z.db --key secret.key\n  \
    runyard restore old.db --replace --without-damaged\n\n\
    Restores into the data folder (--data-dir), which must be empty. The backup is checked first, and put in place only if it is whole. \
    Unfinished runs continue where the backup has them: steps that they executed after it are executed again. A backup with runs that \
    cannot be read is restored without them if --without-damaged is given.\n\
    With --json one object: {\"kind\":\"restored\",\"data_dir\",\"made_at\",\"runs\",\"events\",\"left_out\"}.")]
pub struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    pub backup: PathBuf,
    /// Replace what the folder has now, which is lost
    #[arg(long)]
    pub replace: bool,
    /// Leave out runs that cannot be read, and restore all others
    #[arg(long)]
    pub without_damaged: bool,
    /// The server key of the backup; becomes the folder's secret.key
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Continue with another server key: repeated starts are no longer recognised, and links that decide approvals no longer work
    #[arg(long, conflicts_with = "key")]
    pub new_key: bool,
}

/// Copies the data folder's database.
///
/// # Errors
/// There is no database, or the file cannot be written.
pub fn backup(arguments: &Backup, context: &mut Context) -> Result<Exit, Failure> {
    let folder = &context.loaded.config.data_dir;
    let files = local::files(&context.loaded.config)?;
    let database = files.database(folder);
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
    let output = &mut context.output;
    output.begin("copying");
    files
        .backup(&database, &target, &label, &mut |done, all| output.advance(done, all))
        .map_err(|error| Failure::new("no_backup", with_causes(&error)))?;
    output.end();
    let bytes = target.metadata().map(|file| file.len()).unwrap_or_default();
    let damaged = if arguments.unchecked { Vec::new() } else { show_damage((files, &target), &mut context.output) };
    let output = &mut context.output;
    let made_at = format!("{made_at:.3}");
    let mut object = json!({ "kind": "backup", "file": target, "bytes": bytes, "made_at": made_at, "has_key": false });
    if !arguments.unchecked {
        object["damaged_runs"] = damaged.iter().map(|place| place.run.to_string()).collect();
    }
    output.object(&object);
    output.line(&text(&target.display().to_string()));
    if label.key_digest.is_some() {
        output.remark("the server key is not in it: keep a copy of secret.key (or of RUNYARD_SECRET_KEY) elsewhere");
    }
    Ok(Exit::Success)
}

/// Shows on standard error what is wrong with a copy. It is still a copy, and the rest of it can be restored.
fn show_damage(copy: (&dyn Maintenance, &Path), output: &mut Output) -> Vec<Place> {
    let mut findings = Vec::new();
    output.begin("checking the copy");
    let checked = check::quietly(copy, output, |finding| findings.push(finding));
    output.end();
    for finding in &findings {
        output.remark(&format!("damaged: {}", text(&finding.to_string())));
    }
    let damaged = check::damaged(&findings);
    match checked {
        Err(failure) => output.remark(&format!("the copy could not be checked: {}", failure.message)),
        Ok(_) if findings.is_empty() => {}
        Ok(_) if damaged.is_empty() => output.remark("the copy is not whole; `runyard check FILE` lists why"),
        Ok(_) => output.remark(&format!(
            "{} of its runs cannot be read: `runyard restore --without-damaged` restores all others, and `runyard remove RUN --damaged` \
             removes such a run here",
            damaged.len()
        )),
    }
    damaged
}

/// Puts a backup into the data folder.
///
/// # Errors
/// The folder is in use or not empty, the file is not a backup or not whole, or it needs another key.
pub fn restore(arguments: &Restore, context: &mut Context) -> Result<Exit, Failure> {
    let path = context.loaded.config.data_dir.clone();
    let files = local::files(&context.loaded.config)?;
    let failed = |error: StoreError| Failure::new("not_restored", with_causes(&error));
    if !arguments.backup.is_file() {
        return Err(Failure::usage(format!("there is no file {}", arguments.backup.display())));
    }
    let label = files.label(&arguments.backup).map_err(failed)?;
    let owned = Folder::own(&path).map_err(in_use)?;
    if files.is_used(&path) && !arguments.replace {
        let message = format!("the data folder {} has a database", path.display());
        return Err(Failure::new("folder_not_empty", message)
            .advise("restore into another folder with --data-dir, or replace what is there with --replace"));
    }
    let key = wanted_key(arguments, label.as_ref(), &owned)?;
    let output = &mut context.output;
    output.begin("copying");
    let prepared =
        files.prepare(&arguments.backup, &path, &mut |done, all| output.advance(done, all)).map_err(failed)?;
    output.end();
    let (summary, left_out) = match whole((files, &prepared), arguments.without_damaged, &mut context.output) {
        Ok(whole) => whole,
        Err(failure) => {
            files.abandon(&path).map_err(failed)?;
            return Err(failure);
        }
    };
    if let Some(key) = key {
        owned.keep_key(&key).map_err(key_failed)?;
    }
    files.put_in_place(&path).map_err(failed)?;
    let made_at = label.and_then(|label| jiff::Timestamp::from_millisecond(label.made_at_ms).ok());
    let made_at = made_at.map(|at| format!("{at:.3}"));
    let output = &mut context.output;
    let left_out: Vec<String> = left_out.iter().map(|place| place.run.to_string()).collect();
    output.object(&json!({
        "kind": "restored", "data_dir": path, "made_at": made_at, "runs": summary.runs, "events": summary.events, "left_out": left_out,
    }));
    for run in &left_out {
        output.remark(&format!("run {run} cannot be read and was left out"));
    }
    let of = made_at.map(|at| format!(" as of {at}")).unwrap_or_default();
    output.line(&format!("restored{of}: {} runs, {} events", summary.runs, summary.events));
    Ok(Exit::Success)
}

/// The prepared database, checked: whole, or made whole by leaving out runs that cannot be read. Gives the runs that were left out.
fn whole(
    prepared: (&dyn Maintenance, &Path),
    without_damaged: bool,
    output: &mut Output,
) -> Result<(Summary, Vec<Place>), Failure> {
    let mut findings = Vec::new();
    let summary = check::check_all(prepared, Scope { at_rest: false }, output, |finding| findings.push(finding))?;
    if summary.findings == 0 {
        return Ok((summary, Vec::new()));
    }
    let damaged = check::damaged(&findings);
    let not_whole = |findings: u64| Failure::new("not_whole", format!("the backup is not whole: {findings} findings"));
    if !without_damaged {
        let advice = match damaged.len() {
            0 => "nothing was restored; try an older one".to_owned(),
            runs => format!(
                "nothing was restored; try an older one, or leave out the {runs} runs that cannot be read with --without-damaged"
            ),
        };
        return Err(not_whole(summary.findings).advise(advice));
    }
    prepared
        .0
        .remove_damaged(prepared.1, &damaged)
        .map_err(|error| Failure::new("not_restored", with_causes(&error)))?;
    let summary = check::check_all(prepared, Scope { at_rest: false }, output, |_| {})?;
    match summary.findings {
        0 => Ok((summary, damaged)),
        findings => Err(not_whole(findings).advise("nothing was restored; try an older one")),
    }
}

/// The key to store in the folder, where one is given. Refuses to continue under another key than the backup's by accident.
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
        Some(_) => "the backup needs another server key than this one",
        None => "the backup needs a server key that is not here",
    };
    Err(Failure::new("other_key", what).advise(format!(
        "name the file with --key FILE (the secret.key of the folder that was backed up), set {KEY_VARIABLE}, or accept what is lost with --new-key"
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
