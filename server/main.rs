//! The binary: passes arguments and environment to [`runyard::cli`], and its exit code to the shell. A server may also
//! start it as a worker that evaluates expressions.

use std::process::ExitCode;

use runyard::expressions::{self, worker};

// One thread often frees what another allocated: requests hand their writes to the one thread that writes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == worker::ARGUMENT) {
        worker::lower_priority();
        let worked = worker::work(std::io::stdin().lock(), std::io::stdout().lock());
        return if worked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    expressions::this_program_is_a_worker();
    let arguments = std::env::args_os().collect();
    // Lossy rather than skipped: a setting that is not text is reported as a bad value.
    let environment =
        std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()));
    runyard::cli::main(arguments, environment.collect())
}
