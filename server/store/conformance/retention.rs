//! Rules of removal: finished runs are removed completely, and runs that are needed stay.

use runyard_engine::{Labels, RunId};

use super::fixture::{TENANT, approval_id, asked, effect, effect_id, go_on, node_run, positions, run, start};
use crate::approval::ApprovalFilter;
use crate::object::{Change, ObjectStore, ObjectWrite};
use crate::retention::{NEEDS, Removal, Retention, STARTED_BY};
use crate::{Cursor, Filter, LabelFilter, Status, Store};

/// Everything that the rules need.
pub trait Removing: Store + Retention + ObjectStore {}
impl<T: Store + Retention + ObjectStore> Removing for T {}

pub fn removal(n: u128, version: u64) -> Removal {
    Removal {
        run: run(n),
        version,
        labels: Labels::new(),
        thread: format!("own_{n}"),
        parent: None,
        closing_effects: Vec::new(),
    }
}

pub async fn removed(store: &dyn Removing, removals: Vec<Removal>, keys_before_ms: i64) -> Vec<RunId> {
    store.remove(TENANT, removals, keys_before_ms).await.unwrap()
}

/// Sweeps with this limit until nothing is left.
pub async fn swept(store: &dyn Removing, limit: usize) -> usize {
    let mut all = 0;
    loop {
        let some = store.sweep(limit).await.unwrap();
        all += some;
        if some < limit {
            return all;
        }
    }
}

pub async fn a_removed_run_is_found_in_no_way(store: &dyn Removing) {
    let label = |draft: super::fixture::Draft| draft.label("user", "ann").label("user", "bob");
    for n in [1, 2] {
        let draft = label(start(n)).name(&format!("name-{n}")).key("start_run", &format!("key-{n}"));
        draft
            .turn("thread", u64::try_from(n).unwrap())
            .node_run(if n == 1 { 0 } else { n })
            .approval(asked(n, run(n)))
            .lands(store)
            .await;
        let end = go_on(n, 1).events(3).name(&format!("name-{n}")).turn("thread", u64::try_from(n).unwrap());
        end.ends(Status::Succeeded, 100).lands(store).await;
    }
    let body = "{}".to_owned();
    let put = |n: u128| {
        let (kind, parent) = ("test.note".to_owned(), Some(run(n).to_string()));
        Change::Put(ObjectWrite {
            kind,
            id: n.to_string(),
            name: None,
            parent,
            body: body.clone(),
            expected: 0,
            at_ms: 1,
        })
    };
    store.change_objects(TENANT, vec![put(1), put(2)]).await.unwrap();

    let labels = Labels::from_iter([("user".to_owned(), ["ann".to_owned(), "bob".to_owned()].into())]);
    let first = Removal { labels, thread: "thread".into(), ..removal(1, 4) };
    assert_eq!(removed(store, vec![first], 200).await, [run(1)]);
    // Immediately, and after the logs are deleted.
    for sweeps in [false, true] {
        if sweeps {
            swept(store, 1).await;
        }
        assert_eq!(store.row(TENANT, run(1)).await.unwrap(), None);
        assert!(positions(store, 1).await.is_empty());
        assert_eq!(store.named(TENANT, "name-1").await.unwrap(), None);
        assert_eq!(store.keyed(TENANT, "start_run", "key-1").await.unwrap(), None);
        assert_eq!(store.approval(TENANT, approval_id(1)).await.unwrap(), None);
        assert_eq!(store.approvals(TENANT, &ApprovalFilter::default(), None, 9).await.unwrap().len(), 1);
        assert_eq!(store.turns(TENANT, "thread", None, 9).await.unwrap().len(), 1);
        assert_eq!(store.object(TENANT, "test.note", "1").await.unwrap(), None);
        assert_eq!(store.counts(TENANT).await.unwrap(), [(Status::Succeeded, 1)]);
        let user = LabelFilter { name: "user".into(), values: vec!["ann".into(), "bob".into()] };
        for filter in [Filter::default(), Filter { labels: vec![user], ..Filter::default() }] {
            let listed = store.list(TENANT, &filter, None, 9).await.unwrap();
            assert_eq!(listed.iter().map(|row| row.run).collect::<Vec<_>>(), [run(2)]);
        }
    }
    // The events of these tests all belong to this node run.
    assert_eq!(store.run_of(TENANT, node_run(0)).await.unwrap(), None);
    // The other run still has all its data.
    assert_eq!(positions(store, 2).await, [1, 2, 3, 4]);
    assert_eq!(store.named(TENANT, "name-2").await.unwrap(), Some(run(2)));
    assert_eq!(store.run_of(TENANT, node_run(2)).await.unwrap(), Some(run(2)));
    assert!(store.object(TENANT, "test.note", "2").await.unwrap().is_some());
    // Names and keys are free again.
    start(3).name("name-1").key("start_run", "key-1").lands(store).await;
}

