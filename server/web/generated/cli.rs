//! `docs/reference/cli.md`: every command with its arguments.

use clap::{Arg, Command, CommandFactory as _};

use super::table::row;
use crate::cli::Cli;

const HEAD: &str = "\
# Command line

Commands work with the server that uses the data folder; if none is running, they open the folder themselves, and commands that
only read create nothing. `--url` or `RUNYARD_URL` is the address of the Runyard API of another server (port 8092 by default);
a command finds the other APIs through it. With `--json` a command prints JSON for programs. Results go to standard output, progress
and errors to standard error. With `--token` or `RUNYARD_TOKEN` a command sends that credential; else, in a data folder, the
folder's own, and with `--url` the one of `runyard login`.

| exit code | meaning |
|---|---|
| 0 | done; for `run` and `watch`: the run succeeded |
| 1 | not done; for `run` and `watch`: the run failed, was canceled or ended partial |
| 2 | usage error |
| 130 | interrupted a second time, without waiting |
";

pub(super) fn page() -> String {
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    let mut page = HEAD.to_owned();
    page.push_str("\n| command | what it does |\n|---|---|\n");
    for command in shown(&whole) {
        let name = command.get_name();
        page.push_str(&row([&format!("[`{name}`](#runyard-{name})"), &about(command)]));
    }
    for command in shown(&whole) {
        section(command, "runyard", 2, &mut page);
    }
    page.push_str("\n## Options of every command\n");
    page.push_str(&table(whole.get_arguments().filter(|argument| argument.is_global_set())));
    page
}

/// The subcommands that people see.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help")
}

fn section(command: &Command, above: &str, level: usize, page: &mut String) {
    let name = format!("{above} {}", command.get_name());
    page.push_str(&format!("\n{} {name}\n\n{}.\n", "#".repeat(level), about(command).trim_end_matches('.')));
    let usage = command.clone().bin_name(&name).render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").split_whitespace().collect::<Vec<_>>().join(" ");
    page.push_str(&format!("\n```text\n{usage}\n```\n"));
    page.push_str(&table(command.get_arguments().filter(|argument| !argument.is_global_set())));
    if let Some(after) = command.get_after_long_help().or(command.get_after_help()) {
        page.push_str(&format!("\n```text\n{}\n```\n", after.to_string().trim()));
    }
    for below in shown(command) {
        section(below, &name, level + 1, page);
    }
}

/// The arguments, a row each; nothing where there are none.
fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let is_shown =
        |argument: &&Arg| !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str());
    let rows: String =
        arguments.filter(is_shown).map(|argument| row([&*written(argument), &*meaning(argument)])).collect();
    if rows.is_empty() { rows } else { format!("\n| argument | meaning |\n|---|---|\n{rows}") }
}

/// `-q, --quiet`, `--input <JSON>` or `<RUN>`.
fn written(argument: &Arg) -> String {
    let value = || {
        let names: Vec<String> =
            argument.get_value_names().into_iter().flatten().map(|name| format!("<{name}>")).collect();
        names.join(" ")
    };
    let takes_value = argument.get_action().takes_values();
    let text = match (argument.get_short(), argument.get_long()) {
        (_, None) => value(),
        (short, Some(long)) => {
            let short = short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
            let value = if takes_value { format!(" {}", value()) } else { String::new() };
            format!("{short}--{long}{value}")
        }
    };
    format!("`{text}`")
}

/// The help, the default, and the values that are allowed.
fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut text = help.trim_end_matches('.').to_owned();
    let listed = |values: Vec<String>| values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    let takes_value = argument.get_action().takes_values();
    let possible: Vec<String> =
        argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if takes_value && !possible.is_empty() {
        text.push_str(&format!(". Values: {}", listed(possible)));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes_value && !defaults.is_empty() {
        text.push_str(&format!(". Default: {}", listed(defaults)));
    }
    text
}

/// The first sentence of what a command does.
fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}
