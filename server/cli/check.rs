//! `runyard check`: whether a store is whole, and what is wrong with it, run by run and position by position.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::Context;
use super::failure::{Exit, Failure, with_causes};
use super::output::{Output, text};
use crate::check::{self, Finding, Scope, Summary, Told};
use crate::clock::Stopwatch;
use crate::store::folder::{Folder, FolderError};
use crate::store::sqlite::FILE_NAME;
use crate::store::sqlite::inspect::{Inspection, Place};

/// How long to say nothing about progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// What to check.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Replays every log and holds everything beside the logs against it. A server may be at work in the folder: what is \
    checked is one moment of it.\n\
    With --json one object per thing that is wrong, {\"kind\":\"finding\",\"law\",\"tenant\",\"run_id\",\"position\",\"message\"}, and at the end \
    {\"kind\":\"checked\",\"runs\",\"events\",\"findings\"}.\n\
    Exit codes: 0 the store is whole, 1 something is wrong with it."
)]
pub struct Arguments {
    /// A backup to check instead of the data folder
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Checks a folder or a backup.
///
/// # Errors
/// There is no database, it cannot be read at all, or something is wrong with it.
pub fn check(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let folder = &context.loaded.config.data_dir;
    let (database, owned) = match &arguments.file {
        Some(file) => (file.clone(), None),
        None => (folder.join(FILE_NAME), own(folder)?),
    };
    if !database.is_file() {
        return Err(Failure::new("no_database", format!("there is no database {}", database.display())));
    }
    let scope = Scope { at_rest: owned.is_some() };
    let summary = look(&database, scope, &mut context.output, |_| {})?;
    drop(owned);
    verdict(&database, summary, &mut context.output)
}

/// The folder, unless a server has it. Held until the end, so that none takes it meanwhile.
fn own(folder: &Path) -> Result<Option<crate::store::folder::Owned>, Failure> {
    if !folder.is_dir() {
        return Err(Failure::new("no_database", format!("there is no data folder {}", folder.display())));
    }
    match Folder::own(folder) {
        Ok(owned) => Ok(Some(owned)),
        Err(FolderError::Owned { .. }) => Ok(None),
        Err(error) => Err(Failure::new("folder_not_opened", with_causes(&error))),
    }
}

/// Looks at everything, and tells what is wrong as it is found; hands on each finding.
///
/// # Errors
/// Nothing can be read.
pub(super) fn look(
    database: &Path,
    scope: Scope,
    output: &mut Output,
    mut each: impl FnMut(Finding),
) -> Result<Summary, Failure> {
    let failed = |error| Failure::new("not_checked", with_causes(&error));
    let inspection = Inspection::open(database).map_err(failed)?;
    let runs = inspection.runs().unwrap_or_default();
    let mut since = Stopwatch::start();
    let mut tell = |told| match told {
        Told::Finding(finding) => {
            output.line(&text(&finding.to_string()));
            let mut object = json!(finding);
            object["kind"] = json!("finding");
            output.object(&object);
            each(finding);
        }
        Told::Progress(summary) if since.elapsed() >= PROGRESS_EVERY => {
            since = Stopwatch::start();
            output.remark(&format!("{} of {runs} runs, {} events", summary.runs, summary.events));
        }
        Told::Progress(_) => {}
    };
    check::check(&inspection, scope, &mut tell).map_err(failed)
}

/// As [`look`], without a word: only each finding is handed on.
///
/// # Errors
/// Nothing can be read.
pub(super) fn quietly(database: &Path, mut each: impl FnMut(Finding)) -> Result<Summary, Failure> {
    let failed = |error| Failure::new("not_checked", with_causes(&error));
    let inspection = Inspection::open(database).map_err(failed)?;
    let mut tell = |told| match told {
        Told::Finding(finding) => each(finding),
        Told::Progress(_) => {}
    };
    check::check(&inspection, Scope { at_rest: false }, &mut tell).map_err(failed)
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
    let things = if findings == 1 { "1 thing is".to_owned() } else { format!("{findings} things are") };
    Err(Failure::new("not_whole", format!("{things} wrong with {} ({runs} runs, {events} events)", database.display()))
        .advise(
            "restore a backup that `runyard check FILE` finds whole, or restore with --without-damaged, or take out a run that cannot be read \
             with `runyard remove RUN --damaged`; a server leaves such a run alone",
        ))
}
