//! `runyard openapi generate`: a Rust crate from an OpenAPI document.
//!
//! The generator is a program of its own, `runyard-codegen`: a server does not need what it is made of (typify and the
//! parser of Rust code). This command finds it beside this program or on the PATH, and executes it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};

/// The generator's file name.
const PROGRAM: &str = if cfg!(windows) { "runyard-codegen.exe" } else { "runyard-codegen" };

/// What to generate.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The generator is the program runyard-codegen, beside this program or on the PATH.\nIt prints the report: \
    what is not in the code as it is in the document, and why. With --json one object: {\"refusals\":[{\"effect\",\"method\",\
    \"path\",\"place\",\"reason\"}],\"notes\":[{\"place\",\"what\"}]}."
)]
pub struct Arguments {
    /// The document: OpenAPI 3.0, 3.1 or 3.2, YAML or JSON
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The folder to write the crate into; created if missing
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Apply this OpenAPI Overlay first
    #[arg(long, value_name = "FILE")]
    pub overlay: Option<PathBuf>,
    /// Another name for the crate than the file's
    #[arg(long)]
    pub name: Option<String>,
    /// Write no client
    #[arg(long)]
    pub no_client: bool,
    /// Write no server trait
    #[arg(long)]
    pub no_server: bool,
    /// Write a client that depends on public crates alone
    #[arg(long)]
    pub standalone: bool,
    /// Fail if anything in the document is not supported, instead of leaving it out
    #[arg(long)]
    pub strict: bool,
}

/// Executes the generator.
///
/// # Errors
/// It is not installed, or cannot be started.
pub fn generate(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let this = std::env::current_exe().ok();
    let program = find(this.as_deref(), std::env::var_os("PATH")).ok_or_else(|| {
        Failure::new("no_generator", format!("{PROGRAM} is neither beside this program nor on the PATH"))
            .advise("it is in the release's archive; from a checkout: cargo install --path openapi/codegen --locked")
    })?;
    let status = Command::new(&program)
        .args(passed(arguments, context.output.is_json()))
        .status()
        .map_err(|error| Failure::new("no_generator", format!("{} cannot be started: {error}", program.display())))?;
    Ok(match status.code() {
        Some(0) => Exit::Success,
        Some(2) => Exit::Usage,
        _ => Exit::Failed,
    })
}

/// The generator beside this program, or the first one on the PATH.
fn find(this: Option<&Path>, path: Option<OsString>) -> Option<PathBuf> {
    let beside = this.and_then(Path::parent).map(Path::to_owned);
    let folders = path.iter().flat_map(std::env::split_paths).filter(|folder| folder.is_absolute());
    beside.into_iter().chain(folders).map(|folder| folder.join(PROGRAM)).find(|program| program.is_file())
}

/// The generator's own arguments.
fn passed(arguments: &Arguments, json: bool) -> Vec<OsString> {
    let mut passed =
        vec![OsString::from("generate"), rooted(&arguments.file), "--out".into(), arguments.out.clone().into()];
    if let Some(overlay) = &arguments.overlay {
        passed.extend(["--overlay".into(), overlay.clone().into()]);
    }
    if let Some(name) = &arguments.name {
        passed.extend(["--name".into(), name.clone().into()]);
    }
    let flags = [
        ("--no-client", arguments.no_client),
        ("--no-server", arguments.no_server),
        ("--standalone", arguments.standalone),
        ("--strict", arguments.strict),
        ("--json", json),
    ];
    passed.extend(flags.iter().filter(|flag| flag.1).map(|flag| OsString::from(flag.0)));
    passed
}

/// A file whose name begins with a hyphen is not an option.
fn rooted(file: &Path) -> OsString {
    if file.as_os_str().to_string_lossy().starts_with('-') { Path::new(".").join(file).into() } else { file.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_beside_this_program_comes_before_the_path() {
        let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        let program = |index: usize| folders[index].path().join(PROGRAM);
        let path = std::env::join_paths([folders[1].path(), folders[2].path()]).unwrap();
        let this = folders[0].path().join("runyard");
        let found = || find(Some(&this), Some(path.clone()));
        assert_eq!(found(), None);
        for index in [2, 1, 0] {
            std::fs::write(program(index), "").unwrap();
            assert_eq!(found(), Some(program(index)));
        }
        assert_eq!(find(None, None), None);
    }

    #[test]
    fn every_option_is_passed_on() {
        let arguments = Arguments {
            file: "-odd.yaml".into(),
            out: "out".into(),
            overlay: Some("more.yaml".into()),
            name: Some("shop".into()),
            no_client: false,
            no_server: true,
            standalone: true,
            strict: true,
        };
        let line = passed(&arguments, true).join(std::ffi::OsStr::new(" "));
        let expected =
            "generate ./-odd.yaml --out out --overlay more.yaml --name shop --no-server --standalone --strict --json";
        assert_eq!(line, expected);
    }
}
