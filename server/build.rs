//! Finds the commit and its date for `--version`: from the environment, from a package's own record, or from git.
//!
//! A build for development says neither: it would be made again after every commit.
//!
//! The variable must not begin with `RUNYARD_`: `cargo run` passes what a build script sets on to the program, which
//! reads its settings from there.

use std::path::{Path, PathBuf};
use std::process::Command;

/// As many digits as tell a commit from all others in practice.
const DIGITS: usize = 10;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in ["RUNYARD_COMMIT", "RUNYARD_COMMIT_DATE"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let version = variable("CARGO_PKG_VERSION").unwrap_or_default();
    let released = variable("PROFILE").as_deref() == Some("release");
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR").unwrap_or_default());
    let commit = variable("RUNYARD_COMMIT")
        .or_else(|| packaged(&folder))
        .or_else(|| released.then(|| of_git(&folder)).flatten());
    let Some(commit) = commit else {
        println!("cargo::rustc-env=VERSION_AND_COMMIT={version}");
        return;
    };
    let date = variable("RUNYARD_COMMIT_DATE")
        .or_else(|| git(&folder, &["show", "--no-patch", "--format=%cs", &commit]))
        .map(|date| format!(" {date}"))
        .unwrap_or_default();
    let short: String = commit.chars().take(DIGITS).collect();
    println!("cargo::rustc-env=VERSION_AND_COMMIT={version} ({short}{date})");
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What `cargo package` wrote beside the source.
fn packaged(folder: &Path) -> Option<String> {
    let record = std::fs::read_to_string(folder.join(".cargo_vcs_info.json")).ok()?;
    let after = record.split("\"sha1\"").nth(1)?;
    let commit = after.split('"').nth(1)?;
    commit.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| commit.to_owned())
}

/// The commit that is checked out. Built again when another one is.
fn of_git(folder: &Path) -> Option<String> {
    let commit = git(folder, &["rev-parse", "HEAD"])?;
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(folder, &["rev-parse", "--path-format=absolute", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    Some(commit)
}

/// The first line of what git says; none without git.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let done = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
    let text = String::from_utf8(done.stdout).ok()?;
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    (done.status.success() && !line.is_empty()).then_some(line)
}
