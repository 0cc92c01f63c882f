//! `runyard openapi`: the documents that this binary was built from.
//!
//! | command | file |
//! |---|---|
//! | `openapi [NAME]` | [`show`]: a document, its surface, or the list of all |
//! | `openapi export --out DIR` | [`export`]: every document, and a reference to read, as files |
//! | `openapi diff OLD NEW` | [`mod@diff`]: what changed, and for whom that is breaking |
//! | `openapi generate FILE --out DIR` | [`mod@generate`]: a Rust crate from any document, by `runyard-codegen` |

pub mod diff;
pub mod export;
pub mod generate;
pub mod show;

use clap::{Args, Subcommand};

use super::context::Context;
use super::failure::{Exit, Failure};

/// A document to print, or a subcommand.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    runyard openapi\n  \
    runyard openapi run-gateway --overlay=false\n  \
    runyard openapi export --out docs\n  \
    runyard openapi diff old.yaml runtime\n  \
    runyard openapi generate petstore.yaml --out petstore\n\n\
    With --json: the document as JSON; without NAME one object {\"documents\":[{\"name\",\"title\",\"version\",\"operations\"}]}.")]
pub struct Arguments {
    /// A subcommand; without it, a document is printed
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The document to print.
    #[command(flatten)]
    pub show: show::ShowArguments,
}

/// What else there is to do with documents.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Write every document, and a reference to read, as files
    Export(export::Arguments),
    /// Compare two documents: what changed, and whether it breaks clients or servers
    Diff(diff::Arguments),
    /// Generate a Rust crate from any document: types, client, server trait
    Generate(generate::Arguments),
}

/// Prints documents, exports or compares them.
///
/// # Errors
/// See [`show::show`], [`export::export`], [`diff::diff`] and [`generate::generate`].
pub fn openapi(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let Some(command) = &arguments.command else { return show::show(&arguments.show, context) };
    if !arguments.show.is_empty() {
        // Flags before the subcommand are about printing. To carry out only one of the two would hide the other.
        return Err(Failure::usage("this prints a document and runs a subcommand at once").advise("give one of them"));
    }
    match command {
        Command::Export(arguments) => export::export(arguments, context),
        Command::Diff(arguments) => diff::diff(arguments, context),
        Command::Generate(arguments) => generate::generate(arguments, context),
    }
}
