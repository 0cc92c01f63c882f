//! `runyard openapi diff`: what changed between two documents, and for whom that is breaking.
//!
//! The rules are in [`runyard_openapi_diff`]. Here documents are found and changes are printed.

use std::path::Path;

use clap::{ArgAction, Args};
use runyard_api::DOCUMENTS;
use runyard_openapi_diff::{Breaks, Change};
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Output};

/// Which documents.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "With --json one object: {\"changes\":[{\"kind\",\"place\",\"pointer\",\"what\",\"old\",\"new\",\"breaks\",\
    \"requests\",\"responses\"}],\"breaks\":{\"clients\",\"servers\",\"neither\"}}. `breaks` of a change has \"clients\", \"servers\", \
    both or neither;\n`old` and `new` are there where they can be shown; `requests` and `responses` are the operations that say a \
    schema.\nExit codes: 0 nothing breaking, 1 something breaking, 2 a document cannot be read."
)]
pub struct Arguments {
    /// The document as it was: a file (YAML or JSON, with the files that it refers to), or the name of one of ours
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The document as it is to be
    #[arg(value_name = "NEW")]
    pub new: String,
    /// With --overlay=true: those of ours with what Runyard adds. A file is taken as it is
    #[arg(long, default_value_t = false, action = ArgAction::Set, value_name = "BOOL")]
    pub overlay: bool,
}

/// Compares two documents.
///
/// # Errors
/// One of them cannot be read.
pub fn diff(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let old = document(&arguments.old, arguments.overlay)?;
    let new = document(&arguments.new, arguments.overlay)?;
    let changes = runyard_openapi_diff::diff(&old, &new);
    show(&changes, &mut context.output);
    let breaking = changes.iter().any(|change| change.breaks.any());
    Ok(if breaking { Exit::Failed } else { Exit::Success })
}

/// One of ours by its name, else a file.
fn document(named: &str, overlay: bool) -> Result<Value, Failure> {
    let cannot = |reason: String| Failure { exit: Exit::Usage, ..Failure::new("unreadable_document", reason) };
    if let Some((ours, _)) = DOCUMENTS.iter().find(|(document, _)| document.name == named) {
        let text = if overlay { ours.full_json } else { ours.owner_json };
        return serde_json::from_str(text).map_err(|error| cannot(format!("{named}: {error}")));
    }
    runyard_openapi_diff::load(Path::new(named)).map_err(|error| {
        let failure = cannot(error.to_string());
        if matches!(error, runyard_openapi_diff::Unreadable::File { .. }) {
            let names: Vec<_> = DOCUMENTS.iter().map(|(document, _)| document.name).collect();
            failure.advise(format!("give a file, or the name of one of ours: {}", names.join(", ")))
        } else {
            failure
        }
    })
}

/// The worst first; within that by place.
const GROUPS: [(Breaks, &str); 4] = [
    (Breaks::BOTH, "breaks clients and servers"),
    (Breaks::CLIENTS, "breaks clients"),
    (Breaks::SERVERS, "breaks servers"),
    (Breaks::NOBODY, "breaks neither"),
];

fn show(changes: &[Change], output: &mut Output) {
    let count = |wanted: &dyn Fn(Breaks) -> bool| changes.iter().filter(|change| wanted(change.breaks)).count();
    let (clients, servers) = (count(&|breaks| breaks.clients), count(&|breaks| breaks.servers));
    let neither = count(&|breaks| !breaks.any());
    output.object(&json!({
        "changes": changes.iter().map(Change::json).collect::<Vec<_>>(),
        "breaks": { "clients": clients, "servers": servers, "neither": neither },
    }));
    if changes.is_empty() {
        return output.line("no changes");
    }
    for (breaks, title) in GROUPS {
        let group: Vec<&Change> = changes.iter().filter(|change| change.breaks == breaks).collect();
        if group.is_empty() {
            continue;
        }
        output.line(&output::strong(title));
        for change in group {
            output.line(&format!("  {}", output::one_line(&change.to_string())));
        }
    }
    let all = changes.len();
    let changes = if all == 1 { "change" } else { "changes" };
    output.line(&format!(
        "{all} {changes}: {clients} breaking for clients, {servers} for servers, {neither} for neither"
    ));
}
