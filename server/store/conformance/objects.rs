//! Rules of small objects: written at the expected version, found by id and name, listed newest first, and changed
//! together or not at all.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::memory::Memory;
use crate::object::{Change, Object, ObjectCursor, ObjectError, ObjectStore, ObjectWrite};

fn put(id: &str, at_ms: i64) -> ObjectWrite {
    ObjectWrite {
        kind: "tool".into(),
        id: id.into(),
        name: None,
        parent: None,
        body: format!("{{\"of\":\"{id}\"}}"),
        expected: 0,
        at_ms,
    }
}

fn delete(id: &str, expected: Option<u64>) -> Change {
    Change::Delete { kind: "tool".into(), id: id.into(), expected }
}

/// Applies one change of `acme`.
async fn change(store: &dyn ObjectStore, change: Change) -> Result<Option<Object>, ObjectError> {
    store.change_objects("acme", vec![change]).await.map(|mut now| now.pop())
}

async fn kept(store: &dyn ObjectStore, one: ObjectWrite) -> Object {
    change(store, Change::Put(one)).await.unwrap().unwrap()
}

async fn get(store: &dyn ObjectStore, id: &str) -> Option<Object> {
    store.object("acme", "tool", id).await.unwrap()
}

async fn listed(store: &dyn ObjectStore, parent: Option<&str>, after: Option<&ObjectCursor>, limit: usize) -> String {
    let found = store.objects("acme", "tool", parent, after, limit).await.unwrap();
    found.into_iter().map(|object| object.id).collect::<Vec<_>>().join(" ")
}

/// The version that was found instead of the expected one.
fn stale(answer: Result<Option<Object>, ObjectError>) -> u64 {
    match answer {
        Err(ObjectError::Stale { kind, found, .. }) if kind == "tool" => found,
        other => panic!("{other:?}"),
    }
}

pub async fn an_object_is_what_was_put(store: &dyn ObjectStore) {
    let full = ObjectWrite { name: Some("Zähler".into()), parent: Some("büro".into()), ..put("a", 7) };
    let first = kept(store, full.clone()).await;
    assert_eq!((first.version, first.created_at_ms, first.updated_at_ms), (1, 7, 7));
    assert_eq!((&first.name, &first.parent, &first.body), (&full.name, &full.parent, &full.body));
    assert_eq!(get(store, "a").await.as_ref(), Some(&first));
    assert_eq!(store.object_named("acme", "tool", "Zähler").await.unwrap(), Some(first.clone()));

    let second = kept(store, ObjectWrite { body: "[2]".into(), expected: 1, ..put("a", 9) }).await;
    let expected =
        Object { name: None, parent: None, version: 2, updated_at_ms: 9, body: "[2]".into(), ..first.clone() };
    assert_eq!(second, expected, "name and parent are put like the rest; creation stays");
    assert_eq!(get(store, "a").await, Some(second));
    assert_eq!(store.object_named("acme", "tool", "Zähler").await.unwrap(), None);
    assert_eq!(listed(store, Some("büro"), None, 9).await, "");
}

pub async fn an_object_is_written_at_the_version_seen(store: &dyn ObjectStore) {
    assert_eq!(stale(change(store, Change::Put(ObjectWrite { expected: 1, ..put("a", 1) })).await), 0);
    kept(store, put("a", 1)).await;
    assert_eq!(stale(change(store, Change::Put(put("a", 2))).await), 1, "it is there already");
    assert_eq!(stale(change(store, Change::Put(ObjectWrite { expected: 2, ..put("a", 2) })).await), 1);
    assert_eq!(stale(change(store, delete("a", Some(2))).await), 1);
    assert_eq!(stale(change(store, delete("b", None)).await), 0);
    assert_eq!(stale(change(store, delete("b", Some(0))).await), 0);
    assert_eq!(get(store, "a").await.unwrap().updated_at_ms, 1, "nothing was written");

    assert!(change(store, delete("a", Some(1))).await.unwrap().is_none());
    assert_eq!(get(store, "a").await, None);
    assert_eq!(kept(store, put("a", 5)).await.created_at_ms, 5, "another one under the same id");
    assert!(change(store, delete("a", None)).await.unwrap().is_none());
    assert_eq!(listed(store, None, None, 9).await, "");
}

pub async fn a_name_is_unique_in_its_kind(store: &dyn ObjectStore) {
    let named = |id: &str, expected| ObjectWrite { name: Some("n".into()), expected, ..put(id, 1) };
    kept(store, named("a", 0)).await;
    kept(store, put("b", 2)).await;
    for (id, expected) in [("b", 1), ("c", 0)] {
        let taken = change(store, Change::Put(named(id, expected))).await;
        assert!(
            matches!(&taken, Err(ObjectError::NameTaken { id, name, .. }) if id == "a" && name == "n"),
            "{taken:?}"
        );
    }
    assert_eq!(stale(change(store, Change::Put(named("b", 7))).await), 1, "the version is checked first");
    assert_eq!(kept(store, named("a", 1)).await.version, 2, "one keeps its own");
    for (tenant, kind) in [("acme", "workflow"), ("other", "tool")] {
        let other = ObjectWrite { kind: kind.into(), ..named("c", 0) };
        store.change_objects(tenant, vec![Change::Put(other)]).await.unwrap();
    }
    kept(store, ObjectWrite { expected: 2, ..put("a", 3) }).await;
    kept(store, named("c", 0)).await;
    assert_eq!(store.object_named("acme", "tool", "n").await.unwrap().unwrap().id, "c", "given up, taken up");
}

