//! Rules of reads: logs, rows, lists, counts, and the separation of tenants.

use runyard_engine::{RunOutcome, RunStatus};

use super::fixture::{Draft, TENANT, go_on, node_run, run, start};
use crate::{Cursor, Filter, RunPhase, RunRow, Status, Store};

pub async fn a_log_is_read_in_pages(store: &dyn Store) {
    start(1).events(10).lands(store).await;

    let page = |after, limit| async move {
        let log = store.log(TENANT, run(1), after, limit).await.unwrap();
        log.into_iter().map(|recorded| recorded.position).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 4).await, [1, 2, 3, 4]);
    assert_eq!(page(4, 4).await, [5, 6, 7, 8]);
    assert_eq!(page(8, 4).await, [9, 10]);
    assert!(page(10, 4).await.is_empty());
    assert!(page(u64::MAX, 4).await.is_empty());
    assert!(page(0, 0).await.is_empty());
    assert!(store.log(TENANT, run(2), 0, 4).await.unwrap().is_empty());
}

pub async fn tenants_do_not_see_each_other(store: &dyn Store) {
    start(1).name("n").key("start_run", "k").node_run(1).lands(store).await;

    assert!(store.log("other", run(1), 0, 9).await.unwrap().is_empty());
    assert_eq!(store.row("other", run(1)).await.unwrap(), None);
    assert_eq!(store.named("other", "n").await.unwrap(), None);
    assert_eq!(store.run_of("other", node_run(1)).await.unwrap(), None);
    assert_eq!(store.keyed("other", "start_run", "k").await.unwrap(), None);
    assert!(store.list("other", &Filter::default(), None, 9).await.unwrap().is_empty());
    assert!(store.counts("other").await.unwrap().is_empty());
    let strange = go_on(1, 1).name("n").tenant("other").commit(store).await;
    assert!(strange.is_err(), "another tenant's run cannot be appended to");
}

pub async fn a_row_is_what_was_written(store: &dyn Store) {
    start(1).lands(store).await;
    let mut last = go_on(1, 1);
    last.0.row = RunRow {
        title: Some("Zähle bis drei".into()),
        phase: RunPhase::Planning,
        status: RunStatus::Final(RunOutcome::Failed),
        reason: Some("timed_out".into()),
        updated_at_ms: 77,
        ended_at_ms: Some(77),
        ..last.0.row
    };
    let written = last.0.row.clone();
    last.lands(store).await;

    assert_eq!(store.row(TENANT, run(1)).await.unwrap(), Some(written.clone()));
    assert_eq!(store.list(TENANT, &Filter::default(), None, 9).await.unwrap(), [written]);
    assert_eq!(store.row(TENANT, run(2)).await.unwrap(), None);
}

pub async fn a_node_run_names_its_run(store: &dyn Store) {
    start(1).node_run(1).lands(store).await;
    go_on(1, 1).node_run(2).node_run(3).lands(store).await;
    start(2).node_run(4).lands(store).await;

    for (n, owner) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        assert_eq!(store.run_of(TENANT, node_run(n)).await.unwrap(), Some(run(owner)));
    }
    assert_eq!(store.run_of(TENANT, node_run(5)).await.unwrap(), None);
}

async fn listed(store: &dyn Store, filter: Filter) -> Vec<i64> {
    let rows = store.list(TENANT, &filter, None, 100).await.unwrap();
    rows.into_iter().map(|row| row.created_at_ms).collect()
}

pub async fn each_filter_filters(store: &dyn Store) {
    let make = |n: u128, status, api: &str, node_type: &str| {
        let mut draft = start(n).status(status);
        draft.0.row.api = api.into();
        draft.0.row.node_type = node_type.into();
        draft
    };
    make(1, Status::Running, "acp", "echo").lands(store).await;
    make(2, Status::Waiting, "acp", "sleep").lands(store).await;
    make(3, Status::Running, "native", "echo").lands(store).await;
    make(4, Status::Succeeded, "native", "sleep").lands(store).await;
    make(5, Status::Running, "native", "echo").tenant("other").lands(store).await;

    let any = Filter::default;
    assert_eq!(listed(store, any()).await, [4, 3, 2, 1]);
    let statuses = |statuses: &[Status]| Filter { statuses: statuses.to_vec(), ..any() };
    assert_eq!(listed(store, statuses(&[Status::Running])).await, [3, 1]);
    assert_eq!(listed(store, statuses(&[Status::Waiting, Status::Running, Status::Waiting])).await, [3, 2, 1]);
    assert!(listed(store, statuses(&[Status::Canceled])).await.is_empty());
    assert_eq!(listed(store, Filter { api: Some("acp".into()), ..any() }).await, [2, 1]);
    assert_eq!(listed(store, Filter { node_type: Some("sleep".into()), ..any() }).await, [4, 2]);
    assert_eq!(listed(store, Filter { created_from_ms: Some(2), ..any() }).await, [4, 3, 2]);
    assert_eq!(listed(store, Filter { created_before_ms: Some(3), ..any() }).await, [2, 1]);
    let all = Filter {
        statuses: vec![Status::Running, Status::Succeeded],
        phases: vec![RunPhase::Plain],
        api: Some("native".into()),
        node_type: Some("echo".into()),
        created_from_ms: Some(3),
        created_before_ms: Some(4),
        labels: Vec::new(),
    };
    assert_eq!(listed(store, all).await, [3]);

    let phases = |phases: &[RunPhase]| Filter { phases: phases.to_vec(), ..any() };
    assert_eq!(listed(store, phases(&[RunPhase::Planning, RunPhase::Plain])).await, [4, 3, 2, 1]);
    assert!(listed(store, phases(&[RunPhase::Planning])).await.is_empty());
    let mut planning = go_on(3, 1);
    (planning.0.row.api, planning.0.row.phase) = ("native".into(), RunPhase::Planning);
    planning.0.row.node_type = "echo".into();
    planning.lands(store).await;
    assert_eq!(listed(store, phases(&[RunPhase::Planning])).await, [3]);
    assert_eq!(listed(store, phases(&[RunPhase::Plain])).await, [4, 2, 1]);

    // A run leaves the list of one status and enters the list of another.
    let mut ended = go_on(1, 1).status(Status::Failed);
    (ended.0.row.api, ended.0.row.node_type) = ("acp".into(), "echo".into());
    ended.lands(store).await;
    assert_eq!(listed(store, statuses(&[Status::Running])).await, [3]);
    assert_eq!(listed(store, statuses(&[Status::Failed])).await, [1]);
}

