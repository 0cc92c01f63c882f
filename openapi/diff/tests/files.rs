//! Tests with files: references to other files, both notations, and refusals with their names.

use std::path::{Path, PathBuf};

use super::super::{diff, load};
use super::line;

fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn a_file_and_what_was_built_of_it_say_the_same() {
    for (document, _) in runyard_api::DOCUMENTS {
        let owners = ["acp", "arp", "cargo", "runyard", "toolregistry"];
        let file =
            owners.iter().map(|owner| ours(&format!("{owner}/{}.yaml", document.name))).find(|file| file.exists());
        let file = load(&file.unwrap_or_else(|| panic!("{} lies in no owner's folder", document.name))).unwrap();
        let built = serde_json::from_str(document.owner_json).unwrap();
        assert_eq!(diff(&file, &built), [], "{}", document.name);
        assert_eq!(diff(&built, &file), [], "{}", document.name);
    }
}

#[test]
fn references_are_followed_from_file_to_file_and_round_in_circles() {
    let api = "openapi: 3.0.3
paths:
  /a: { get: { operationId: a, responses: { '200': { description: d, content: { application/json: { schema: { $ref: 'parts/tree.yaml#/Tree' } } } } } } }
";
    let tree = |leaf: &str| {
        format!(
            "Tree: {{ type: object, properties: {{ up: {{ $ref: '#/Tree' }}, leaf: {{ $ref: '../leaf.json' }}, back: {{ $ref: '../{leaf}' }} }} }}"
        )
    };
    let old =
        folder(&[("api.yaml", api), ("parts/tree.yaml", &tree("leaf.json")), ("leaf.json", r#"{"type":"string"}"#)]);
    let new =
        folder(&[("api.yaml", api), ("parts/tree.yaml", &tree("leaf.json")), ("leaf.json", r#"{"type":"integer"}"#)]);
    let changes = diff(&load(&old.path().join("api.yaml")).unwrap(), &load(&new.path().join("api.yaml")).unwrap());
    assert_eq!(changes.len(), 1, "compared once, although two properties lead there: {changes:?}");
    assert_eq!(changes[0].kind(), "type_changed");
    assert!(changes[0].pointer.ends_with("leaf.json#/type"), "{}", changes[0].pointer);
}

#[test]
fn what_is_only_an_example_is_no_reference() {
    let api = "openapi: 3.0.3
paths: {}
components: { schemas: { A: { type: object, example: { $ref: 'no.yaml#/x' }, properties: { $ref: { type: string }, example: { $ref: '#/components/schemas/B' } } }, B: { type: string } } }
";
    let there =
        folder(&[("api.yaml", api), ("new.yaml", &api.replace("{ type: string } } }\n", "{ type: integer } } }\n"))]);
    let (old, new) = (load(&there.path().join("api.yaml")).unwrap(), load(&there.path().join("new.yaml")).unwrap());
    assert_eq!(diff(&old, &new).iter().map(line).collect::<Vec<_>>(), ["type_changed B: clients servers"]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let schema = |reference: &str| {
        format!("openapi: 3.0.3\npaths: {{}}\ncomponents: {{ schemas: {{ A: {{ $ref: '{reference}' }} }} }}\n")
    };
    let files = [
        ("list.yaml", "- a\n".to_owned()),
        ("broken.yaml", "a: [\n".to_owned()),
        ("empty.yaml", String::new()),
        ("swagger.yaml", "swagger: '2.0'\npaths: {}\n".to_owned()),
        ("overlay.yaml", "overlay: 1.0.0\nactions: []\n".to_owned()),
        ("nowhere.yaml", schema("#/components/schemas/B")),
        ("lost.yaml", schema("gone.yaml#/A")),
        ("network.yaml", schema("https://example.com/a.yaml#/A")),
        ("deeper.yaml", schema("nowhere.yaml#/components/schemas/C")),
    ];
    let there = folder(&files.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>());
    let said = |name: &str| {
        load(&there.path().join(name)).unwrap_err().to_string().replace(&format!("{}/", there.path().display()), "")
    };
    let mut all: Vec<String> = files.iter().map(|(name, _)| said(name)).collect();
    all.push(load(there.path()).unwrap_err().to_string().replace(&there.path().display().to_string(), "folder"));
    insta::assert_snapshot!(all.join("\n"), @r"
    list.yaml: has neither `paths` nor `components`, so it is no OpenAPI document
    broken.yaml: is neither YAML nor JSON: error: line 1 column 4: unclosed bracket '['
    empty.yaml: has neither `paths` nor `components`, so it is no OpenAPI document
    swagger.yaml: is Swagger 2.0, which was before OpenAPI; convert it first
    overlay.yaml: is an overlay, not a document: compare what it is laid over
    nowhere.yaml: #/components/schemas/A: `$ref: #/components/schemas/B` leads nowhere
    gone.yaml: cannot be read: No such file or directory (os error 2)
    network.yaml: #/components/schemas/A: `$ref: https://example.com/a.yaml#/A` is on the network, and nothing is fetched: keep a copy beside it
    deeper.yaml: #/components/schemas/A: `$ref: nowhere.yaml#/components/schemas/C` leads nowhere
    folder: cannot be read: it is not a file
    ");
}
