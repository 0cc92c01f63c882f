//! `runyard-codegen`: generates a crate from a document, and a table of the supported operations of many documents.
//!
//! ```text
//! runyard-codegen generate FILE --out DIR [--overlay FILE] [--name NAME] [--no-client] [--no-server]
//!     [--standalone] [--strict] [--json]
//! runyard-codegen table DIR [--out DIR] [--compile] [--runyard-api DIR] [--json]
//! ```
//!
//! | file            | contents                                              |
//! |-----------------|-------------------------------------------------------|
//! | `arguments.rs`  | parsing the command line                              |
//! | `package.rs`    | a crate around generated code                         |
//! | `standalone.rs` | the sources that a client without our crates needs   |
//! | `generate.rs`   | one document, with its report as text or JSON         |
//! | `table.rs`      | a folder of documents, one row each                   |

mod arguments;
mod generate;
mod package;
mod standalone;
mod table;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::Command;

fn main() -> ExitCode {
    // typify panics on schemas that it does not support; the report names each of them.
    std::panic::set_hook(Box::new(|_| {}));
    let done = match arguments::parse(std::env::args().skip(1)) {
        Ok(Command::Generate(wanted)) => generate::run(&wanted),
        Ok(Command::Table(wanted)) => table::run(&wanted),
        Ok(Command::Help) => Ok(arguments::USAGE.to_owned()),
        Err(reason) => {
            complain(&format!("{reason}\n\n{}", arguments::USAGE));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(text) => match write!(std::io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(reason) => {
            complain(&reason);
            ExitCode::FAILURE
        }
    }
}

/// Prints to standard error; if that is closed, too, only the exit code is left.
fn complain(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
