//! Objects as types, over the memory store.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::*;
use crate::store::memory::Memory;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tool {
    color: String,
}

impl ObjectType for Tool {
    const KIND: &'static str = "test.tool";
}

/// Another type for what `Tool` wrote.
#[derive(Debug, Serialize, Deserialize)]
struct Weight {
    grams: u32,
}

impl ObjectType for Weight {
    const KIND: &'static str = "test.tool";
}

fn objects() -> (Objects, Clock) {
    let clock = Clock::manual(1_000);
    (Objects::new(Arc::new(Memory::new()), clock.clone()), clock)
}

fn new(id: &str) -> New<Tool> {
    New { id: id.into(), name: Some(format!("the {id}")), parent: None, body: Tool { color: "red".into() } }
}

#[tokio::test]
async fn a_version_that_was_read_is_replaced_once() {
    let (objects, clock) = objects();
    let created = objects.create("acme", new("a")).await.unwrap();
    assert_eq!((created.version, created.created_at_ms, created.updated_at_ms), (1, 1_000, 1_000));
    let taken = objects.create("acme", new("a")).await;
    assert!(matches!(taken, Err(Error::Stale { found: 1, .. })), "{taken:?}");

    clock.advance(Duration::from_millis(5));
    let read: Stored<Tool> = objects.named("acme", "the a").await.unwrap().unwrap();
    let blue = Stored { body: Tool { color: "blue".into() }, ..read.clone() };
    let now = objects.replace("acme", blue).await.unwrap();
    assert_eq!((now.version, now.updated_at_ms, now.body.color.as_str()), (2, 1_005, "blue"));
    let late = objects.replace("acme", read.clone()).await;
    assert!(matches!(late, Err(Error::Stale { found: 2, .. })), "{late:?}");
    assert_eq!(objects.get::<Tool>("acme", "a").await.unwrap(), Some(now));
    assert_eq!(objects.get::<Tool>("other", "a").await.unwrap(), None);

    let gone = objects.change("acme", vec![Change::create(&new("b")), Change::delete(&read)]).await;
    assert!(matches!(gone, Err(Error::Stale { .. })), "{gone:?}");
    assert_eq!(objects.get::<Tool>("acme", "b").await.unwrap(), None, "together or not at all");
    assert!(objects.delete::<Tool>("acme", "a").await.unwrap());
    assert!(!objects.delete::<Tool>("acme", "a").await.unwrap());
}

#[tokio::test]
async fn a_taken_name_names_the_object_that_has_it() {
    let (objects, _) = objects();
    objects.create("acme", new("a")).await.unwrap();
    let taken = objects.create("acme", New { name: Some("the a".into()), ..new("b") }).await.unwrap_err();
    assert_eq!(taken.to_string(), "the name `the a` is taken by test.tool `a`");
}

#[tokio::test]
async fn an_object_of_another_type_is_named_and_not_quoted() {
    let (objects, _) = objects();
    objects.create("acme", new("a")).await.unwrap();
    let unreadable = objects.get::<Weight>("acme", "a").await.unwrap_err().to_string();
    assert!(unreadable.contains("test.tool `a`") && !unreadable.contains("red"), "{unreadable}");
}

#[tokio::test]
async fn lists_continue_after_the_cursor() {
    let (objects, clock) = objects();
    for id in ["a", "b", "c"] {
        objects.create("acme", New { parent: (id != "b").then(|| "p".into()), ..new(id) }).await.unwrap();
        clock.advance(Duration::from_millis(1));
    }
    let page = objects.list::<Tool>("acme", None, None, 2).await.unwrap();
    let after = page.last().unwrap().cursor();
    assert_eq!(page.iter().map(|tool| tool.id.as_str()).collect::<Vec<_>>(), ["c", "b"]);
    assert_eq!(objects.list::<Tool>("acme", None, Some(&after), 2).await.unwrap()[0].id, "a");
    assert_eq!(objects.list::<Tool>("acme", Some("p"), None, 9).await.unwrap().len(), 2);
}
