//! `runyard openapi diff`: what changed between two documents, and for whom that is breaking.
//!
//! The rules are in [`runyard_openapi_diff`]. Here documents are found and changes are printed.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};
use runyard_api::DOCUMENTS;
use runyard_openapi_diff::{AllowList, Reviewed};
use serde_json::Value;

use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{self, Output};

/// Which documents.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "With --json, or --format json, one object: {\"changes\":[{\"kind\",\"place\",\"pointer\",\"what\",\
    \"old\",\"new\",\"breaks\",\"requests\",\"responses\",\"operations\"}],\
    \"breaks\":{\"clients\",\"servers\",\"neither\"},\"accepted\",\"unused\"}. \
    `breaks` of a change has \"clients\", \"servers\", both or neither;\n\
    `old` and `new` are there where they can be shown; `requests` and `responses` are the operations that use it, \
    and `operations` is their number.\n\n\
    The file of --allow is a list in YAML or JSON. An entry accepts the changes that have all its values \
    (kind, place, pointer, old, new; as in the JSON output):\n  \
    - kind: enum_value_added\n    place: RunState\n    new: paused\n    \
    reason: clients treat an unknown state as running\n\n\
    Exit codes: 0 nothing breaking, 1 something breaking, 2 a document cannot be read."
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
    /// Exit with 1 only if a change breaks this side. Added operations and optional data do not break clients
    #[arg(long, value_enum, default_value_t = Side::Any, value_name = "SIDE")]
    pub fail_on: Side,
    /// A file of accepted changes, each with a reason. They do not fail; an entry that accepts nothing is reported
    #[arg(long, value_name = "FILE")]
    pub allow: Option<PathBuf>,
    /// The form of the output; --json is --format json
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
}

/// Whom a change must break to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Side {
    /// Clients of the old document.
    Clients,
    /// Servers of the old document.
    Servers,
    /// Either.
    Any,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people.
    Text,
    /// One object for programs.
    Json,
    /// A page for reviews.
    Markdown,
}

/// Compares two documents.
///
/// # Errors
/// One of them, or the list of accepted changes, cannot be read.
pub fn diff(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let old = document(&arguments.old, arguments.overlay)?;
    let new = document(&arguments.new, arguments.overlay)?;
    let allowed = match &arguments.allow {
        Some(path) => AllowList::load(path).map_err(|error| unreadable(error.to_string()))?,
        None => AllowList::default(),
    };
    let reviewed = allowed.review(runyard_openapi_diff::diff(&old, &new));
    let output = &mut context.output;
    match arguments.format {
        _ if output.is_json() => output.object(&reviewed.json()),
        Format::Text => show(&reviewed, output),
        Format::Json => output.verbatim(&reviewed.json().to_string()),
        Format::Markdown => output.verbatim(&reviewed.markdown(&arguments.old, &arguments.new)),
    }
    let counts = reviewed.counts();
    let breaking = match arguments.fail_on {
        Side::Clients => counts.clients,
        Side::Servers => counts.servers,
        Side::Any => counts.clients + counts.servers,
    };
    Ok(if breaking > 0 { Exit::Failed } else { Exit::Success })
}

fn unreadable(reason: String) -> Failure {
    Failure { exit: Exit::Usage, ..Failure::new("unreadable_document", reason) }
}

/// One of ours by its name, else a file.
fn document(named: &str, overlay: bool) -> Result<Value, Failure> {
    if let Some((ours, _)) = DOCUMENTS.iter().find(|(document, _)| document.name == named) {
        let text = if overlay { ours.full_json } else { ours.owner_json };
        return serde_json::from_str(text).map_err(|error| unreadable(format!("{named}: {error}")));
    }
    runyard_openapi_diff::load(Path::new(named)).map_err(|error| {
        let failure = unreadable(error.to_string());
        if matches!(error, runyard_openapi_diff::Unreadable::File { .. }) {
            let names: Vec<_> = DOCUMENTS.iter().map(|(document, _)| document.name).collect();
            failure.advise(format!("give a file, or the name of one of ours: {}", names.join(", ")))
        } else {
            failure
        }
    })
}

fn show(reviewed: &Reviewed, output: &mut Output) {
    for (title, group) in reviewed.groups() {
        output.line(&output::strong(title));
        for change in group {
            output.line(&format!("  {}", output::one_line(&change.to_string())));
        }
    }
    if !reviewed.accepted.is_empty() {
        output.line(&output::strong("accepted"));
        for (change, reason) in &reviewed.accepted {
            output.line(&format!("  {} [{}]", output::one_line(&change.to_string()), output::one_line(reason)));
        }
    }
    if !reviewed.unused.is_empty() {
        output.line(&output::strong("accepted, but not found"));
        for entry in &reviewed.unused {
            output.line(&format!("  {} [{}]", output::one_line(&entry.words()), output::one_line(&entry.reason)));
        }
    }
    if reviewed.changes.is_empty() && reviewed.accepted.is_empty() {
        return output.line("no changes");
    }
    output.line(&reviewed.summary());
}
