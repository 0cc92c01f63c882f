//! Rules of labels, and of pages with an offset instead of a cursor.

use super::fixture::{TENANT, go_on, run, start};
use crate::{Cursor, Filter, LabelFilter, Status, Store};

fn label(name: &str, values: &[&str]) -> LabelFilter {
    LabelFilter { name: name.into(), values: values.iter().map(|value| (*value).to_owned()).collect() }
}

fn labelled(labels: Vec<LabelFilter>) -> Filter {
    Filter { labels, ..Filter::default() }
}

async fn listed(store: &dyn Store, filter: &Filter) -> Vec<i64> {
    let rows = store.list(TENANT, filter, None, 100).await.unwrap();
    let times: Vec<i64> = rows.iter().map(|row| row.created_at_ms).collect();
    assert_eq!(store.page(TENANT, filter, 0, 100).await.unwrap(), rows, "a page and a list are of one mind");
    times
}

async fn fill(store: &dyn Store) {
    start(1).label("user", "ann").lands(store).await;
    start(2).label("user", "bob").label("uses", "crm").lands(store).await;
    start(3).label("user", "ann").label("uses", "crm").label("uses", "mail").lands(store).await;
    start(4).lands(store).await;
    start(5).label("user", "ann").label("uses", "mail").status(Status::Waiting).lands(store).await;
}

pub async fn runs_are_found_by_their_labels(store: &dyn Store) {
    fill(store).await;

    let found = async |labels| listed(store, &labelled(labels)).await;
    assert_eq!(found(vec![]).await, [5, 4, 3, 2, 1]);
    assert_eq!(found(vec![label("user", &["ann"])]).await, [5, 3, 1]);
    assert_eq!(found(vec![label("user", &["ann", "bob"])]).await, [5, 3, 2, 1]);
    // A run that has two of the values is listed once.
    assert_eq!(found(vec![label("uses", &["mail", "crm", "mail"])]).await, [5, 3, 2]);
    assert_eq!(found(vec![label("user", &["ann"]), label("uses", &["crm"])]).await, [3]);
    assert_eq!(found(vec![label("uses", &["crm", "mail"]), label("user", &["bob", "ann"])]).await, [5, 3, 2]);
    assert!(found(vec![label("user", &["ANN"])]).await.is_empty());
    assert!(found(vec![label("ann", &["user"])]).await.is_empty());
    assert!(found(vec![label("user", &[])]).await.is_empty(), "a filter without values matches nothing");
    assert!(found(vec![label("user", &["ann"]), label("uses", &[])]).await.is_empty());
}

pub async fn labels_and_the_other_filters_work_together(store: &dyn Store) {
    fill(store).await;

    let ann = labelled(vec![label("user", &["ann"])]);
    assert_eq!(listed(store, &Filter { statuses: vec![Status::Waiting], ..ann.clone() }).await, [5]);
    let either = Filter { statuses: vec![Status::Running, Status::Waiting], ..ann.clone() };
    assert_eq!(listed(store, &either).await, [5, 3, 1]);
    assert_eq!(listed(store, &Filter { api: Some("run-gateway".into()), ..ann.clone() }).await, [5, 3, 1]);
    assert!(listed(store, &Filter { api: Some("acp".into()), ..ann.clone() }).await.is_empty());
    assert_eq!(listed(store, &Filter { created_from_ms: Some(3), ..ann.clone() }).await, [5, 3]);
    assert_eq!(listed(store, &Filter { created_before_ms: Some(5), ..ann.clone() }).await, [3, 1]);
    let after = Some(Cursor { created_at_ms: 5, run: run(5) });
    let rows = store.list(TENANT, &either, after, 1).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.created_at_ms).collect::<Vec<_>>(), [3]);

    go_on(1, 1).status(Status::Succeeded).lands(store).await;
    assert_eq!(listed(store, &either).await, [5, 3]);
    assert_eq!(listed(store, &Filter { statuses: vec![Status::Succeeded], ..ann }).await, [1]);
}

pub async fn labels_are_of_one_tenant_and_come_with_the_start(store: &dyn Store) {
    start(1).label("user", "ann").lands(store).await;
    start(2).label("user", "ann").tenant("other").lands(store).await;

    let ann = labelled(vec![label("user", &["ann"])]);
    assert_eq!(listed(store, &ann).await, [1]);
    assert!(store.list("third", &ann, None, 9).await.unwrap().is_empty());
    assert!(go_on(1, 1).label("user", "bob").commit(store).await.is_err(), "labels come with a new run");
    assert!(listed(store, &labelled(vec![label("user", &["bob"])])).await.is_empty());
    assert!(start(1).label("user", "bob").commit(store).await.is_err(), "it exists");
    assert!(listed(store, &labelled(vec![label("user", &["bob"])])).await.is_empty());
}

pub async fn pages_are_numbered(store: &dyn Store) {
    for n in 0..10 {
        let status = if n % 2 == 0 { Status::Waiting } else { Status::Running };
        // Two runs of the same millisecond, ordered by their ids.
        start(n)
            .created((n / 2) as i64)
            .status(status)
            .label("user", ["ann", "bob"][(n % 2) as usize])
            .lands(store)
            .await;
    }

    let page = async |filter: &Filter, skipped, limit| {
        let rows = store.page(TENANT, filter, skipped, limit).await.unwrap();
        rows.iter().map(|row| row.run).collect::<Vec<_>>()
    };
    let all = Filter::default();
    assert_eq!(page(&all, 0, 4).await, [9, 8, 7, 6].map(run));
    assert_eq!(page(&all, 4, 4).await, [5, 4, 3, 2].map(run));
    assert_eq!(page(&all, 8, 4).await, [1, 0].map(run));
    assert!(page(&all, 10, 4).await.is_empty());
    assert!(page(&all, usize::MAX, 4).await.is_empty());
    assert!(page(&all, 0, 0).await.is_empty());
    let mixed = [
        Filter { statuses: vec![Status::Running, Status::Waiting], ..Filter::default() },
        labelled(vec![label("user", &["ann", "bob"])]),
    ];
    for filter in mixed {
        assert_eq!(page(&filter, 3, 3).await, [6, 5, 4].map(run));
    }
    assert_eq!(page(&labelled(vec![label("user", &["ann"])]), 1, 2).await, [6, 4].map(run));
}
