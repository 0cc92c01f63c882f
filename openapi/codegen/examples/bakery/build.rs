//! Generates `bakery.rs` from `bakery.yaml`, and again when that changes.

use std::path::Path;

use runyard_codegen::{Document, Generator};

fn main() {
    if let Err(error) = make() {
        // The error has the file, the operation, the reason, and what to write instead.
        println!("cargo::error={error}");
    }
}

fn make() -> Result<(), Box<dyn std::error::Error>> {
    let made = Generator::new().document(&Document::new("bakery.yaml"))?;
    for source in &made.sources {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    // Warns about everything that is left out, and why. `Generator::new().strict()` makes it an error.
    for line in made.report.warnings() {
        println!("cargo::warning={line}");
    }
    Ok(made.write(Path::new(&std::env::var("OUT_DIR")?))?)
}
