//! Generates this crate's code from its documents. `runyard-codegen` does the work; this file lists the documents.

use std::path::PathBuf;

use runyard_codegen::{Document, Generated, Generator};

fn main() {
    if let Err(error) = make() {
        // Cargo fails the build and shows this line, without a panic's backtrace.
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

    // Constructs that a document can have and Runyard's do not use, in test documents of Runyard and of other vendors.
    // They are compiled into this crate's tests only, and are not in the published package.
    println!("cargo::rustc-check-cfg=cfg(quirks)");
    let quirks = PathBuf::from("openapi/codegen/tests/quirks.yaml");
    if quirks.exists() {
        println!("cargo::rustc-cfg=quirks");
        keep(&generator.document(&Document::new(quirks))?)?;
        keep(&generator.clone().distinguish_null().document(&Document::new("openapi/codegen/tests/kinds.yaml"))?)?;
        // Not strict: the test covers what is left out of it.
        keep(&lenient.document(&Document::new("openapi/codegen/tests/foreign.yaml"))?)?;
    }
    Ok(())
}

/// Writes the generated files, and makes cargo rerun the build script when a source changes.
fn keep(generated: &Generated) -> Result<(), Box<dyn std::error::Error>> {
    for source in &generated.sources {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    let folder = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    Ok(generated.write(&PathBuf::from(folder))?)
}
