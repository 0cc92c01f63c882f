//! Rules of effects: who may execute an effect, until when, and whose result counts.

use futures::future::join_all;
use runyard_engine::{Effect, Request};

use super::fixture::{TENANT, effect, effect_id, go_on, held, node_run, run, start};
use crate::{Store, StoreError};

pub async fn the_oldest_due_is_claimed_first(store: &dyn Store) {
    start(1).asks(effect(1, 30)).asks(effect(2, 10)).lands(store).await;
    start(2).tenant("other").asks(effect(3, 20)).asks(effect(4, 10)).lands(store).await;

    let claimed = store.claim("a", 50, 100, 10).await.unwrap();

    // Effects that are due at the same time: in the order of creation.
    assert_eq!(held(&claimed), [2, 4, 3, 1].map(|n| (effect_id(n), 1)));
    assert_eq!((claimed[0].tenant.as_str(), claimed[0].run), (TENANT, run(1)));
    assert_eq!((claimed[1].tenant.as_str(), claimed[1].run), ("other", run(2)));
    assert!(claimed.iter().all(|claimed| claimed.lease_until_ms == 150));
}

pub async fn a_limit_limits(store: &dyn Store) {
    start(1).asks(effect(1, 1)).asks(effect(2, 2)).asks(effect(3, 3)).lands(store).await;

    assert!(store.claim("a", 50, 100, 0).await.unwrap().is_empty());
    assert_eq!(held(&store.claim("a", 50, 100, 2).await.unwrap()), [(effect_id(1), 1), (effect_id(2), 1)]);
    assert_eq!(held(&store.claim("b", 50, 100, 2).await.unwrap()), [(effect_id(3), 1)]);
    assert!(store.claim("b", 50, 100, 2).await.unwrap().is_empty());
}

pub async fn nothing_is_claimed_before_it_is_due(store: &dyn Store) {
    start(1).asks(effect(1, 1000)).lands(store).await;

    assert!(store.claim("a", 999, 100, 10).await.unwrap().is_empty());
    assert_eq!(store.claim("a", 1000, 100, 10).await.unwrap().len(), 1);
}

pub async fn two_claimers_never_hold_the_same(store: &dyn Store) {
    for n in 0..60 {
        start(n).asks(effect(n, 0)).lands(store).await;
    }

    let claims = join_all((0..10).map(|n| store.claim(if n % 2 == 0 { "a" } else { "b" }, 5, 100, 7))).await;
    let mut ids: Vec<_> = claims.into_iter().flat_map(|claimed| held(&claimed.unwrap())).collect();

    assert_eq!(ids.len(), 60);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 60, "no effect was claimed twice");
}

pub async fn an_expired_lease_is_claimed_again_under_a_higher_epoch(store: &dyn Store) {
    start(1).asks(effect(1, 0)).lands(store).await;
    store.claim("a", 0, 100, 10).await.unwrap();

    assert!(store.claim("b", 99, 100, 10).await.unwrap().is_empty());
    let again = store.claim("b", 100, 100, 10).await.unwrap();
    assert_eq!(held(&again), [(effect_id(1), 2)]);
    assert_eq!(again[0].lease_until_ms, 200);
}

pub async fn an_old_epoch_is_fenced(store: &dyn Store) {
    start(1).asks(effect(1, 0)).lands(store).await;
    store.claim("a", 0, 100, 10).await.unwrap();
    store.claim("b", 100, 100, 10).await.unwrap();

    let late = go_on(1, 1).settles(1, 1).commit(store).await.unwrap_err();
    match late {
        StoreError::Fenced { effect, epoch } => assert_eq!((effect, epoch), (effect_id(1), 1)),
        other => panic!("expected a fence, got {other:?}"),
    }
    assert_eq!(store.row(TENANT, run(1)).await.unwrap().unwrap().version, 1);
    go_on(1, 1).settles(1, 2).lands(store).await;
}

pub async fn an_expired_lease_without_a_new_claim_may_settle(store: &dyn Store) {
    start(1).asks(effect(1, 0)).lands(store).await;
    store.claim("a", 0, 100, 10).await.unwrap();
    // Another claimer called long after that and claimed nothing.
    assert!(store.claim("b", 500, 100, 0).await.unwrap().is_empty());

    go_on(1, 1).settles(1, 1).lands(store).await;
}

pub async fn what_was_never_claimed_cannot_settle(store: &dyn Store) {
    start(1).asks(effect(1, 0)).lands(store).await;

    for (n, epoch) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
        let refused = go_on(1, 1).settles(n, epoch).commit(store).await;
        assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    }
}

