//! Rules of large values.

use runyard_engine::large::Digest;

use super::fixture::{TENANT, go_on, run, start};
use super::retention::{Removing, removal, removed, swept};
use crate::{Status, Store};

async fn found(store: &dyn Store, tenant: &str, n: u128, text: &str) -> Option<String> {
    store.value(tenant, run(n), Digest::of(text)).await.unwrap()
}

pub async fn a_large_value_is_found_by_the_runs_that_name_it(store: &dyn Store) {
    start(1).value("\"one\"").value("\"two\"").lands(store).await;
    start(2).value("\"one\"").lands(store).await;
    start(3).tenant("other").value("\"one\"").lands(store).await;
    start(4).lands(store).await;

    for n in [1, 2] {
        assert_eq!(found(store, TENANT, n, "\"one\"").await.as_deref(), Some("\"one\""));
    }
    assert_eq!(found(store, "other", 3, "\"one\"").await.as_deref(), Some("\"one\""));
    for (tenant, n, text) in [
        (TENANT, 2, "\"two\""),
        (TENANT, 4, "\"one\""),
        (TENANT, 1, "\"three\""),
        ("other", 1, "\"one\""),
        (TENANT, 9, "\"one\""),
    ] {
        assert_eq!(found(store, tenant, n, text).await, None, "{tenant} {n} {text}");
    }
    // A stored value can be named without its text. A value that is not stored cannot.
    go_on(4, 1).names("\"two\"").names("\"three\"").lands(store).await;
    assert_eq!(found(store, TENANT, 4, "\"two\"").await.as_deref(), Some("\"two\""));
    assert_eq!(found(store, TENANT, 4, "\"three\"").await, None);
}

pub async fn a_refused_append_leaves_no_value(store: &dyn Store) {
    start(1).lands(store).await;
    assert!(go_on(1, 7).value("\"one\"").commit(store).await.is_err());
    go_on(1, 1).names("\"one\"").lands(store).await;
    assert_eq!(found(store, TENANT, 1, "\"one\"").await, None);
}

pub async fn a_large_value_goes_with_the_last_run_that_names_it(store: &dyn Removing) {
    for n in 1..=2 {
        start(n).value("\"shared\"").value(&format!("\"own {n}\"")).ends(Status::Succeeded, 5).lands(store).await;
    }
    assert_eq!(removed(store, vec![removal(1, 1)], 1_000).await, [run(1)]);
    assert_eq!(found(store, TENANT, 1, "\"shared\"").await, None, "it is gone");
    swept(store, 1).await;
    assert_eq!(found(store, TENANT, 2, "\"shared\"").await.as_deref(), Some("\"shared\""));
    // A value that no run names is not stored, so it cannot be named.
    start(3).names("\"own 1\"").names("\"shared\"").lands(store).await;
    assert_eq!(found(store, TENANT, 3, "\"own 1\"").await, None);
    assert_eq!(found(store, TENANT, 3, "\"shared\"").await.as_deref(), Some("\"shared\""));
}
