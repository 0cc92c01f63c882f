//! The help of the program as a whole: commands in groups, and what exit codes mean.

use std::fmt::Write as _;

use anstyle::Style;
use clap::{Args, CommandFactory};
use serde_json::json;

use super::failure::Exit;
use super::{Cli, Context};

/// The commands in the order in which people need them. Commands that are hidden have no group.
pub(super) const GROUPS: [(&str, &[&str]); 6] = [
    ("Runs", &["run", "start", "watch", "get", "list", "cancel", "pause", "resume", "answer"]),
    ("Approvals", &["approvals", "approve", "deny"]),
    ("Server", &["serve", "health", "nodes", "keys", "config"]),
    ("Stored data", &["backup", "restore", "check", "remove"]),
    ("APIs", &["openapi", "cargo", "login", "logout"]),
    ("Tools", &["completions", "man"]),
];

/// The width of the column for names of commands.
const NAME_WIDTH: usize = 12;
const HEADING: Style = Style::new().bold().underline();
const NAME: Style = Style::new().bold();

/// What each exit code means; for the help, the man page and `runyard exit-codes`.
pub(super) const EXIT_CODES: [(Exit, &str); 4] = [
    (Exit::Success, "done; for `run` and `watch`: the run succeeded"),
    (Exit::Failed, "failed; for `run` and `watch`: the run failed, was partial or was canceled"),
    (Exit::Usage, "usage error: flags, inputs or configuration are not valid"),
    (Exit::Interrupted, "interrupted a second time, without waiting"),
];

/// Where settings come from, after the list of options.
pub(super) const AFTER: &str = "\
Without --url a command uses the server that owns the data folder, or opens the folder itself. One address is enough for every
command: that of the Runyard API.
Settings: flags win over RUNYARD_... variables, and these over runyard.toml. `runyard config show` lists them.
`runyard COMMAND --help` has examples; `runyard help exit-codes` lists the exit codes.";

/// The definition of all commands, with the commands in groups in its help.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let mut groups = String::new();
    for (title, names) in GROUPS {
        // Writing to a string does not fail.
        let _ = writeln!(groups, "{HEADING}{title}:{HEADING:#}");
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(groups, "  {NAME}{name:NAME_WIDTH$}{NAME:#} {about}");
        }
        groups.push('\n');
    }
    let options = format!("{HEADING}Options:{HEADING:#}");
    let template =
        format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}{options}\n{{options}}\n\n{AFTER}");
    command.help_template(template)
}

/// Nothing to choose.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = exit_codes())]
pub struct ExitCodes {}

/// The exit codes, a line each.
fn exit_codes() -> String {
    let line = |(exit, meaning): &(Exit, &str)| format!("{:>5}  {meaning}\n", exit.code());
    let lines: String = EXIT_CODES.iter().map(line).collect();
    format!("{lines}\nWith --json one object: {{\"exit_codes\":[{{\"code\",\"meaning\"}}]}}.")
}

/// Lists the exit codes.
pub fn show_exit_codes(context: &mut Context) -> Exit {
    let output = &mut context.output;
    for (exit, meaning) in EXIT_CODES {
        output.line(&format!("{:>3}  {meaning}", exit.code()));
    }
    let codes = EXIT_CODES.map(|(exit, meaning)| json!({ "code": exit.code(), "meaning": meaning }));
    output.object(&json!({ "exit_codes": codes }));
    Exit::Success
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_hidden_ones_in_none() {
        let command = Cli::command();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for one in command.get_subcommands() {
            let times = grouped.iter().filter(|name| **name == one.get_name()).count();
            assert_eq!(times, usize::from(!one.is_hide_set()), "{}", one.get_name());
        }
        for name in grouped {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about).map(ToString::to_string);
            let about = about.unwrap_or_else(|| panic!("{name} is not a command"));
            assert!(about.chars().count() <= 90, "{name}: {about}");
        }
    }

    #[test]
    fn the_help_shows_groups_options_and_where_settings_come_from() {
        let help = command().render_help().to_string();
        for part in
            ["Runs:\n  run ", "Approvals:\n  approvals ", "Options:\n", "--data-dir <FOLDER>", "help exit-codes"]
        {
            assert!(help.contains(part), "{part}: {help}");
        }
        assert!(!help.contains("\n  exit-codes"), "{help}");
    }
}
