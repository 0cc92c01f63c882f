//! The binary: measures. It also runs as a server under test, or as a worker that evaluates expressions for one.

use std::process::ExitCode;

use runyard::expressions::{self, worker};
use runyard_bench::{cli, served};

// The server's allocator, because the server is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    if first == worker::ARGUMENT {
        worker::lower_priority();
        let worked = worker::work(std::io::stdin().lock(), std::io::stdout().lock());
        return if worked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    expressions::this_program_is_a_worker();
    if first == served::ARGUMENT {
        return served::main(&arguments.next().unwrap_or_default().to_string_lossy());
    }
    cli::main()
}