pub async fn objects_change_together_or_not_at_all(store: &dyn ObjectStore) {
    let before = kept(store, put("a", 1)).await;
    let again = ObjectWrite { body: "2".into(), expected: 1, ..put("a", 2) };
    let refused = store
        .change_objects(
            "acme",
            vec![Change::Put(put("b", 2)), Change::Put(again.clone()), delete("a", Some(2)), Change::Put(put("b", 3))],
        )
        .await;
    assert!(matches!(refused, Err(ObjectError::Stale { ref id, found: 1, .. }) if id == "b"), "{refused:?}");
    assert_eq!((get(store, "a").await, get(store, "b").await), (Some(before), None));

    // A change sees the changes before it: it may take a name that one of them gives up.
    let moves = |id: &str, name: Option<&str>, expected| {
        Change::Put(ObjectWrite { name: name.map(str::to_owned), expected, ..put(id, 4) })
    };
    store.change_objects("acme", vec![moves("b", Some("live"), 0)]).await.unwrap();
    let now =
        store.change_objects("acme", vec![moves("b", None, 1), moves("c", Some("live"), 0), delete("a", None)]).await;
    let now: Vec<(String, u64)> = now.unwrap().into_iter().map(|object| (object.id, object.version)).collect();
    assert_eq!(now, [("b".to_owned(), 2), ("c".to_owned(), 1)]);
    assert_eq!(store.object_named("acme", "tool", "live").await.unwrap().unwrap().id, "c");
    assert_eq!(listed(store, None, None, 9).await, "c b");
    assert_eq!(store.change_objects("acme", Vec::new()).await.unwrap(), []);
}

pub async fn objects_are_listed_newest_first(store: &dyn ObjectStore) {
    for (id, parent, at_ms) in [("a", "x", 1), ("c", "y", 2), ("b", "x", 2), ("d", "x", 3)] {
        kept(store, ObjectWrite { parent: Some(parent.into()), ..put(id, at_ms) }).await;
    }
    kept(store, put("e", 4)).await;
    let other = ObjectWrite { kind: "toolbox".into(), ..put("f", 5) };
    store.change_objects("acme", vec![Change::Put(other)]).await.unwrap();
    store.change_objects("acme-2", vec![Change::Put(put("g", 6))]).await.unwrap();

    assert_eq!(listed(store, None, None, 9).await, "e d c b a");
    assert_eq!(listed(store, Some("x"), None, 9).await, "d b a");
    assert_eq!(listed(store, Some("z"), None, 9).await, "");
    assert_eq!(listed(store, None, None, 0).await, "");
    let mut after = None;
    let mut pages = Vec::new();
    while let page = store.objects("acme", "tool", None, after.as_ref(), 2).await.unwrap()
        && let Some(last) = page.last()
    {
        after = Some(last.cursor());
        // Objects that are created meanwhile are newer and do not shift the pages.
        kept(store, put(&format!("new-{}", pages.len()), 10)).await;
        pages.push(page.iter().map(|object| object.id.clone()).collect::<Vec<_>>().join(""));
    }
    assert_eq!(pages, ["ed", "cb", "a"]);
    let cursor = ObjectCursor { created_at_ms: 2, id: "bb".into() };
    assert_eq!(listed(store, Some("x"), Some(&cursor), 9).await, "b a", "the cursor need not be of the list");
}

fn any_change() -> impl Strategy<Value = Change> {
    let text = |many: u8| (0..many).prop_map(|n| format!("{n}"));
    let drawn = (text(3), proptest::option::of(text(2)), proptest::option::of(text(2)), 0_u64..3, 0_i64..5);
    prop_oneof![
        4 => drawn.prop_map(|(id, name, parent, expected, at_ms)| {
            Change::Put(ObjectWrite { name, parent, expected, ..put(&id, at_ms) })
        }),
        1 => (text(3), proptest::option::of(0_u64..3)).prop_map(|(id, expected)| delete(&id, expected)),
    ]
}

/// Compares a backend's objects with those of [`Memory`] after each of some random changes.
///
/// # Panics
/// The objects differ.
pub fn compare<K, S: ObjectStore>(open: impl Fn() -> (K, S)) {
    // As in `model.rs`.
    let config = ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() };
    let run = TestRunner::new(config).run(&vec(vec(any_change(), 1..4), 1..30), |steps| {
        let (_kept, store) = open();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(agree(&store, steps));
        Ok(())
    });
    run.unwrap();
}

async fn agree(store: &dyn ObjectStore, steps: Vec<Vec<Change>>) {
    let memory = Memory::new();
    for step in steps {
        let (expected, found) =
            (memory.change_objects("acme", step.clone()).await, store.change_objects("acme", step.clone()).await);
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "after {step:?}");
        for parent in [None, Some("0")] {
            let (expected, found) = (
                memory.objects("acme", "tool", parent, None, 9).await.unwrap(),
                store.objects("acme", "tool", parent, None, 9).await.unwrap(),
            );
            assert_eq!(found, expected, "of {parent:?} after {step:?}");
        }
    }
}
