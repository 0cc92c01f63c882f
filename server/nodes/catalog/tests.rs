//! Tests of the catalogue: resolving, listing, and schemas that match the types.

use runyard_engine::{NodeKind, NodeTypeRef, Object};
use serde_json::{Value, json};

use super::Catalog;

fn asked(id: &str, version: &str) -> NodeTypeRef {
    NodeTypeRef { id: id.to_owned(), version: version.to_owned() }
}

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

/// The violations, one per line, or `fits`.
fn judge(id: &str, inputs: Value) -> String {
    let catalog = Catalog::builtin();
    let entry = catalog.entry(id, "1.0.0").unwrap();
    match entry.validate_inputs(&object(inputs)) {
        Ok(()) => "fits".to_owned(),
        Err(found) => found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

#[test]
fn versions_resolve_exactly_by_prefix_and_by_latest() {
    let catalog = Catalog::builtin();
    for version in ["1.0.0", "1.0", "1", "latest"] {
        let found = catalog.resolve(&asked("runyard.core.echo", version)).unwrap();
        assert_eq!((found.id.as_str(), found.version.as_str()), ("runyard.core.echo", "1.0.0"));
        assert_eq!(found.asked, asked("runyard.core.echo", version));
        assert_eq!(found.input_schema_sha256.map(|hash| hash.len()), Some(64));
    }
}

#[test]
fn an_unknown_version_names_those_that_exist() {
    let catalog = Catalog::builtin();
    for version in ["2", "1.0.0.0", "1.", "", "10", "v1", "1.0.1"] {
        let error = catalog.resolve(&asked("runyard.core.echo", version)).unwrap_err();
        assert_eq!(error.versions, ["1.0.0"], "version {version:?}");
    }
    let error = catalog.resolve(&asked("runyard.core.echo", "2")).unwrap_err();
    insta::assert_snapshot!(error, @"node type `runyard.core.echo` has no version `2`; it has 1.0.0 (a prefix such as `1`, or `latest`, will do)");
}

#[test]
fn an_unknown_id_names_the_nearest() {
    let catalog = Catalog::builtin();
    let nearest = |id: &str| catalog.resolve(&asked(id, "1.0.0")).unwrap_err().nearest;
    assert_eq!(nearest("runyard.core.ecko")[0], "runyard.core.echo");
    assert_eq!(nearest("jarvis.core.uuid")[0], "jarvis.core.uuid4");
    assert!(nearest("uuid4").contains(&"runyard.core.uuid4".to_owned()));
    assert_eq!(nearest(&"x".repeat(100_000)).len(), 3);
    let error = catalog.resolve(&asked("runyard.core.sleeep", "1")).unwrap_err();
    insta::assert_snapshot!(error, @"node type `runyard.core.sleeep` is not known; the nearest are runyard.core.sleep, jarvis.core.sleep, runyard.core.echo");
}

#[test]
fn an_alias_resolves_in_any_version_and_echoes_what_was_asked() {
    let catalog = Catalog::builtin();
    for version in ["0.3.3", "0.3.8", "latest", ""] {
        let found = catalog.resolve(&asked("jarvis.composite.planner.general", version)).unwrap();
        assert_eq!((found.id.as_str(), found.kind), ("runyard.composite.planner.general", NodeKind::Plan));
        assert_eq!(found.asked, asked("jarvis.composite.planner.general", version));
    }
    assert_eq!(catalog.canonical("jarvis.core.hash.sha256"), Some("runyard.core.hash.sha256"));
    assert_eq!(catalog.canonical("runyard.core.sleep"), Some("runyard.core.sleep"));
    assert_eq!(catalog.canonical("jarvis.web.fetch"), Some("runyard.web.fetch"));
    assert_eq!(catalog.canonical("jarvis.web.search"), None);
}

#[test]
fn the_list_is_searched_by_id_alias_and_description() {
    let catalog = Catalog::builtin();
    let ids = |query: &str| catalog.list(query).iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids("").len(), 23);
    assert_eq!(ids("UUID"), ["runyard.core.uuid4"]);
    assert_eq!(ids("jarvis.core.sleep"), ["runyard.core.sleep"]);
    assert_eq!(ids("digest"), ["runyard.core.hash.sha256"]);
    assert!(ids("no such thing").is_empty());
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let shown: Vec<Value> = Catalog::builtin()
        .entries()
        .iter()
        .map(|entry| json!({ "id": entry.id, "inputs": entry.input_schema, "outputs": entry.output_schema }))
        .collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/planner"));
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("catalog", serde_json::to_string_pretty(&shown).unwrap()));
}

#[test]
fn inputs_are_judged_field_by_field_and_never_shown() {
    let secret = "hunter2";
    insta::assert_snapshot!(judge("runyard.core.echo", json!({})), @"/echo is required");
    insta::assert_snapshot!(judge("runyard.core.echo", json!({ "echo": 3, "a/b": secret })), @"/a~1b is not known here; /echo must be string");
    insta::assert_snapshot!(judge("runyard.core.sleep", json!({ "seconds": -1 })), @"/seconds must be at least 0");
    insta::assert_snapshot!(judge("runyard.core.sleep", json!({ "seconds": 1e300 })), @"/seconds must be at most 31622400");
    insta::assert_snapshot!(judge("runyard.core.sleep", json!({ "seconds": null, "duration_seconds": 0.5 })), @"fits");
    insta::assert_snapshot!(judge("runyard.core.sleep", json!({ "seconds": secret })), @"/seconds must be null or number");
    insta::assert_snapshot!(judge("runyard.core.uuid4", json!({ "x": secret })), @"/x is not known here");
    insta::assert_snapshot!(judge("runyard.core.hash.sha256", json!({})), @"/text or /content_base64 is required");
    insta::assert_snapshot!(judge("runyard.core.hash.sha256", json!({ "text": "a", "content_base64": "YQ==" })), @"/text and /content_base64 must not both be given");
    insta::assert_snapshot!(judge("runyard.core.hash.sha256", json!({ "text": "a", "content_base64": null, "encoding": null })), @"fits");
    insta::assert_snapshot!(judge("runyard.core.hash.sha256", json!({ "text": "a", "encoding": "latin-1" })), @"/encoding must be utf-8, the only encoding supported");
    insta::assert_snapshot!(judge("runyard.core.hash.sha256", json!({ "content_base64": secret })), @"/content_base64 must be base64 (RFC 4648, with padding)");
    insta::assert_snapshot!(judge("runyard.composite.planner.general", json!({ "goal": 1, "max_steps": 0 })), @"/goal must be null or string; /max_steps must be at least 1");
    insta::assert_snapshot!(judge("runyard.composite.external", json!({ "anything": [1, null] })), @"fits");
}

#[test]
fn a_main_output_is_the_only_one() {
    let catalog = Catalog::builtin();
    let main = |id: &str| catalog.entry(id, "1.0.0").unwrap().main_output().map(str::to_owned);
    assert_eq!(main("runyard.core.uuid4").as_deref(), Some("uuid4"));
    assert_eq!(main("runyard.core.sleep").as_deref(), Some("slept_seconds"));
    assert_eq!(main("runyard.composite.planner.general"), None);
    assert_eq!(main("runyard.composite.external"), None);
}
