//! `runyard remove`: remove a run from the data folder.

use std::path::Path;

use clap::Args;
use runyard_engine::RunId;
use serde_json::json;

use super::context::Context;
use super::failure::{Exit, Failure, with_causes};
use super::local;
use super::output::{strong, text};
use crate::check::{self, Condition};
use crate::store::StoreError;
use crate::store::folder::{Folder, FolderError};
use crate::store::maintenance::{Maintenance, Place};

/// Which run.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  runyard remove run_019ab1c2d3e47f5a8b9c0d1e2f3a4b5c\n\n\
    Works on the data folder itself: stop the server first. A run that has ended is removed unless another run needs it. With \
    --damaged a run is removed in any state, if its stored data cannot be read (`runyard check` names such runs); a run that waits for \
    it waits until it is canceled.\n\
    With --json one object: {\"kind\":\"removed\",\"run_id\",\"tenant\",\"damaged\"}.")]
pub struct Arguments {
    /// The run's id, as `runyard list` or `runyard check` shows it
    #[arg(value_name = "RUN")]
    pub run_id: String,
    /// Remove a run whose stored data cannot be read
    #[arg(long)]
    pub damaged: bool,
}

/// Removes a run.
///
/// # Errors
/// A server owns the folder, there is no such run, or it may not be removed.
pub fn remove(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let Some(run) = RunId::parse(&arguments.run_id) else {
        return Err(Failure::usage(format!("`{}` is not the id of a run", text(&arguments.run_id))));
    };
    let folder = &context.loaded.config.data_dir;
    let files = local::files(&context.loaded.config)?;
    let database = files.database(folder);
    if !database.is_file() {
        return Err(Failure::new("no_database", format!("there is no database {}", database.display())));
    }
    let owned = Folder::own(folder).map_err(|error| match error {
        FolderError::Owned { .. } => Failure::new("folder_owned", error.to_string()).advise("stop it first"),
        error => Failure::new("folder_not_opened", with_causes(&error)),
    })?;
    let place = remove_from((files, &database), run, arguments.damaged)?;
    drop(owned);
    let (run_id, damaged) = (run.to_string(), arguments.damaged);
    let output = &mut context.output;
    output.object(&json!({ "kind": "removed", "run_id": run_id, "tenant": place.tenant, "damaged": damaged }));
    output.line(&format!("run {} of tenant {} removed", strong(&run_id), text(&place.tenant)));
    Ok(Exit::Success)
}

fn remove_from(
    (files, database): (&dyn Maintenance, &Path),
    run: RunId,
    wants_damaged: bool,
) -> Result<Place, Failure> {
    let failed = |error: StoreError| Failure::new("not_removed", with_causes(&error));
    let inspection = files.inspect(database).map_err(failed)?;
    let place = inspection.place_of(run).map_err(failed)?;
    let place = place
        .ok_or_else(|| Failure::new("run_not_found", format!("there is no run {run} in {}", database.display())))?;
    let condition = check::condition(&*inspection, &place);
    drop(inspection);
    match (condition, wants_damaged) {
        (Condition::Damaged, true) => files.remove_damaged(database, std::slice::from_ref(&place)).map_err(failed)?,
        (Condition::Damaged, false) => {
            return Err(
                Failure::new("run_damaged", format!("run {run} cannot be read")).advise("remove it with --damaged")
            );
        }
        (_, true) => {
            return Err(Failure::new("run_not_damaged", format!("run {run} can be read"))
                .advise("remove it without --damaged once it has ended"));
        }
        (Condition::Live, false) => {
            return Err(Failure::new("run_not_finished", format!("run {run} has not ended"))
                .advise("start the server and cancel it first"));
        }
        (Condition::Ended(removal), false) => {
            if !files.remove_ended(database, &place, *removal).map_err(failed)? {
                return Err(Failure::new(
                    "run_needed",
                    format!("run {run} is needed by another one that has not ended"),
                )
                .advise("start the server, and wait for the end of that run or cancel it first"));
            }
        }
    }
    Ok(place)
}
