//! The command line as people and scripts use it: the binary, its exit codes, its two outputs.
//!
//! | file | subject |
//! |---|---|
//! | `runs.rs` | commands about runs, in a folder without a server |
//! | `newcomer.rs` | an empty folder, one address for every command, what `run` shows |
//! | `json.rs` | the JSON output of each command |
//! | `diff.rs` | two documents and what changed between them |
//! | `owners.rs` | one folder, several processes: servers, commands beside them, signals |
//! | `settings.rs` | configuration, ports, documents |
//!
//! Tests of the logic within a command are beside it, in `server/cli/`.

mod diff;
mod json;
mod newcomer;
mod owners;
mod runs;
mod settings;

use uuid::Uuid;

/// The UUID at the end of a command's output.
fn last_uuid(out: &str) -> Uuid {
    let last = out.lines().last().unwrap_or_default();
    Uuid::parse_str(last).unwrap_or_else(|error| panic!("{error}: {out}"))
}
