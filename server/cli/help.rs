//! The help of the program as a whole: commands in groups, and what exit codes mean.

use std::fmt::Write as _;

use anstyle::Style;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::failure::Exit;

/// The commands in the order in which people need them. Commands that are hidden have no group.
pub(super) const GROUPS: [(&str, &[&str]); 6] = [
    ("Runs", &["run", "start", "watch", "get", "list", "cancel", "pause", "resume", "answer"]),
    ("Approvals", &["approvals", "approve", "deny"]),
    ("Server", &["serve", "health", "nodes", "tools", "keys", "config"]),
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

/// The definition of all commands with the commands in groups in its help.
pub(super) fn grouped(command: clap::Command) -> clap::Command {
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
