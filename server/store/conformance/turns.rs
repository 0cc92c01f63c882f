//! Rules of threads: one run per turn, listed from the last turn to the first.

use super::fixture::{TENANT, go_on, run, start};
use crate::{Store, StoreError};

async fn turns(store: &dyn Store, thread: &str, before: Option<u64>, limit: usize) -> Vec<u64> {
    let rows = store.turns(TENANT, thread, before, limit).await.unwrap();
    assert!(rows.iter().all(|row| row.turn.as_ref().is_some_and(|turn| turn.thread == thread)));
    rows.into_iter().map(|row| row.turn.unwrap().number).collect()
}

pub async fn a_turn_is_taken_once(store: &dyn Store) {
    start(1).turn("t", 2).lands(store).await;
    let taken = start(2).turn("t", 2).commit(store).await;
    assert!(
        matches!(&taken, Err(StoreError::TurnTaken { turn, run: first }) if turn.number == 2 && *first == run(1)),
        "{taken:?}"
    );
    assert_eq!(store.row(TENANT, run(2)).await.unwrap(), None, "nothing was written");
    let named = start(2).name("n").turn("t", 2);
    start(3).name("n").lands(store).await;
    assert!(matches!(named.commit(store).await, Err(StoreError::NameTaken { .. })), "the name is checked first");
    start(4).turn("t", 3).lands(store).await;
    start(5).turn("u", 2).lands(store).await;
    start(6).tenant("other").turn("t", 2).lands(store).await;
    go_on(1, 1).turn("t", 2).lands(store).await;
    let moved = go_on(1, 2).turn("t", 4).commit(store).await;
    assert!(matches!(moved, Err(StoreError::Failed(_))), "a run keeps its turn: {moved:?}");
}

pub async fn turns_are_listed_from_the_last(store: &dyn Store) {
    // The order is by number, not by time.
    for (n, number) in [(9, 2), (5, 3), (7, 4), (1, 11)] {
        start(n).turn("t", number).lands(store).await;
    }
    start(20).lands(store).await;
    start(21).turn("u", 1).lands(store).await;
    assert_eq!(turns(store, "t", None, 9).await, [11, 4, 3, 2]);
    assert_eq!(turns(store, "t", None, 1).await, [11]);
    assert_eq!(turns(store, "t", Some(11), 2).await, [4, 3]);
    assert_eq!(turns(store, "t", Some(2), 9).await, [0; 0]);
    assert_eq!(turns(store, "unknown", None, 9).await, [0; 0]);
    let listed = store.turns(TENANT, "t", Some(4), 1).await.unwrap();
    assert_eq!(listed, [store.row(TENANT, run(5)).await.unwrap().unwrap()]);
}
