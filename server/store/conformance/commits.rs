//! Rules of commits: versions, names, keys, and the independence of entries.

use futures::future::join_all;
use runyard_engine::RunStatus;

use super::fixture::{TENANT, effect, event, go_on, positions, run, start};
use crate::{Committed, Store, StoreError};

pub async fn an_append_gets_the_next_positions(store: &dyn Store) {
    start(1).events(3).lands(store).await;
    go_on(1, 3).events(2).lands(store).await;

    assert_eq!(positions(store, 1).await, [1, 2, 3, 4, 5]);
    let last = store.log(TENANT, run(1), 4, 10).await.unwrap();
    assert_eq!((last[0].at_ms, &last[0].event), (1, &event(5)));
}

pub async fn a_wrong_version_conflicts_and_writes_nothing(store: &dyn Store) {
    start(1).lands(store).await;

    for (expected, entry) in [(0, start(1)), (2, go_on(1, 2)), (7, go_on(1, 7))] {
        let refused = entry.node_run(5).asks(effect(5, 0)).key("start_run", "k").commit(store).await.unwrap_err();
        match refused {
            StoreError::Conflict { run: which, expected: given, found: 1 } => {
                assert_eq!((which, given), (run(1), expected))
            }
            other => panic!("expected a conflict, got {other:?}"),
        }
    }
    let unknown = go_on(2, 4).commit(store).await.unwrap_err();
    assert!(matches!(unknown, StoreError::Conflict { expected: 4, found: 0, .. }), "{unknown:?}");

    assert_eq!(positions(store, 1).await, [1]);
    assert_eq!(store.run_of(TENANT, super::fixture::node_run(5)).await.unwrap(), None);
    assert_eq!(store.keyed(TENANT, "start_run", "k").await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), None);
}

pub async fn each_entry_succeeds_or_fails_alone(store: &dyn Store) {
    start(1).lands(store).await;
    let mut broken = start(4);
    broken.0.row.version = 9;
    let entries = [start(2), go_on(1, 5), broken, start(3), go_on(1, 1)];

    let answers = store.commit(entries.map(|draft| draft.0).into()).await;

    assert_eq!(answers.len(), 5);
    assert_eq!(answers[0].as_ref().unwrap(), &Committed { version: 1 });
    assert!(matches!(answers[1], Err(StoreError::Conflict { expected: 5, found: 1, .. })), "{:?}", answers[1]);
    assert!(matches!(answers[2], Err(StoreError::Failed(_))), "{:?}", answers[2]);
    assert_eq!(answers[3].as_ref().unwrap(), &Committed { version: 1 });
    assert_eq!(answers[4].as_ref().unwrap(), &Committed { version: 2 });
    assert_eq!(positions(store, 1).await, [1, 2]);
    assert!(positions(store, 4).await.is_empty());
}

pub async fn an_entry_sees_those_before_it(store: &dyn Store) {
    let entries = [
        start(1).name("a").key("start_run", "k"),
        go_on(1, 1).name("a"),
        start(2).name("a"),
        start(3).key("start_run", "k"),
        go_on(1, 1).name("a"),
    ];

    let answers = store.commit(entries.map(|draft| draft.0).into()).await;

    assert!(answers[0].is_ok() && answers[1].is_ok(), "{answers:?}");
    assert!(
        matches!(&answers[2], Err(StoreError::NameTaken { run: first, .. }) if *first == run(1)),
        "{:?}",
        answers[2]
    );
    assert!(matches!(&answers[3], Err(StoreError::KeyTaken(taken)) if taken.run == run(1)), "{:?}", answers[3]);
    assert!(matches!(answers[4], Err(StoreError::Conflict { found: 2, .. })), "{:?}", answers[4]);
}

pub async fn a_name_is_unique_in_its_tenant(store: &dyn Store) {
    start(1).name("nightly").lands(store).await;

    let taken = start(2).name("nightly").commit(store).await.unwrap_err();
    match taken {
        StoreError::NameTaken { name, run: who } => assert_eq!((name.as_str(), who), ("nightly", run(1))),
        other => panic!("expected a taken name, got {other:?}"),
    }
    start(3).tenant("other").name("nightly").lands(store).await;
    start(4).name("Nightly").lands(store).await;

    assert_eq!(store.named(TENANT, "nightly").await.unwrap(), Some(run(1)));
    assert_eq!(store.named("other", "nightly").await.unwrap(), Some(run(3)));
    assert_eq!(store.named(TENANT, "weekly").await.unwrap(), None);
    assert_eq!(store.row(TENANT, run(2)).await.unwrap(), None);
}

