//! API keys over the memory store, under a simulated clock.

use super::*;
use crate::store::memory::Memory;

fn keys(store: &Arc<Memory>, clock: &Clock) -> Keys {
    Keys::new(store.clone(), clock.clone())
}

fn new() -> NewKey {
    NewKey {
        tenant: "acme".into(),
        name: None,
        scopes: vec![Scope::Write, Scope::Read, Scope::Write],
        expires_at_ms: None,
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_stored_as_a_hash() {
    let (store, clock) = (Arc::new(Memory::new()), Clock::manual(1_000));
    let keys = keys(&store, &clock);
    let created = keys.create(new()).await.unwrap();
    let text = created.secret.expose().to_owned();
    let parts: Vec<&str> = text.split('_').collect();
    assert_eq!((parts.len(), parts[0], parts[1].len(), parts[2].len()), (3, "ry", 16, 64));
    assert_eq!(
        (created.key.id.as_str(), &created.key.scopes[..]),
        (parts[1], &["runs:read".to_owned(), "runs:write".into()][..])
    );
    assert_eq!(created.key.secret_sha256, Secret::new(parts[2]).sha256());
    assert!(!format!("{created:?}").contains(parts[2]));
    assert_eq!(*keys.check(&created.secret).await.unwrap(), created.key);
    assert_ne!(keys.create(new()).await.unwrap().key.id, created.key.id);
}

#[tokio::test]
async fn a_text_that_is_not_the_key_is_unknown() {
    let (store, clock) = (Arc::new(Memory::new()), Clock::manual(1_000));
    let keys = keys(&store, &clock);
    let created = keys.create(new()).await.unwrap();
    let text = created.secret.expose();
    let (id, secret) = (&created.key.id, &text[text.len() - 64..]);
    let zeros = "0".repeat(64);
    for wrong in [
        format!("ry_{id}_{zeros}"),
        format!("ry_0123456789abcdef_{secret}"),
        format!("ry_{id}_{}", &secret[1..]),
        format!("ry_{id}_{secret}0"),
        format!("ry_{id}_{}", secret.to_uppercase()),
        format!("ry_{id}"),
        format!("ry_{id}_"),
        "ry_".to_owned(),
        format!("ry_{id}_{secret}\u{e9}"),
    ] {
        assert_eq!(keys.check(&Secret::new(wrong.as_str())).await, Err(Refused::KeyUnknown), "{wrong}");
    }
}

#[tokio::test]
async fn a_key_expires_at_its_time_even_while_it_is_cached() {
    let (store, clock) = (Arc::new(Memory::new()), Clock::manual(1_000));
    let keys = keys(&store, &clock);
    let created = keys.create(NewKey { expires_at_ms: Some(2_000), ..new() }).await.unwrap();
    clock.advance(Duration::from_millis(999));
    keys.check(&created.secret).await.unwrap();
    clock.advance(Duration::from_millis(1));
    assert_eq!(keys.check(&created.secret).await, Err(Refused::KeyExpired));
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_here_and_within_seconds_elsewhere() {
    let (store, clock) = (Arc::new(Memory::new()), Clock::manual(1_000));
    let (here, elsewhere) = (keys(&store, &clock), keys(&store, &clock));
    let created = here.create(new()).await.unwrap();
    for one in [&here, &elsewhere] {
        one.check(&created.secret).await.unwrap();
    }
    assert_eq!(here.revoke(Some("other"), &created.key.id).await.unwrap(), None);
    here.check(&created.secret).await.unwrap();
    here.revoke(Some("acme"), &created.key.id).await.unwrap().unwrap();
    assert_eq!(here.check(&created.secret).await, Err(Refused::KeyRevoked));
    elsewhere.check(&created.secret).await.unwrap();
    clock.advance(Duration::from_millis(10_000));
    assert_eq!(elsewhere.check(&created.secret).await, Err(Refused::KeyRevoked));
}

#[tokio::test]
async fn the_cache_is_bounded() {
    let (store, clock) = (Arc::new(Memory::new()), Clock::manual(1_000));
    let keys = keys(&store, &clock);
    for _ in 0..CACHED_MAX.get() + 10 {
        let created = keys.create(new()).await.unwrap();
        keys.check(&created.secret).await.unwrap();
    }
    assert_eq!(keys.remembered().keys.len(), CACHED_MAX.get());
}
