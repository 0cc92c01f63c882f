//! The surface of every trait that we promise, what had to be rewritten for it, and every description. A bump shows here as a small
//! diff: a bound or a word that changed is a line that changed.

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

/// Every document with paths, by name.
pub(crate) fn all() -> Vec<(&'static str, Generated)> {
    let generator = Generator::new();
    let (folder, shared) = (openapi().join("arp"), arp(&generator));
    let of_arp = ["run-gateway", "run-coordinator", "runtime"].map(|name| {
        let document = Document::new(folder.join(format!("{name}.yaml")));
        let document = document.overlay(folder.join(format!("{name}.overlay.yaml"))).shared(&shared);
        (name, generator.document(&document).unwrap())
    });
    let own = Document::new(openapi().join("runyard/runyard.yaml"));
    of_arp.into_iter().chain([("runyard", generator.document(&own).unwrap())]).collect()
}

#[test]
fn the_surface_of_every_document() {
    held("arp-schemas", arp(&Generator::new()).generated());
    for (name, generated) in all() {
        held(name, &generated);
    }
}
