//! The surface of every trait that we promise, what had to be rewritten for it, and every description. A bump shows here as a small
//! diff: a bound or a word that changed is a line that changed.

use std::path::PathBuf;

use runyard_codegen::{Document, Generated, Generator};

use super::golden;

fn openapi() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn all(name: &str, generated: &Generated) {
    golden(&format!("{name}-surface"), &generated.surface);
    golden(&format!("{name}-report"), &generated.report.to_string());
    golden(&format!("{name}-words"), &generated.words);
}

#[test]
fn the_surface_of_arp() {
    let arp = openapi().join("arp");
    let generator = Generator::new();
    let schemas = generator.schemas(arp.join("schemas.yaml"), "crate::arp::schemas").unwrap();
    all("arp-schemas", schemas.generated());
    for name in ["run-gateway", "run-coordinator", "runtime"] {
        let document =
            Document::new(arp.join(format!("{name}.yaml"))).overlay(arp.join(format!("{name}.overlay.yaml")));
        all(name, &generator.document(&document.shared(&schemas)).unwrap());
    }
}

#[test]
fn the_surface_of_our_own_door() {
    all("runyard", &Generator::new().document(&Document::new(openapi().join("runyard/runyard.yaml"))).unwrap());
}
