//! Makes this crate's code from its documents. The work is in `runyard-codegen`; here stands which documents there are.

use std::path::PathBuf;

use runyard_codegen::{Document, Generated, Generator};

fn main() {
    if let Err(error) = make() {
        // Cargo fails the build and shows this line, not the trace of a panic.
        println!("cargo::error={error}");
    }
}

fn make() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let lenient =
        Generator::new().host("crate::host").behaviour("crate::client").crates("crate::crates").behind_features();
    let generator = lenient.clone().strict();

    let arp = generator.schemas("openapi/arp/schemas.yaml", "crate::arp::schemas")?;
    keep(arp.generated())?;
    for name in ["run-gateway", "run-coordinator", "runtime"] {
        let document =
            Document::new(format!("openapi/arp/{name}.yaml")).overlay(format!("openapi/arp/{name}.overlay.yaml"));
        keep(&generator.document(&document.shared(&arp))?)?;
    }
    let toolregistry = Document::new("openapi/toolregistry/toolregistry.yaml");
    keep(&generator.document(&toolregistry.overlay("openapi/toolregistry/toolregistry.overlay.yaml"))?)?;
    let acp = Document::new("openapi/acp/acp.yaml").overlay("openapi/acp/acp.overlay.yaml");
    keep(&generator.document(&acp)?)?;
    let cargo = Document::new("openapi/cargo/cargo.yaml").overlay("openapi/cargo/cargo.overlay.yaml");
    keep(&generator.document(&cargo)?)?;
    keep(&generator.document(&Document::new("openapi/runyard/runyard.yaml"))?)?;

    // Compiled into this crate's tests only: every form that a document can have and ours may not, in our words and in others'. A package is without it.
    println!("cargo::rustc-check-cfg=cfg(quirks)");
    let quirks = PathBuf::from("openapi/codegen/tests/quirks.yaml");
    if quirks.exists() {
        println!("cargo::rustc-cfg=quirks");
        keep(&generator.document(&Document::new(quirks))?)?;
        // Not strict: what is left out of it is a part of the test.
        keep(&lenient.document(&Document::new("openapi/codegen/tests/foreign.yaml"))?)?;
    }
    Ok(())
}

/// Writes what was made, and asks to be called again when what it was made from changes.
fn keep(generated: &Generated) -> Result<(), Box<dyn std::error::Error>> {
    for source in &generated.sources {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    let folder = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    Ok(generated.write(&PathBuf::from(folder))?)
}
