//! Rules of the sealed data of runs.

use super::fixture::{TENANT, go_on, run, start};
use crate::{Sealed, Status, Store};

async fn found(store: &dyn Store, tenant: &str, n: u128, name: &str) -> Option<Vec<u8>> {
    let sealed = store.sealed(tenant, run(n), name).await.unwrap();
    sealed.map(|Sealed { name: found, bytes }| {
        assert_eq!(found, name);
        bytes
    })
}

pub async fn what_is_sealed_is_there_while_its_run_lives(store: &dyn Store) {
    start(1).seals("crm", &[1, 0, 255]).seals("mail", &[]).lands(store).await;
    start(2).seals("crm", &[2]).lands(store).await;
    start(3).seals("crm", &[3]).status(Status::Failed).lands(store).await;

    assert_eq!(found(store, TENANT, 1, "crm").await, Some(vec![1, 0, 255]));
    assert_eq!(found(store, TENANT, 1, "mail").await, Some(vec![]));
    assert_eq!(found(store, TENANT, 1, "other").await, None);
    assert_eq!(found(store, "other", 1, "crm").await, None);
    assert_eq!(found(store, TENANT, 3, "crm").await, None, "it ended at once");
    assert_eq!(found(store, TENANT, 4, "crm").await, None);

    go_on(1, 1).status(Status::Waiting).lands(store).await;
    assert_eq!(found(store, TENANT, 1, "crm").await, Some(vec![1, 0, 255]));
    for (n, status) in [(1, Status::Succeeded), (2, Status::Canceled)] {
        go_on(n, if n == 1 { 2 } else { 1 }).status(status).lands(store).await;
        assert_eq!(found(store, TENANT, n, "crm").await, None, "{status:?}");
        assert_eq!(found(store, TENANT, n, "mail").await, None, "{status:?}");
    }
}

pub async fn only_a_new_run_seals_and_each_name_once(store: &dyn Store) {
    start(1).seals("crm", &[1]).lands(store).await;

    assert!(go_on(1, 1).seals("mail", &[2]).commit(store).await.is_err());
    assert!(start(2).seals("crm", &[1]).seals("crm", &[2]).commit(store).await.is_err());
    assert!(start(1).seals("crm", &[9]).commit(store).await.is_err(), "it exists");
    assert_eq!(found(store, TENANT, 1, "crm").await, Some(vec![1]));
    assert_eq!(found(store, TENANT, 1, "mail").await, None);
    assert_eq!(found(store, TENANT, 2, "crm").await, None);
}