pub async fn a_key_is_used_once(store: &dyn Store) {
    start(1).key("start_run", "k").lands(store).await;

    let taken = start(2).key("start_run", "k").commit(store).await.unwrap_err();
    let StoreError::KeyTaken(found) = taken else { panic!("expected a taken key, got {taken:?}") };
    assert_eq!((found.run, found.fingerprint.as_slice()), (run(1), [7; 32].as_slice()));
    start(3).key("publish", "k").lands(store).await;
    start(4).tenant("other").key("start_run", "k").lands(store).await;

    let used = store.keyed(TENANT, "start_run", "k").await.unwrap().unwrap();
    assert_eq!((used.scope.as_str(), used.key.as_str(), used.run), ("start_run", "k", run(1)));
    assert_eq!(store.keyed("other", "start_run", "k").await.unwrap().unwrap().run, run(4));
    assert_eq!(store.keyed(TENANT, "start_run", "K").await.unwrap(), None);

    go_on(1, 1).events(0).key("start_run", "later").lands(store).await;
    assert_eq!(store.keyed(TENANT, "start_run", "later").await.unwrap().unwrap().run, run(1));
    assert_eq!(positions(store, 1).await, [1], "a key is no event");
}

pub async fn the_first_broken_rule_is_reported(store: &dyn Store) {
    start(1).name("n").key("start_run", "k").lands(store).await;

    let all = start(1).name("n").key("start_run", "k").settles(9, 1).commit(store).await;
    assert!(matches!(all, Err(StoreError::KeyTaken(_))), "{all:?}");
    let fenced = start(1).name("n").settles(9, 1).commit(store).await;
    assert!(matches!(fenced, Err(StoreError::Fenced { .. })), "{fenced:?}");
    let conflict = start(1).name("n").commit(store).await;
    assert!(matches!(conflict, Err(StoreError::Conflict { .. })), "{conflict:?}");
}

pub async fn an_append_that_breaks_its_own_rules_is_refused(store: &dyn Store) {
    let mut empty = start(1);
    empty.0.events.clear();
    empty.0.row.version = 0;
    let mut strange_row = start(1);
    strange_row.0.row.run = run(2);
    let mut strange_key = start(1).key("start_run", "k");
    strange_key.0.key.as_mut().unwrap().run = run(2);
    let mut far = start(1);
    far.0.expected = u64::MAX;
    let twice = start(1).asks(effect(1, 0)).asks(effect(1, 0));

    for broken in [empty, strange_row, strange_key, far, twice] {
        let refused = broken.commit(store).await;
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    }
    start(1).asks(effect(1, 0)).lands(store).await;
    let again = start(2).asks(effect(1, 0)).commit(store).await;
    assert!(matches!(again, Err(StoreError::Failed(_))), "{again:?}");
    assert_eq!(store.row(TENANT, run(2)).await.unwrap(), None);
}

pub async fn what_never_changes_in_a_row_is_kept(store: &dyn Store) {
    start(1).name("n").lands(store).await;

    let mut moved = go_on(1, 1).name("n");
    moved.0.row.api = "acp".into();
    for changed in [go_on(1, 1), go_on(1, 1).name("other"), go_on(1, 1).name("n").created(99), moved] {
        let refused = changed.commit(store).await;
        assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    }
    go_on(1, 1).name("n").lands(store).await;
}

pub async fn no_entries_no_answers(store: &dyn Store) {
    assert!(store.commit(Vec::new()).await.is_empty());
    store.ping().await.unwrap();
}

pub async fn one_of_many_wins_each_version(store: &dyn Store) {
    start(1).lands(store).await;

    for version in 1..=5 {
        let answers = join_all((0..20).map(|_| go_on(1, version).commit(store))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "exactly one moves the run on from version {version}");
        for answer in lost {
            assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
        }
    }
    assert_eq!(positions(store, 1).await, [1, 2, 3, 4, 5, 6]);
}

pub async fn many_runs_all_land(store: &dyn Store) {
    let each = |n| async move {
        start(n).asks(effect(n, 0)).node_run(n).lands(store).await;
        go_on(n, 1).events(2).lands(store).await;
    };
    join_all((0..200).map(each)).await;

    for n in 0..200 {
        assert_eq!(positions(store, n).await, [1, 2, 3]);
        let row = store.row(TENANT, run(n)).await.unwrap().unwrap();
        assert_eq!((row.version, row.status), (3, RunStatus::Running));
    }
    assert_eq!(store.claim("a", 0, 10, 1000).await.unwrap().len(), 200);
}
