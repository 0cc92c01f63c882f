//! The surface of every generated trait, the rewrites of its document, and every description. A new document version
//! shows here as a small diff: each changed bound or description is a changed line.

use std::path::PathBuf;

use runyard_codegen::{Document, Generated, Generator, Schemas};

use super::golden;

fn openapi() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn held(name: &str, generated: &Generated) {
    golden(&format!("{name}-surface"), &generated.surface);
    golden(&format!("{name}-report"), &generated.report.to_string());
    golden(&format!("{name}-words"), &generated.words);
}

fn arp(generator: &Generator) -> Schemas {
    generator.schemas(openapi().join("arp/schemas.yaml"), "crate::arp::schemas").unwrap()
}

/// The documents of ARP, by name.
fn of_arp() -> Vec<(&'static str, Generated)> {
    let generator = Generator::new();
    let (folder, shared) = (openapi().join("arp"), arp(&generator));
    let made = ["run-gateway", "run-coordinator", "runtime"].map(|name| {
        let document = Document::new(folder.join(format!("{name}.yaml")));
        let document = document.overlay(folder.join(format!("{name}.overlay.yaml"))).shared(&shared);
        (name, generator.document(&document).unwrap())
    });
    made.into()
}

fn acp() -> Generated {
    let document = Document::new(openapi().join("acp/acp.yaml")).overlay(openapi().join("acp/acp.overlay.yaml"));
    Generator::new().document(&document).unwrap()
}

fn cargo() -> Generated {
    let document = Document::new(openapi().join("cargo/cargo.yaml"));
    Generator::new().document(&document.overlay(openapi().join("cargo/cargo.overlay.yaml"))).unwrap()
}

fn own() -> Generated {
    Generator::new().document(&Document::new(openapi().join("runyard/runyard.yaml"))).unwrap()
}

fn toolregistry() -> Generated {
    let document = Document::new(openapi().join("toolregistry/toolregistry.yaml"));
    let overlay = openapi().join("toolregistry/toolregistry.overlay.yaml");
    Generator::new().document(&document.overlay(overlay)).unwrap()
}

/// Every document with paths, by name.
pub(crate) fn all() -> Vec<(&'static str, Generated)> {
    let others = [("toolregistry", toolregistry()), ("acp", acp()), ("cargo", cargo()), ("runyard", own())];
    of_arp().into_iter().chain(others).collect()
}

#[test]
fn the_surface_of_arp() {
    held("arp-schemas", arp(&Generator::new()).generated());
    of_arp().iter().for_each(|(name, generated)| held(name, generated));
}

#[test]
fn the_surface_of_toolregistry() {
    held("toolregistry", &toolregistry());
}

#[test]
fn the_surface_of_acp() {
    held("acp", &acp());
}

#[test]
fn the_surface_of_cargo() {
    held("cargo", &cargo());
}

#[test]
fn the_surface_of_our_own_api() {
    held("runyard", &own());
}
