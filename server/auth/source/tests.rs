//! The cache of a provider's keys, with a provider under the test's control and a simulated clock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use serde_json::json;
use tokio::sync::Semaphore;

use super::*;

const AGES: Ages = Ages { max_ms: 1_000, stale_ms: 5_000, unknown_ms: 100, again_ms: 50 };

/// A provider with prepared answers; after those it fails.
struct Provider {
    answers: Mutex<VecDeque<&'static [&'static str]>>,
    fetches: AtomicUsize,
    /// Each fetch takes a permit.
    leave: Semaphore,
}

#[async_trait]
impl Fetch for Provider {
    async fn fetch(&self) -> Result<FetchedKeys, String> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        self.leave.acquire().await.unwrap().forget();
        let ids = self.answers.lock().unwrap().pop_front().ok_or("a planned failure")?;
        let keys: Vec<_> = ids.iter().map(|id| json!({ "kty": "RSA", "kid": id, "n": "AQAB", "e": "AQAB" })).collect();
        Ok(FetchedKeys { keys: KeySet::read(json!({ "keys": keys }).to_string().as_bytes())?, issuer: None })
    }
}

struct Story {
    source: Arc<Source>,
    provider: Arc<Provider>,
    clock: Clock,
}

impl Story {
    fn new(answers: &[&'static [&'static str]]) -> Self {
        let story = Self::slow(answers);
        story.provider.leave.add_permits(1_000);
        story
    }

    /// Fetches wait for permits.
    fn slow(answers: &[&'static [&'static str]]) -> Self {
        let provider = Arc::new(Provider {
            answers: Mutex::new(answers.iter().copied().collect()),
            fetches: AtomicUsize::new(0),
            leave: Semaphore::new(0),
        });
        let clock = Clock::manual(1_000_000);
        Self { source: Arc::new(Source::new(provider.clone(), clock.clone(), AGES)), provider, clock }
    }

    /// Whether the key is known, and how many fetches that took.
    async fn asks(&self, id: &str) -> (Option<bool>, usize) {
        let before = self.provider.fetches.load(Ordering::SeqCst);
        let known = self.source.keys(Some(id)).await.ok().map(|fetched| fetched.keys.knows(Some(id)));
        (known, self.provider.fetches.load(Ordering::SeqCst) - before)
    }

    fn later(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }
}

#[tokio::test]
async fn keys_are_fetched_when_first_needed_and_kept_for_a_while() {
    let story = Story::new(&[&["a"], &["b"]]);
    assert_eq!(story.provider.fetches.load(Ordering::SeqCst), 0, "no caller yet");
    assert_eq!(story.asks("a").await, (Some(true), 1));
    story.later(999);
    assert_eq!(story.asks("a").await, (Some(true), 0));
    story.later(1);
    assert_eq!(story.asks("a").await, (Some(false), 1), "it was taken back");
}

#[tokio::test]
async fn a_new_key_is_fetched_at_once_and_invented_ones_seldom() {
    let story = Story::new(&[&["a"], &["a", "b"], &["a", "b"], &["a", "b", "c"]]);
    story.asks("a").await;
    assert_eq!(story.asks("b").await, (Some(true), 1));
    assert_eq!(story.asks("c").await, (Some(false), 0), "it was looked for a moment ago");
    story.later(99);
    assert_eq!(story.asks("made up").await, (Some(false), 0));
    story.later(1);
    assert_eq!(story.asks("made up").await, (Some(false), 1));
    assert_eq!(story.asks("c").await, (Some(false), 0));
    story.later(100);
    assert_eq!(story.asks("c").await, (Some(true), 1));
    assert_eq!(story.asks("a").await, (Some(true), 0));
}

#[tokio::test]
async fn keys_are_used_while_the_provider_fails_but_not_for_ever() {
    let story = Story::new(&[&["a"]]);
    story.asks("a").await;
    story.later(1_000);
    assert_eq!(story.asks("a").await, (Some(true), 1), "asked, in vain");
    assert_eq!(story.asks("a").await, (Some(true), 0), "not again so soon");
    story.later(50);
    assert_eq!(story.asks("a").await, (Some(true), 1));
    story.later(4_949);
    assert_eq!(story.asks("a").await, (Some(true), 1));
    story.later(1);
    assert_eq!(story.asks("a").await, (None, 0));
    story.later(50);
    assert_eq!(story.asks("a").await, (None, 1));
}

#[tokio::test]
async fn a_provider_that_starts_late_is_found() {
    let story = Story::new(&[]);
    assert_eq!(story.asks("a").await, (None, 1));
    assert_eq!(story.asks("a").await, (None, 0), "not again so soon");
    story.provider.answers.lock().unwrap().push_back(&["a"]);
    story.later(50);
    assert_eq!(story.asks("a").await, (Some(true), 1));
}

#[tokio::test]
async fn concurrent_callers_share_one_fetch_and_one_that_leaves_does_not_end_it() {
    let story = Story::slow(&[&["a"]]);
    let asking = |_| {
        let source = Arc::clone(&story.source);
        tokio::spawn(async move { source.keys(Some("a")).await.is_ok() })
    };
    let first = asking(0);
    while story.provider.fetches.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (1..20).map(asking).collect();
    tokio::task::yield_now().await;
    first.abort();
    story.provider.leave.add_permits(1);
    assert!(join_all(others).await.into_iter().all(|found| found.unwrap()));
    assert_eq!(story.provider.fetches.load(Ordering::SeqCst), 1);
}
