//! `runyard man`: the manual, as a page or as a folder of pages.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use serde_json::json;

use super::context::Context;
use super::failure::{Exit, Failure};
use super::help::{self, EXIT_CODES};

/// Where to.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    runyard man | man -l -\n  \
    runyard man --out ~/.local/share/man/man1\n\n\
    With --json one object: {\"page\"}, or {\"folder\",\"files\":[...]} with --out.")]
pub struct Arguments {
    /// Write a page for each command into this folder, created if missing, instead of printing the first
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Prints the page of these commands, or writes the pages of all of them.
///
/// # Errors
/// The folder cannot be written.
pub fn man(arguments: &Arguments, command: clap::Command, context: &mut Context) -> Result<Exit, Failure> {
    let output = &mut context.output;
    let Some(folder) = &arguments.out else {
        let page = page(&whole(command), true).map_err(|error| Failure::new("not_written", error.to_string()))?;
        if output.is_json() {
            output.object(&json!({ "page": page }));
        } else {
            output.verbatim(&page);
        }
        return Ok(Exit::Success);
    };
    let files = write(command, folder).map_err(|error| {
        Failure::new("not_written", format!("cannot write manual pages into {}: {error}", folder.display()))
    })?;
    output.line(&format!("wrote {} pages into {}", files.len(), folder.display()));
    output.object(&json!({ "folder": folder, "files": files }));
    Ok(Exit::Success)
}

/// The definition of all commands, each under its full name (`runyard-run`), as pages are called.
fn whole(command: clap::Command) -> clap::Command {
    let mut command = command.after_help(help::AFTER).disable_help_subcommand(true);
    command.build();
    command
}

pub(super) fn write(command: clap::Command, folder: &Path) -> io::Result<Vec<String>> {
    std::fs::create_dir_all(folder)?;
    let mut files = Vec::new();
    let command = whole(command);
    let mut open = vec![(command.clone(), true)];
    while let Some((command, is_first)) = open.pop() {
        let name = format!("{}.1", command.get_display_name().unwrap_or(command.get_name()));
        std::fs::write(folder.join(&name), page(&command, is_first)?)?;
        files.push(name);
        open.extend(command.get_subcommands().filter(|one| !one.is_hide_set()).map(|one| (one.clone(), false)));
    }
    files.sort();
    Ok(files)
}

/// A page; the first has the exit codes as well.
fn page(command: &clap::Command, is_first: bool) -> io::Result<String> {
    let mut page = Vec::new();
    Man::new(command.clone()).source(format!("runyard {}", crate::version::VERSION)).render(&mut page)?;
    if is_first {
        let mut roff = Roff::new();
        roff.control("SH", ["EXIT STATUS"]);
        for (exit, meaning) in EXIT_CODES {
            roff.control("TP", []).text([bold(exit.code().to_string())]).text([roman(meaning)]);
        }
        roff.to_writer(&mut page)?;
    }
    String::from_utf8(page).map_err(io::Error::other)
}
