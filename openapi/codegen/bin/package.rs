//! A crate around generated code: `Cargo.toml` and `src/`.

use std::path::Path;

use runyard_codegen::{Document, Generated, Generator};

use crate::arguments::Wanted;
use crate::standalone;

/// The generator with the settings of the command line.
pub(crate) fn generator(wanted: &Wanted) -> Generator {
    let mut generator = Generator::new().distinguish_null();
    if wanted.no_client {
        generator = generator.without_client();
    }
    if wanted.no_server {
        generator = generator.without_server();
    }
    if wanted.standalone {
        generator = generator.behaviour(standalone::CLIENT).crates(standalone::CRATES);
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
    // A keyword, a crate that every crate has, or a file that cargo takes for something else is no name of a crate.
    let reserved = ["alloc", "core", "lib", "main", "proc-macro", "std", "test"].contains(&trimmed);
    if !reserved && syn::parse_str::<syn::Ident>(&trimmed.replace('-', "_")).is_ok() {
        trimmed.to_owned()
    } else {
        format!("api-{trimmed}").trim_end_matches('-').to_owned()
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
    if wanted.standalone {
        standalone::write(&sources)?;
    }
    file("Cargo.toml", manifest(wanted, name))?;
    file("src/lib.rs", library(wanted, name))
}

fn manifest(wanted: &Wanted, name: &str) -> String {
    let dependencies = if wanted.standalone { standalone::dependencies().to_owned() } else { runyard_api(wanted) };
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{dependencies}\n\
         # A crate of its own, whatever lies above it.\n[workspace]\n"
    )
}

/// The only dependency of a crate that is not standalone.
fn runyard_api(wanted: &Wanted) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let source = wanted.runyard_api.as_ref().map_or_else(String::new, |path| format!("path = {path:?}, "));
    let features: Vec<&str> = [("\"client\"", !wanted.no_client), ("\"server\"", !wanted.no_server)]
        .iter()
        .filter(|one| one.1)
        .map(|one| one.0)
        .collect();
    let features = features.join(", ");
    format!(
        "[dependencies]\n\
         runyard-api = {{ {source}version = \"{version}\", default-features = false, features = [{features}] }}\n"
    )
}

fn library(wanted: &Wanted, name: &str) -> String {
    let runtime = if wanted.standalone { "#[path = \"runtime/mod.rs\"]\npub mod runtime;\n\n" } else { "" };
    format!(
        "//! Made by runyard-codegen. The API is in the one file beside this.\n\
         #![allow(clippy::all, unused_imports, dead_code, rustdoc::all, reason = \"generated code\")]\n\n\
         {runtime}include!(\"{name}.rs\");\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_name_becomes_a_valid_crate_name() {
        for (file, expected) in [
            ("Petstore v3.yaml", "petstore-v3"),
            ("3scale.json", "api-3scale"),
            ("lib.yaml", "api-lib"),
            ("type.json", "api-type"),
            ("_.yaml", "api"),
        ] {
            assert_eq!(name(Path::new(file)), expected, "{file}");
        }
    }
}
