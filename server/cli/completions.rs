//! `runyard completions`: what a shell needs to complete commands and flags.

use clap::Args;
use clap_complete::Shell;
use serde_json::json;

use super::context::Context;
use super::failure::{Exit, Failure};

/// Which shell.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    runyard completions bash > ~/.local/share/bash-completion/completions/runyard\n  \
    runyard completions zsh > \"${fpath[1]}/_runyard\"\n  \
    runyard completions fish > ~/.config/fish/completions/runyard.fish\n\n\
    With --json one object: {\"shell\",\"script\"}.")]
pub struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// The script is not text, which no shell of the list has.
pub fn completions(arguments: &Arguments, mut command: clap::Command, context: &mut Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "runyard", &mut script);
    let script = String::from_utf8(script).map_err(|error| Failure::new("no_script", error.to_string()))?;
    if context.output.is_json() {
        context.output.object(&json!({ "shell": arguments.shell.to_string(), "script": script }));
    } else {
        context.output.verbatim(&script);
    }
    Ok(Exit::Success)
}
