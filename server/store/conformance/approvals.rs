//! Rules of approvals: written with the log, found by id, listed newest first.

use super::fixture::{TENANT, approval_id, asked, go_on, node_run, run, start};
use crate::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow, ApprovalStatus, Subject};
use crate::{Store, StoreError};

async fn listed(store: &dyn Store, filter: ApprovalFilter) -> Vec<i64> {
    let found = store.approvals(TENANT, &filter, None, 99).await.unwrap();
    found.into_iter().map(|row| row.asked_at_ms).collect()
}

pub async fn an_approval_is_what_was_written(store: &dyn Store) {
    let full = ApprovalRow {
        subject: Subject::Plan,
        key: String::new(),
        title: Some("Zähle bis drei".into()),
        status: ApprovalStatus::Denied,
        ended_at_ms: Some(9),
        by: Some("ada".into()),
        comment: Some("zu teuer".into()),
        ..asked(1, run(1))
    };
    start(1).approval(full.clone()).approval(asked(2, run(1))).lands(store).await;
    assert_eq!(store.approval(TENANT, approval_id(1)).await.unwrap(), Some(full.clone()));
    assert_eq!(store.approval(TENANT, approval_id(2)).await.unwrap(), Some(asked(2, run(1))));
    assert_eq!(store.approval(TENANT, approval_id(3)).await.unwrap(), None);
    let all = store.approvals(TENANT, &ApprovalFilter::default(), None, 9).await.unwrap();
    assert_eq!(all, [asked(2, run(1)), full]);
}

pub async fn only_title_and_status_change(store: &dyn Store) {
    start(1).approval(asked(1, run(1))).lands(store).await;
    let decided = ApprovalRow {
        status: ApprovalStatus::Approved,
        ended_at_ms: Some(7),
        by: Some("ada".into()),
        comment: Some("go on".into()),
        // A title may come from inputs, which are evaluated later or changed by an approver.
        title: Some("other".into()),
        ..asked(1, run(1))
    };
    let strange = ApprovalRow {
        node_run: node_run(9),
        subject: Subject::Plan,
        key: "other".into(),
        node_type: "other".into(),
        asked_at_ms: 99,
        ..decided.clone()
    };
    go_on(1, 1).approval(strange).lands(store).await;
    assert_eq!(store.approval(TENANT, approval_id(1)).await.unwrap(), Some(decided.clone()));

    let stolen = asked(1, run(2));
    start(2).approval(stolen).lands(store).await;
    assert_eq!(store.approval(TENANT, approval_id(1)).await.unwrap(), Some(decided), "another run's stays as it is");
    let broken = start(3).approval(asked(3, run(4))).commit(store).await;
    assert!(matches!(broken, Err(StoreError::Failed(_))), "{broken:?}");
}

pub async fn each_filter_of_approvals_filters(store: &dyn Store) {
    let as_it_is = |n: u128, status| ApprovalRow { status, ..asked(n, run(1)) };
    use ApprovalStatus::{Approved, Denied, Lapsed, Pending};
    let first = [(1, Pending), (2, Approved), (3, Denied), (4, Lapsed), (5, Pending)];
    let draft = first.into_iter().fold(start(1), |draft, (n, status)| draft.approval(as_it_is(n, status)));
    draft.lands(store).await;
    start(2).approval(asked(6, run(2))).lands(store).await;

    let of = |run, statuses: &[ApprovalStatus]| ApprovalFilter { run, statuses: statuses.to_vec() };
    assert_eq!(listed(store, of(None, &[])).await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(listed(store, of(Some(run(1)), &[])).await, [5, 4, 3, 2, 1]);
    assert_eq!(listed(store, of(None, &[Pending])).await, [6, 5, 1]);
    assert_eq!(listed(store, of(Some(run(1)), &[Pending])).await, [5, 1]);
    assert_eq!(listed(store, of(None, &[Approved, Denied, Approved])).await, [3, 2]);
    assert_eq!(listed(store, of(Some(run(1)), &[Lapsed, Pending])).await, [5, 4, 1]);
    assert_eq!(listed(store, of(Some(run(3)), &[])).await, [0; 0]);
}

pub async fn pages_are_stable_while_others_are_asked_for(store: &dyn Store) {
    // Approvals of the same millisecond are ordered by their ids.
    let at = |n: u128, asked_at_ms| ApprovalRow { asked_at_ms, ..asked(n, run(1)) };
    start(1).approval(at(1, 5)).approval(at(2, 5)).approval(at(3, 4)).approval(at(4, 6)).lands(store).await;
    let page = |after: Option<(i64, u128)>, limit| async move {
        let after = after.map(|(asked_at_ms, n)| ApprovalCursor { asked_at_ms, approval: approval_id(n) });
        let found = store.approvals(TENANT, &ApprovalFilter::default(), after, limit).await.unwrap();
        found.into_iter().map(|row| row.node_run).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, [node_run(4), node_run(2)]);
    start(2).approval(ApprovalRow { asked_at_ms: 9, ..asked(5, run(2)) }).lands(store).await;
    assert_eq!(page(Some((5, 2)), 2).await, [node_run(1), node_run(3)]);
    assert!(page(Some((4, 3)), 2).await.is_empty());
    assert!(page(None, 0).await.is_empty());
}

pub async fn approvals_of_other_tenants_are_not_seen(store: &dyn Store) {
    start(1).approval(asked(1, run(1))).lands(store).await;
    assert_eq!(store.approval("other", approval_id(1)).await.unwrap(), None);
    let all = ApprovalFilter::default();
    assert!(store.approvals("other", &all, None, 9).await.unwrap().is_empty());
    // The same ids again, for another tenant.
    start(1).tenant("other").approval(asked(1, run(1))).lands(store).await;
    assert_eq!(store.approvals("other", &all, None, 9).await.unwrap().len(), 1);
    assert_eq!(store.approvals(TENANT, &all, None, 9).await.unwrap().len(), 1);
}

pub async fn what_is_refused_is_not_asked(store: &dyn Store) {
    start(1).lands(store).await;
    let refused = go_on(1, 7).approval(asked(1, run(1))).commit(store).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.approval(TENANT, approval_id(1)).await.unwrap(), None);
}
