//! `runyard openapi`: the documents that this binary was built from.
//!
//! | asked for as | file |
//! |---|---|
//! | `openapi [NAME]` | [`show`]: a document, its surface, or the list of all |
//! | `openapi export --out DIR` | [`export`]: every document, and a reference to read, as files |
//! | `openapi diff OLD NEW` | [`mod@diff`]: what changed, and for whom that is breaking |

pub mod diff;
pub mod export;
pub mod show;

use clap::{Args, Subcommand};

use super::Context;
use super::failure::{Exit, Failure};

/// A document to print, or something else to do with documents.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "With --json: the document as JSON; without NAME one object {\"documents\":[{\"name\",\"title\",\"version\",\"operations\"}]}."
)]
pub struct Arguments {
    /// What to do; without it, a document is printed
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to print.
    #[command(flatten)]
    pub show: show::Wanted,
}

/// What else can be done with documents.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Write every document, and a reference to read, as files
    Export(export::Arguments),
    /// Compare two documents: what changed, and whether it breaks clients or servers
    Diff(diff::Arguments),
}

/// Prints documents, or does something else with them.
///
/// # Errors
/// See [`show::show`], [`export::export`] and [`diff::diff`].
pub fn openapi(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let Some(command) = &arguments.command else { return show::show(&arguments.show, context) };
    if !arguments.show.is_empty() {
        // Before the word stands what belongs to printing; to do half of what was asked would hide the other half.
        return Err(Failure::usage("this prints a document and does something else at once").advise("ask for one"));
    }
    match command {
        Command::Export(arguments) => export::export(arguments, context),
        Command::Diff(arguments) => diff::diff(arguments, context),
    }
}