pub async fn a_settled_effect_is_gone(store: &dyn Store) {
    start(1).asks(effect(1, 0)).lands(store).await;
    store.claim("a", 0, 100, 10).await.unwrap();
    go_on(1, 1).settles(1, 1).asks(effect(2, 0)).lands(store).await;

    let twice = go_on(1, 2).settles(1, 1).commit(store).await;
    assert!(matches!(twice, Err(StoreError::Fenced { .. })), "{twice:?}");
    assert_eq!(held(&store.claim("a", 1_000_000, 100, 10).await.unwrap()), [(effect_id(2), 1)]);
}

pub async fn several_are_settled_together_or_none(store: &dyn Store) {
    start(1).asks(effect(1, 0)).asks(effect(2, 0)).asks(effect(3, 0)).lands(store).await;
    store.claim("a", 0, 100, 10).await.unwrap();

    let late = go_on(1, 1).settles(1, 1).settles(2, 2).commit(store).await;
    assert!(matches!(late, Err(StoreError::Fenced { effect, epoch: 2 }) if effect == effect_id(2)), "{late:?}");

    go_on(1, 1).settles(1, 1).settles(3, 1).asks(effect(4, 0)).lands(store).await;
    assert_eq!(held(&store.claim("b", 100, 100, 10).await.unwrap()), [(effect_id(2), 2), (effect_id(4), 1)]);
}

pub async fn settling_may_change_nothing_else(store: &dyn Store) {
    start(1).asks(effect(1, 0)).lands(store).await;
    store.claim("a", 0, 100, 10).await.unwrap();

    let done = go_on(1, 1).events(0).settles(1, 1).commit(store).await.unwrap();

    assert_eq!(done.version, 1);
    assert_eq!(store.next_due().await.unwrap(), None);
}

pub async fn a_renewed_lease_lasts_longer(store: &dyn Store) {
    start(1).asks(effect(1, 0)).asks(effect(2, 0)).lands(store).await;
    let claimed = held(&store.claim("a", 0, 100, 10).await.unwrap());

    assert_eq!(store.renew(&claimed[..1], 300).await.unwrap(), [effect_id(1)]);

    assert_eq!(held(&store.claim("b", 299, 100, 10).await.unwrap()), [(effect_id(2), 2)]);
    assert_eq!(held(&store.claim("b", 300, 100, 10).await.unwrap()), [(effect_id(1), 2)]);
    assert!(store.renew(&[], 500).await.unwrap().is_empty());
}

pub async fn an_old_epoch_is_not_renewed(store: &dyn Store) {
    start(1).asks(effect(1, 0)).asks(effect(2, 0)).asks(effect(3, 900)).lands(store).await;
    let old = held(&store.claim("a", 0, 100, 10).await.unwrap());
    let new = held(&store.claim("b", 100, 100, 1).await.unwrap());
    assert_eq!(new, [(effect_id(1), 2)]);

    // Another claimer took the first. The second's lease ran out, but no claimer took it.
    assert_eq!(store.renew(&old, 400).await.unwrap(), [effect_id(2)]);
    assert!(store.renew(&[(effect_id(3), 0), (effect_id(9), 1)], 400).await.unwrap().is_empty());

    assert!(store.claim("c", 150, 100, 10).await.unwrap().is_empty());
    assert_eq!(held(&store.claim("c", 399, 100, 10).await.unwrap()), [(effect_id(1), 3)]);
}

pub async fn a_dropped_effect_is_never_claimed(store: &dyn Store) {
    start(1).asks(effect(1, 0)).asks(effect(2, 0)).lands(store).await;
    go_on(1, 1).drops(1).drops(77).lands(store).await;

    assert_eq!(held(&store.claim("a", 100, 100, 10).await.unwrap()), [(effect_id(2), 1)]);
}

pub async fn a_dropped_effect_cannot_settle(store: &dyn Store) {
    start(1).asks(effect(1, 0)).lands(store).await;
    let claimed = held(&store.claim("a", 0, 100, 10).await.unwrap());
    go_on(1, 1).drops(1).lands(store).await;

    let late = go_on(1, 2).settles(1, 1).commit(store).await;
    assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
    assert!(store.renew(&claimed, 500).await.unwrap().is_empty());
    assert!(store.claim("a", 1_000_000, 100, 10).await.unwrap().is_empty());
}

