//! `runyard-codegen`: a crate from a document, and a table of what is carried of many.
//!
//! ```text
//! runyard-codegen generate FILE --out DIR [--overlay FILE] [--name NAME] [--no-client] [--no-server] [--strict] [--json]
//! runyard-codegen table DIR [--out DIR] [--compile] [--runyard-api DIR] [--json]
//! ```
//!
//! | file           | one idea                                              |
//! |----------------|-------------------------------------------------------|
//! | `arguments.rs` | what was written on the command line                  |
//! | `package.rs`   | a crate around generated code                         |
//! | `generate.rs`  | one document, with its report as text or JSON         |
//! | `table.rs`     | a folder of documents, a row each                     |

mod arguments;
mod generate;
mod package;
mod table;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::Command;

fn main() -> ExitCode {
    // What typify cannot read it panics on; each is in the report, by the schema's name.
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

/// To standard error; where that is closed, too, the exit code is all there is.
fn complain(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
