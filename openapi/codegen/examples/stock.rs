//! What stock progenitor generates from the documents of a folder: a crate for each document that it accepts, and a
//! line of JSON for each document.
//!
//! `cargo run --package runyard-codegen --example stock -- DIR OUT`
//!
//! `.ci/generator --table` compares these crates with ours.

use std::error::Error;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use openapiv3::OpenAPI;
use serde_json::{Value, json};

/// The dependencies of progenitor's code. `tls` is left out: only the compiler sees these crates.
const MANIFEST: &str = "\
[dependencies]
bytes = \"1\"
chrono = { version = \"0.4\", default-features = false, features = [\"serde\"] }
futures = \"0.3\"
progenitor-client = \"=0.15.1\"
regress = \"0.11\"
reqwest = { version = \"0.13\", default-features = false, features = [\"json\", \"stream\"] }
serde = { version = \"1\", features = [\"derive\"] }
serde_json = { version = \"1\", features = [\"preserve_order\"] }
uuid = { version = \"1\", features = [\"serde\"] }

[workspace]
";

fn main() -> Result<(), Box<dyn Error>> {
    std::panic::set_hook(Box::new(|_| {}));
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, out] = <[PathBuf; 2]>::try_from(arguments).map_err(|_| "usage: stock DIR OUT")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let row = match generate(&file) {
            Ok(code) => {
                let lines = code.lines().count();
                let stem = file.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
                write_crate(&out.join(&stem), &stem, &code)?;
                json!({ "document": name, "lines": lines, "crate": stem })
            }
            Err(reason) => json!({ "document": name, "error": reason }),
        };
        writeln!(std::io::stdout(), "{row}")?;
    }
    Ok(())
}

/// The code, or why nothing was generated.
fn generate(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let json = file.extension().is_some_and(|end| end == "json");
    let document: Value = if json {
        serde_json::from_str(&text).map_err(|error| error.to_string())?
    } else {
        serde_saphyr::from_str(&text).map_err(|error| error.to_string())?
    };
    let document: OpenAPI = serde_json::from_value(document).map_err(|error| format!("not read: {error}"))?;
    let generate = || progenitor_impl::Generator::default().generate_tokens(&document);
    match catch_unwind(AssertUnwindSafe(generate)) {
        Ok(Ok(tokens)) => {
            let file: syn::File = syn::parse2(tokens).map_err(|error| error.to_string())?;
            Ok(prettyplease::unparse(&file))
        }
        Ok(Err(error)) => Err(format!("refused: {error}")),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(format!("panics: {}", text.unwrap_or_default()))
        }
    }
}

fn write_crate(folder: &Path, name: &str, code: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("src"))?;
    let manifest = format!("[package]\nname = \"stock-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{MANIFEST}");
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    std::fs::write(folder.join("src/lib.rs"), format!("#![allow(warnings, reason = \"generated code\")]\n\n{code}"))
}