pub async fn what_has_not_ended_or_moved_on_stays(store: &dyn Removing) {
    start(1).lands(store).await;
    start(2).status(Status::Waiting).lands(store).await;
    start(3).ends(Status::Failed, 5).lands(store).await;
    start(4).tenant("other").ends(Status::Failed, 5).lands(store).await;
    let all = vec![removal(1, 1), removal(2, 1), removal(3, 2), removal(4, 1), removal(5, 0)];
    assert_eq!(removed(store, all, 1_000).await, []);
    assert_eq!(removed(store, vec![removal(3, 1)], 1_000).await, [run(3)]);
    assert_eq!(removed(store, vec![removal(3, 1)], 1_000).await, [], "it is gone already");
    swept(store, 100).await;
    assert_eq!(swept(store, 100).await, 0, "nothing is swept twice");
    // A removed run cannot be continued and does not come back.
    assert!(go_on(3, 1).commit(store).await.is_err());
    assert!(positions(store, 3).await.is_empty());
    assert_eq!(positions(store, 1).await, [1]);
}

pub async fn runs_that_are_still_needed_stay(store: &dyn Removing) {
    // A thread whose last run has not ended, whether that is this run or another.
    start(1).ends(Status::Succeeded, 5).lands(store).await;
    start(2).turn("own_1", 2).lands(store).await;
    assert_eq!(removed(store, vec![removal(1, 1)], 1_000).await, []);
    go_on(2, 1).turn("own_1", 2).ends(Status::Succeeded, 6).lands(store).await;
    assert_eq!(removed(store, vec![removal(1, 1)], 1_000).await, [run(1)]);

    // A run that another run needs.
    start(3).ends(Status::Succeeded, 5).lands(store).await;
    start(4).label(NEEDS, &run(3).to_string()).lands(store).await;
    assert_eq!(removed(store, vec![removal(3, 1)], 1_000).await, []);
    go_on(4, 1).ends(Status::Canceled, 9).lands(store).await;
    assert_eq!(removed(store, vec![removal(3, 1)], 1_000).await, [run(3)]);

    // A run that has started an unfinished run, a run that an unfinished run has started, and a run that still has an
    // effect.
    start(8).ends(Status::Succeeded, 9).lands(store).await;
    start(9).label(STARTED_BY, &run(8).to_string()).lands(store).await;
    assert_eq!(removed(store, vec![removal(8, 1)], 1_000).await, []);
    go_on(9, 1).ends(Status::Succeeded, 10).lands(store).await;
    start(10).lands(store).await;
    let of = |parent: u128, n: u128| Removal { parent: Some(run(parent)), ..removal(n, 2) };
    assert_eq!(removed(store, vec![of(10, 9)], 1_000).await, []);
    start(11).asks(effect(1, 0)).ends(Status::Canceled, 11).lands(store).await;
    let asks = || Removal { closing_effects: vec![effect_id(1), effect_id(2)], ..removal(11, 1) };
    assert_eq!(removed(store, vec![asks()], 1_000).await, []);
    go_on(11, 1).events(0).ends(Status::Canceled, 11).drops(1).lands(store).await;
    assert_eq!(removed(store, vec![asks(), of(8, 9), removal(8, 1)], 1_000).await, [run(11), run(9), run(8)]);

    // A key that has not expired.
    start(7).key("start_run", "k").ends(Status::Succeeded, 8).lands(store).await;
    assert_eq!(removed(store, vec![removal(7, 1)], 7).await, []);
    assert!(store.keyed(TENANT, "start_run", "k").await.unwrap().is_some());
    assert_eq!(removed(store, vec![removal(7, 1)], 8).await, [run(7)]);
    assert!(store.keyed(TENANT, "start_run", "k").await.unwrap().is_none());
}

pub async fn the_oldest_come_first(store: &dyn Removing) {
    for n in 1..=5 {
        start(n).ends(if n == 3 { Status::Failed } else { Status::Succeeded }, 50).lands(store).await;
    }
    start(6).tenant("other").lands(store).await;
    assert_eq!(store.tenants().await.unwrap(), ["default", "other"]);
    let page = |after, limit| store.oldest(TENANT, Status::Succeeded, after, limit);
    let runs = |rows: Vec<crate::RunRow>| rows.into_iter().map(|row| row.run).collect::<Vec<_>>();
    assert_eq!(runs(page(None, 2).await.unwrap()), [run(1), run(2)]);
    assert_eq!(runs(page(Some(Cursor { created_at_ms: 2, run: run(2) }), 9).await.unwrap()), [run(4), run(5)]);
}
