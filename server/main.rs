//! The binary: hands arguments and environment to [`runyard::cli`], and its exit code to the shell.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = std::env::args_os().collect();
    // Lossy rather than skipped: a setting that is not text is reported as a bad value.
    let environment =
        std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()));
    runyard::cli::main(arguments, environment.collect())
}
