//! Rules of API keys: created once, found by id, listed by tenant, revoked once.

use crate::StoreError;
use crate::api_key::{ApiKey, KeyStore};

/// The key with this id, made at its number in milliseconds.
fn key(tenant: &str, id: &str, created_at_ms: i64) -> ApiKey {
    ApiKey {
        id: id.into(),
        tenant: tenant.into(),
        name: None,
        secret_sha256: [7; 32],
        scopes: vec!["runs:read".into()],
        created_at_ms,
        expires_at_ms: None,
        revoked_at_ms: None,
    }
}

async fn listed(store: &dyn KeyStore, tenant: Option<&str>, after: Option<&str>, limit: usize) -> Vec<String> {
    store.api_keys(tenant, after, limit).await.unwrap().into_iter().map(|key| key.id).collect()
}

pub async fn a_key_is_what_was_kept(store: &dyn KeyStore) {
    let full = ApiKey {
        name: Some("Zähler im Büro".into()),
        secret_sha256: std::array::from_fn(|place| u8::try_from(place).unwrap()),
        scopes: vec!["runs:read".into(), "runs:write".into(), "admin".into()],
        expires_at_ms: Some(77),
        ..key("acme", "a1", 5)
    };
    let bare = ApiKey { scopes: Vec::new(), ..key("acme", "b2", 6) };
    for one in [&full, &bare] {
        store.add_api_key(one.clone()).await.unwrap();
        assert_eq!(store.api_key(&one.id).await.unwrap().as_ref(), Some(one));
    }
    assert_eq!(store.api_key("c3").await.unwrap(), None);
    assert_eq!(store.api_keys(Some("acme"), None, 9).await.unwrap(), [full, bare]);
}

pub async fn a_key_id_is_taken_once_over_all_tenants(store: &dyn KeyStore) {
    store.add_api_key(key("acme", "a1", 1)).await.unwrap();
    for tenant in ["acme", "other"] {
        let taken = store.add_api_key(ApiKey { secret_sha256: [8; 32], ..key(tenant, "a1", 2) }).await;
        assert!(matches!(taken, Err(StoreError::Failed(_))), "{taken:?}");
    }
    assert_eq!(store.api_key("a1").await.unwrap(), Some(key("acme", "a1", 1)));
}

pub async fn keys_are_listed_by_tenant_and_time(store: &dyn KeyStore) {
    for (tenant, id, at) in [("b", "b2", 2), ("a", "a9", 9), ("b", "b1", 2), ("a", "a3", 3), ("c", "c1", 1)] {
        store.add_api_key(key(tenant, id, at)).await.unwrap();
    }
    assert_eq!(listed(store, None, None, 9).await, ["a3", "a9", "b1", "b2", "c1"]);
    assert_eq!(listed(store, None, None, 2).await, ["a3", "a9"]);
    assert_eq!(listed(store, None, Some("a9"), 2).await, ["b1", "b2"]);
    assert_eq!(listed(store, Some("b"), None, 9).await, ["b1", "b2"]);
    assert_eq!(listed(store, Some("b"), Some("b1"), 9).await, ["b2"]);
    assert_eq!(
        listed(store, Some("a"), Some("b1"), 9).await,
        [""; 0],
        "what lies behind the cursor is another tenant's"
    );
    assert_eq!(listed(store, Some("d"), None, 9).await, [""; 0]);
    assert_eq!(listed(store, None, Some("unknown"), 9).await, [""; 0]);
    assert_eq!(listed(store, None, None, 0).await, [""; 0]);
}

pub async fn a_key_is_revoked_once_and_stays_visible(store: &dyn KeyStore) {
    store.add_api_key(key("acme", "a1", 1)).await.unwrap();
    assert_eq!(store.revoke_api_key(Some("other"), "a1", 5).await.unwrap(), None, "another tenant's");
    assert_eq!(store.revoke_api_key(None, "unknown", 5).await.unwrap(), None);
    assert_eq!(store.api_key("a1").await.unwrap().unwrap().revoked_at_ms, None);

    let ended = ApiKey { revoked_at_ms: Some(6), ..key("acme", "a1", 1) };
    assert_eq!(store.revoke_api_key(Some("acme"), "a1", 6).await.unwrap().as_ref(), Some(&ended));
    assert_eq!(store.revoke_api_key(None, "a1", 7).await.unwrap().as_ref(), Some(&ended), "the first time stands");
    assert_eq!(store.api_keys(None, None, 9).await.unwrap(), [ended]);
}
