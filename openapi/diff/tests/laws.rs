//! Properties over arbitrary edits of the project's documents: no edit is no change, nothing panics, and undoing
//! mirrors a change.

use std::sync::LazyLock;

use proptest::prelude::*;
use runyard_api::DOCUMENTS;
use serde_json::{Value, json};

use super::super::diff;
use super::mirrors;

/// The project's documents with all overlays.
static OURS: LazyLock<Vec<Value>> =
    LazyLock::new(|| DOCUMENTS.iter().map(|(document, _)| serde_json::from_str(document.full_json).unwrap()).collect());

/// Pointers to everything in a tree.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, one)| pointers(one, &format!("{at}/{}", escape(key)), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, one)| pointers(one, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
    found.push(at.to_owned());
}

/// Replacements for any part: other kinds of values, and pieces of documents.
fn pieces() -> impl Strategy<Value = Option<Value>> {
    let pieces = [
        None,
        Some(Value::Null),
        Some(json!(true)),
        Some(json!(7)),
        Some(json!("string")),
        Some(json!([])),
        Some(json!({})),
        Some(json!(["queued", "null", 3])),
        Some(json!({ "type": "integer", "minimum": 3, "default": 4 })),
        Some(
            json!({ "type": "object", "properties": { "run_id": {}, "new": { "type": "string" } }, "required": ["new"] }),
        ),
        Some(json!({ "$ref": "#/components/schemas/Extensions" })),
        Some(json!({ "$ref": "#/nowhere" })),
        Some(json!({ "oneOf": [{ "$ref": "#/components/schemas/Run" }, { "type": "string" }] })),
    ];
    prop::sample::select(pieces.to_vec())
}

fn edited(document: &Value, edits: &[(prop::sample::Index, Option<Value>)]) -> Value {
    let mut document = document.clone();
    for (index, piece) in edits {
        let mut all = Vec::new();
        pointers(&document, "", &mut all);
        let pointer = index.get(&all);
        match (piece, pointer.rsplit_once('/')) {
            (Some(piece), _) => *document.pointer_mut(pointer).unwrap() = piece.clone(),
            (None, Some((parent, key))) => match document.pointer_mut(parent).unwrap() {
                Value::Object(fields) => _ = fields.shift_remove(&key.replace("~1", "/").replace("~0", "~")),
                Value::Array(items) => _ = items.remove(key.parse().unwrap()),
                _ => {}
            },
            (None, None) => {}
        }
    }
    document
}

#[test]
fn the_same_is_no_change() {
    for document in OURS.iter() {
        assert_eq!(diff(document, document), []);
    }
}

#[test]
fn each_of_ours_against_each_other_is_mirrored() {
    for one in OURS.iter() {
        for other in OURS.iter() {
            mirrors(&diff(one, other), &diff(other, one));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_edit_is_found_and_undone_by_its_mirror(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), pieces()), 1..6),
    ) {
        let old = which.get(&OURS);
        let new = edited(old, &edits);
        let forth = diff(old, &new);
        prop_assert_eq!(&forth, &diff(old, &new), "the same every time");
        prop_assert!(diff(&new, &new).is_empty());
        mirrors(&forth, &diff(&new, old));
    }
}
