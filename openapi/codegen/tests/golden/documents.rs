//! Writes small documents into a temporary folder, and runs the generator on them.

use std::path::Path;

use runyard_codegen::{Document, Generated, Generator};

/// Writes files, generates `api.yaml` (with `api.overlay.yaml`, if it exists), and returns errors without the folder's
/// path.
pub(crate) fn generate(files: &[(&str, &str)]) -> Result<Generated, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut document = Document::new(folder.path().join("api.yaml"));
    if files.iter().any(|(name, _)| *name == "api.overlay.yaml") {
        document = document.overlay(folder.path().join("api.overlay.yaml"));
    }
    Generator::new().strict().document(&document).map_err(|error| without(folder.path(), &error.to_string()))
}

/// Generates one document with a generator that leaves out what it does not support.
pub(crate) fn generate_leniently(text: &str) -> Result<Generated, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.yaml");
    std::fs::write(&path, text).unwrap();
    Generator::new().document(&Document::new(path)).map_err(|error| without(folder.path(), &error.to_string()))
}

/// A document with one path item, and further top-level keys.
pub(crate) fn api(item: &str, rest: &str) -> String {
    format!("openapi: 3.0.3\ninfo: {{ title: Small, version: '1' }}\npaths:\n  {item}\n{rest}")
}

/// A document with one operation `op` and the given fields of its operation object.
pub(crate) fn operation(method: &str, rest: &str) -> String {
    api(&format!("/a: {{ {method}: {{ operationId: op, {rest} }} }}"), "")
}

/// Valid responses for tests that are not about responses.
pub(crate) const FINE: &str = "responses: { '204': { description: done } }";

fn without(folder: &Path, text: &str) -> String {
    text.replace(&format!("{}/", folder.display()), "")
}
