//! `runyard check`: whether a store is whole, and every finding, run by run and position by position.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::failure::{Exit, Failure, with_causes};
use super::local;
use super::output::{Output, text};
use crate::check::{self, CheckEvent, Finding, Scope, Summary};
use crate::store::folder::{Folder, FolderError};
use crate::store::maintenance::{Maintenance, Place};

/// What to check.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard check\n  \
    runyard check runyard-20260301T090000Z.db\n\n\
    Replays every log and compares all derived data with it. A server may be running: one moment is checked.\n\
    With --json one object per finding, {\"kind\":\"finding\",\"law\",\"tenant\",\"run_id\",\"position\",\"message\"}, and at the end \
    {\"kind\":\"checked\",\"runs\",\"events\",\"findings\"}.\n\
    Exit codes: 0 the store is whole, 1 there are findings.")]
pub struct Arguments {
    /// A backup to check instead of the data folder
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Checks a folder or a backup.
///
/// # Errors
/// There is no database, it cannot be read at all, or there are findings.
pub fn check(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let files = local::files(&context.loaded.config)?;
    let folder = &context.loaded.config.data_dir;
    let (database, owned) = match &arguments.file {
        Some(file) => (file.clone(), None),
        None => (files.database(folder), own(folder)?),
    };
    if !database.is_file() {
        return Err(Failure::new("no_database", format!("there is no database {}", database.display())));
    }
    let scope = Scope { at_rest: owned.is_some() };
    let summary = check_all((files, &database), scope, &mut context.output, |_| {})?;
    drop(owned);
    verdict(&database, summary, &mut context.output)
}

/// The folder, unless a server owns it. Held until the end, so that none takes it meanwhile.
fn own(folder: &Path) -> Result<Option<crate::store::folder::Owned>, Failure> {
    if !folder.is_dir() {
        return Err(local::no_folder(folder));
    }
    match Folder::own(folder) {
        Ok(owned) => Ok(Some(owned)),
        Err(FolderError::Owned { .. }) => Ok(None),
        Err(error) => Err(Failure::new("folder_not_opened", with_causes(&error))),
    }
}

/// Checks everything, and shows findings as they come; hands on each.
///
/// # Errors
/// Nothing can be read.
pub(super) fn check_all(
    (files, database): (&dyn Maintenance, &Path),
    scope: Scope,
    output: &mut Output,
    mut each: impl FnMut(Finding),
) -> Result<Summary, Failure> {
    let failed = |error| Failure::new("not_checked", with_causes(&error));
    let inspection = files.inspect(database).map_err(failed)?;
    let runs = inspection.runs().unwrap_or_default();
    output.begin("checking runs");
    let mut show = |item| match item {
        CheckEvent::Finding(finding) => {
            output.line(&text(&finding.to_string()));
            let mut object = json!(finding);
            object["kind"] = json!("finding");
            output.object(&object);
            each(finding);
        }
        CheckEvent::Progress(summary) => output.advance(summary.runs, runs),
    };
    let summary = check::check(&*inspection, scope, &mut show).map_err(failed)?;
    output.end();
    Ok(summary)
}

/// As [`check_all`], but shows no finding: each is only handed on.
///
/// # Errors
/// Nothing can be read.
pub(super) fn quietly(
    (files, database): (&dyn Maintenance, &Path),
    output: &mut Output,
    mut each: impl FnMut(Finding),
) -> Result<Summary, Failure> {
    let failed = |error| Failure::new("not_checked", with_causes(&error));
    let inspection = files.inspect(database).map_err(failed)?;
    let runs = inspection.runs().unwrap_or_default();
    let mut hand_on = |item| match item {
        CheckEvent::Finding(finding) => each(finding),
        CheckEvent::Progress(summary) => output.advance(summary.runs, runs),
    };
    check::check(&*inspection, Scope { at_rest: false }, &mut hand_on).map_err(failed)
}

/// The runs that findings are about, each once.
pub(super) fn damaged(findings: &[Finding]) -> Vec<Place> {
    let place = |finding: &Finding| Some(Place { tenant: finding.tenant.clone()?, run: finding.run_id? });
    findings.iter().filter_map(place).collect::<BTreeSet<_>>().into_iter().collect()
}

fn verdict(database: &Path, summary: Summary, output: &mut Output) -> Result<Exit, Failure> {
    let mut object = json!(summary);
    object["kind"] = json!("checked");
    output.object(&object);
    let Summary { runs, events, findings } = summary;
    if findings == 0 {
        output.line(&format!("whole: {runs} runs, {events} events"));
        return Ok(Exit::Success);
    }
    let count = if findings == 1 { "1 finding".to_owned() } else { format!("{findings} findings") };
    Err(Failure::new("not_whole", format!("{count} in {} ({runs} runs, {events} events)", database.display()))
        .advise(
            "restore a backup that `runyard check FILE` finds whole, or restore with --without-damaged, or remove a run that cannot be read \
             with `runyard remove RUN --damaged`; a server does not execute such a run",
        ))
}