pub async fn one_run_cannot_touch_anothers_effects(store: &dyn Store) {
    start(1).asks(effect(1, 0)).asks(effect(2, 500)).lands(store).await;
    start(2).lands(store).await;
    start(3).tenant("other").lands(store).await;
    store.claim("a", 0, 100, 10).await.unwrap();

    let foreign = go_on(2, 1).settles(1, 1).commit(store).await;
    assert!(matches!(foreign, Err(StoreError::Fenced { .. })), "{foreign:?}");
    let foreign = go_on(3, 1).tenant("other").settles(1, 1).commit(store).await;
    assert!(matches!(foreign, Err(StoreError::Fenced { .. })), "{foreign:?}");
    go_on(2, 1).drops(2).lands(store).await;
    go_on(3, 1).tenant("other").drops(2).lands(store).await;

    assert_eq!(store.claim("b", 500, 100, 10).await.unwrap().len(), 2);
}

/// Found by the model: `Memory` let an append overwrite another run's effect if it also named the effect as dropped.
pub async fn dropping_another_tenants_effect_does_not_free_its_id(store: &dyn Store) {
    start(1).asks(effect(1, 0)).lands(store).await;

    let refused = start(2).drops(1).asks(effect(1, 0)).commit(store).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
    go_on(1, 1).drops(1).asks(effect(1, 7)).lands(store).await;

    assert_eq!(store.next_due().await.unwrap(), Some(7));
    assert_eq!(store.claim("a", 7, 100, 10).await.unwrap()[0].run, run(1));
}

pub async fn an_effect_comes_back_as_it_was_asked(store: &dyn Store) {
    let inputs = serde_json::json!({ "text": "grüße\u{0}\n", "deep": [1, 2.5, null, { "z": 1, "a": 2 }] });
    let node_type = serde_json::from_value(serde_json::json!({
        "asked": { "id": "jarvis.core.echo", "version": "latest" },
        "id": "runyard.core.echo", "version": "1.0.0", "kind": "call", "side_effect": "read",
    }));
    let request =
        Request::Call { node_type: node_type.unwrap(), inputs: inputs.as_object().unwrap().clone(), until_ms: None };
    let asked = Effect { id: effect_id(1), node_run: node_run(8), attempt: 3, due_at_ms: -5, request };
    start(1).asks(asked.clone()).lands(store).await;

    let claimed = store.claim("a", 0, 100, 10).await.unwrap();
    assert_eq!(claimed[0].effect, asked);
}

pub async fn next_due_names_the_next_time_to_look(store: &dyn Store) {
    assert_eq!(store.next_due().await.unwrap(), None);
    start(1).asks(effect(1, 50)).asks(effect(2, 40)).lands(store).await;
    assert_eq!(store.next_due().await.unwrap(), Some(40));

    store.claim("a", 40, 5, 10).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(45), "the lease runs out first");
    store.renew(&[(effect_id(2), 1)], 90).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(50));
    go_on(1, 1).drops(1).settles(2, 1).lands(store).await;
    assert_eq!(store.next_due().await.unwrap(), None);
}

pub async fn timers_are_claimed_apart(store: &dyn Store) {
    let load = |n, due_at_ms| Effect { request: Request::Load { until_ms: None }, ..effect(n, due_at_ms) };
    start(1).asks(load(1, 5)).asks(effect(2, 10)).asks(load(3, 15)).asks(effect(4, 20)).lands(store).await;
    assert_eq!(store.next_due().await.unwrap(), Some(5));
    assert_eq!(store.next_timer_due().await.unwrap(), Some(10));
    assert_eq!(held(&store.claim_timers("a", 9, 100, 9).await.unwrap()), []);
    assert_eq!(held(&store.claim_timers("a", 30, 100, 1).await.unwrap()), [(effect_id(2), 1)]);
    assert_eq!(store.next_timer_due().await.unwrap(), Some(20));
    assert_eq!(
        held(&store.claim("b", 30, 200, 9).await.unwrap()),
        [(effect_id(1), 1), (effect_id(3), 1), (effect_id(4), 1)]
    );
    assert_eq!(store.next_timer_due().await.unwrap(), Some(130), "when the next lease runs out");
    // An effect whose lease has run out can be claimed by any claimer.
    assert_eq!(held(&store.claim_timers("c", 130, 100, 9).await.unwrap()), [(effect_id(2), 2)]);
}

pub async fn a_refused_entry_keeps_its_effects(store: &dyn Store) {
    start(1).asks(effect(1, 0)).lands(store).await;
    store.claim("a", 0, 100, 10).await.unwrap();

    let refused = go_on(1, 7).settles(1, 1).asks(effect(2, 0)).commit(store).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");

    assert_eq!(held(&store.claim("b", 100, 100, 10).await.unwrap()), [(effect_id(1), 2)]);
}
