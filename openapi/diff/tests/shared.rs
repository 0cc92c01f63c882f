//! Pairs of minimal documents, and versions of real ones, that lie beside the project. Where the folder is missing,
//! only the documents in `rules.rs` and `forms.rs` are compared.

use std::path::PathBuf;

use super::super::{Breaks, diff, load};
use super::mirrors;

fn folder(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/documents").join(name);
    folder.is_dir().then_some(folder)
}

/// What each pair breaks. Of those with `same`, the messages are the same: nothing but names and texts may differ.
const VERDICTS: &[(&str, &str)] = &[
    ("d01-readonly-required", "servers"),
    ("d02-readonly-narrowed", "servers"),
    ("d04-deepobject-enum", "clients"),
    ("d05-single-to-oneof", "clients servers"),
    ("d06-required-with-default", "clients servers"),
    ("d08-allof-move", "same"),
    ("d10-allof-one-unwrapped", "same"),
    ("d12-form-defaults-written", "same"),
    ("d13-exploded-object", "same"),
    ("d14-30-to-31", "same"),
    ("d15-nullable-ref-30-to-31", "same"),
    ("d16-ref-sibling-31", "clients"),
    ("d17-oneof-order", "same"),
    ("d18-oneof-insert-front", "clients"),
    ("d19-path-param-renamed", "same"),
    ("d20-media-charset", "same"),
    ("d21-server-path", "clients servers"),
    ("d22-additional-false-removed-request", "servers"),
    ("d23-response-now-required", "servers"),
    ("d24-integer-number", "servers"),
    ("d25-security-or-to-and", "clients"),
    ("d26-security-scope", "clients"),
    ("d27-discriminator-mapping", "clients servers"),
    ("d28-param-to-path", "same"),
    ("d29-default-to-4xx5xx", "same"),
    ("d30-status", "clients servers"),
    ("d32-patternprops-31", "clients"),
    ("d33-inline-to-ref-same", "same"),
    ("d34-format-added-response", "servers"),
    ("d35-header-case", "same"),
    ("d36-empty-required", "same"),
    ("d37-implicit-object", "same"),
    ("d38-security-made-public", "servers"),
    ("d39-anyof-null-vs-type-list-31", "same"),
    ("d40-operation-added", "servers"),
    ("d41-optional-request-property-added", "servers"),
    ("d42-error-status-added", "same"),
    ("d44-additional-schema-true", "same"),
];

#[test]
fn every_pair_has_its_verdict() {
    let Some(folder) = folder("cases") else { return };
    let mut wrong = Vec::new();
    for (name, expected) in VERDICTS {
        let side = |side: &str| load(&folder.join(format!("{name}.{side}.json"))).unwrap();
        let (old, new) = (side("old"), side("new"));
        for (one, other, direction) in [(&old, &new, "forth"), (&new, &old, "back")] {
            let changes = diff(one, other);
            let breaks = changes.iter().fold(Breaks::NEITHER, |all, change| all.or(change.breaks));
            let found = match breaks.names() {
                names if names.is_empty() => "same".to_owned(),
                names => names.join(" "),
            };
            let mirrored = match *expected {
                "clients" => "servers",
                "servers" => "clients",
                other => other,
            };
            let expected = if direction == "forth" { expected } else { mirrored };
            if found != expected {
                wrong.push(format!("{name} {direction}: {found}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let known = std::fs::read_dir(&folder).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
        name.starts_with('d') && name.ends_with(".old.json")
    });
    assert_eq!(known.count(), VERDICTS.len(), "a pair has no verdict here");
}

#[test]
fn versions_of_real_documents_are_mirrored() {
    let Some(folder) = folder("bumps") else { return };
    for (old, new) in [
        ("qdrant-1.18.json", "qdrant-1.19.json"),
        ("nexus-2026060300.0.0-b703fb.json", "nexus-2026072800.0.0-acf991.json"),
    ] {
        let (one, other) = (load(&folder.join(old)).unwrap(), load(&folder.join(new)).unwrap());
        assert_eq!(diff(&one, &one), []);
        let changes = diff(&one, &other);
        assert!(!changes.is_empty(), "{old}");
        mirrors(&changes, &diff(&other, &one));
    }
}
