//! A crate around generated code: `Cargo.toml` and `src/`.

use std::path::Path;

use runyard_codegen::{Document, Generated, Generator};

use crate::arguments::Wanted;

/// The generator with the settings of the command line.
pub(crate) fn generator(wanted: &Wanted) -> Generator {
    let mut generator = Generator::new().distinguish_null();
    if wanted.no_client {
        generator = generator.without_client();
    }
    if wanted.no_server {
        generator = generator.without_server();
    }
    if wanted.strict { generator.strict() } else { generator }
}

/// The document with the settings of the command line.
pub(crate) fn document(wanted: &Wanted, path: &Path) -> Document<'static> {
    let mut document = Document::new(path).named(wanted.name.clone().unwrap_or_else(|| name(path)));
    if let Some(overlay) = &wanted.overlay {
        document = document.overlay(overlay);
    }
    document
}

/// The short name of a document: its file name, as a valid crate name.
pub(crate) fn name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let plain: String = stem.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let trimmed = plain.trim_matches('-');
    if trimmed.starts_with(|first: char| first.is_ascii_alphabetic()) {
        trimmed.to_owned()
    } else {
        format!("api-{trimmed}")
    }
}

/// Writes the crate.
///
/// # Errors
/// Says which file could not be written.
pub(crate) fn write(wanted: &Wanted, name: &str, generated: &Generated, folder: &Path) -> Result<(), String> {
    let sources = folder.join("src");
    std::fs::create_dir_all(&sources).map_err(|error| format!("{}: {error}", sources.display()))?;
    generated.write(&sources).map_err(|error| error.to_string())?;
    let file = |path: &str, text: String| {
        let path = folder.join(path);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    file("Cargo.toml", manifest(wanted, name))?;
    file("src/lib.rs", library(name))
}

fn manifest(wanted: &Wanted, name: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let source = wanted.runyard_api.as_ref().map_or_else(String::new, |path| format!("path = {path:?}, "));
    let features: Vec<&str> = [("\"client\"", !wanted.no_client), ("\"server\"", !wanted.no_server)]
        .iter()
        .filter(|one| one.1)
        .map(|one| one.0)
        .collect();
    let features = features.join(", ");
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         runyard-api = {{ {source}version = \"{version}\", default-features = false, features = [{features}] }}\n\n\
         # A crate of its own, whatever lies above it.\n[workspace]\n"
    )
}

fn library(name: &str) -> String {
    format!(
        "//! Made by runyard-codegen. The API is in the one file beside this.\n\
         #![allow(clippy::all, unused_imports, dead_code, rustdoc::all, reason = \"generated code\")]\n\n\
         include!(\"{name}.rs\");\n"
    )
}