/// Pages through a list, committing something between pages.
async fn paged(
    store: &dyn Store,
    filter: &Filter,
    limit: usize,
    mut between: impl FnMut() -> Option<Draft>,
) -> Vec<i64> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let rows = store.list(TENANT, filter, after, limit).await.unwrap();
        assert!(rows.len() <= limit);
        let Some(last) = rows.last() else { return seen };
        after = Some(Cursor { created_at_ms: last.created_at_ms, run: last.run });
        seen.extend(rows.iter().map(|row| row.created_at_ms));
        if let Some(draft) = between() {
            draft.lands(store).await;
        }
    }
}

pub async fn pages_are_stable_while_runs_arrive(store: &dyn Store) {
    for n in 0..10 {
        start(n * 10).lands(store).await;
    }

    let mut newer = 1000..;
    let seen = paged(store, &Filter::default(), 3, || newer.next().map(start)).await;
    assert_eq!(seen, [90, 80, 70, 60, 50, 40, 30, 20, 10, 0]);

    // The cursor continues at its place, even if the filter has a later upper bound.
    let bounded = Filter { created_before_ms: Some(60), created_from_ms: Some(20), ..Filter::default() };
    assert_eq!(paged(store, &bounded, 2, || None).await, [50, 40, 30, 20]);
    let early = Some(Cursor { created_at_ms: 2000, run: run(0) });
    assert_eq!(store.list(TENANT, &bounded, early, 1).await.unwrap()[0].created_at_ms, 50);
    assert!(store.list(TENANT, &Filter::default(), None, 0).await.unwrap().is_empty());
}

pub async fn runs_of_one_millisecond_are_paged_by_id(store: &dyn Store) {
    for n in [3, 1, 5, 2, 4] {
        let status = if n % 2 == 0 { Status::Waiting } else { Status::Running };
        start(n).created(7).status(status).lands(store).await;
    }

    for filter in [Filter::default(), Filter { statuses: vec![Status::Running, Status::Waiting], ..Filter::default() }]
    {
        let (mut seen, mut after) = (Vec::new(), None);
        while let [row] = &store.list(TENANT, &filter, after, 1).await.unwrap()[..] {
            after = Some(Cursor { created_at_ms: row.created_at_ms, run: row.run });
            seen.push(row.run);
        }
        assert_eq!(seen, [5, 4, 3, 2, 1].map(run));
    }
}

pub async fn counts_follow_every_change(store: &dyn Store) {
    assert!(store.counts(TENANT).await.unwrap().is_empty());
    for n in 1..=3 {
        start(n).lands(store).await;
    }
    start(4).status(Status::Queued).lands(store).await;
    assert_eq!(store.counts(TENANT).await.unwrap(), [(Status::Queued, 1), (Status::Running, 3)]);

    go_on(1, 1).status(Status::Succeeded).lands(store).await;
    go_on(2, 1).status(Status::Running).lands(store).await;
    go_on(4, 1).status(Status::Running).lands(store).await;
    let refused = go_on(3, 9).status(Status::Failed).commit(store).await;
    assert!(refused.is_err());
    assert_eq!(store.counts(TENANT).await.unwrap(), [(Status::Running, 3), (Status::Succeeded, 1)]);
}

pub async fn counts_stay_right_over_many_changes(store: &dyn Store) {
    for n in 0..3 {
        start(n).lands(store).await;
    }
    for version in 1..300 {
        let status = if version % 2 == 0 { Status::Running } else { Status::Waiting };
        go_on(1, version).status(status).lands(store).await;
    }
    assert_eq!(store.counts(TENANT).await.unwrap(), [(Status::Running, 2), (Status::Waiting, 1)]);
}
