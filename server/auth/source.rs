//! A provider's keys, cached: fetched when first needed, used for a while, fetched again when a token names a new one.
//!
//! | when | what happens |
//! |---|---|
//! | nothing fetched yet, or too old | callers wait; all share one fetch |
//! | a token names an unknown key | fetched again at once, for the next unknown key after [`Ages::unknown_ms`] |
//! | the fetch fails | keys that are too old are used for [`Ages::stale_ms`] more; then it is 503, never 401 |
//! | a fetch failed a moment ago | no caller waits for the next failure before [`Ages::again_ms`] has passed |

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use super::jwks::KeySet;
use super::refused::Refused;
use crate::clock::Clock;

/// Fetches keys.
#[async_trait]
pub(super) trait Fetch: Send + Sync + 'static {
    /// Fetches the keys, within a bound of its own.
    ///
    /// # Errors
    /// What happened, for the log.
    async fn fetch(&self) -> Result<FetchedKeys, String>;
}

/// What was fetched.
#[derive(Debug)]
pub(super) struct FetchedKeys {
    /// The provider's keys.
    pub(super) keys: KeySet,
    /// The issuer that the provider's metadata name, if they were read.
    pub(super) issuer: Option<String>,
}

/// How long keys are used, milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ages {
    /// Keys are fetched again after this age.
    pub(super) max_ms: i64,
    /// Keys are used for this long after that while they cannot be fetched.
    pub(super) stale_ms: i64,
    /// The interval of fetches that are caused by unknown keys, because anybody can invent key names.
    pub(super) unknown_ms: i64,
    /// The pause after a failed fetch.
    pub(super) again_ms: i64,
}

/// The cached keys.
pub(super) struct Source {
    fetch: Arc<dyn Fetch>,
    clock: Clock,
    ages: Ages,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    fetched: Option<(Arc<FetchedKeys>, i64)>,
    failed_at_ms: Option<i64>,
    unknown_at_ms: Option<i64>,
    under_way: Option<Shared<BoxFuture<'static, ()>>>,
}

enum Step {
    Use(Arc<FetchedKeys>),
    Wait(Shared<BoxFuture<'static, ()>>),
    GiveUp,
}

impl Source {
    pub(super) fn new(fetch: Arc<dyn Fetch>, clock: Clock, ages: Ages) -> Self {
        Self { fetch, clock, ages, state: Arc::default() }
    }

    /// The keys for checking a token that names this key.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] if there are no keys that may still be used.
    pub(super) async fn keys(&self, id: Option<&str>) -> Result<Arc<FetchedKeys>, Refused> {
        let mut waited = false;
        loop {
            match self.step(id, waited) {
                Step::Use(fetched) => return Ok(fetched),
                Step::Wait(fetch) => fetch.await,
                Step::GiveUp => {
                    let after = Duration::from_millis(self.ages.again_ms.unsigned_abs());
                    return Err(Refused::Unavailable {
                        reason: "the identity provider does not answer; try again",
                        after,
                    });
                }
            }
            waited = true;
        }
    }

    /// What to do now. A caller waits at most once; then it uses what is cached.
    fn step(&self, id: Option<&str>, waited: bool) -> Step {
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        let since = |at_ms: Option<i64>| at_ms.map_or(i64::MAX, |at_ms| now_ms.saturating_sub(at_ms));
        let may_fetch = !waited && since(state.failed_at_ms) >= self.ages.again_ms;
        let Some((fetched, at_ms)) = state.fetched.clone() else {
            return if may_fetch { Step::Wait(self.begin(&mut state)) } else { Step::GiveUp };
        };
        let age_ms = since(Some(at_ms));
        let unknown = !fetched.keys.knows(id);
        let may_look = unknown && since(state.unknown_at_ms) >= self.ages.unknown_ms;
        if may_fetch && (age_ms >= self.ages.max_ms || may_look) {
            if unknown {
                state.unknown_at_ms = Some(now_ms);
            }
            return Step::Wait(self.begin(&mut state));
        }
        if age_ms < self.ages.max_ms.saturating_add(self.ages.stale_ms) { Step::Use(fetched) } else { Step::GiveUp }
    }

    /// The running fetch, or a new one. It continues when the caller that began it leaves.
    fn begin(&self, state: &mut State) -> Shared<BoxFuture<'static, ()>> {
        if let Some(under_way) = state.under_way.as_ref().filter(|fetch| fetch.peek().is_none()) {
            return under_way.clone();
        }
        let (fetch, clock, shared) = (Arc::clone(&self.fetch), self.clock.clone(), Arc::clone(&self.state));
        let task = tokio::spawn(async move {
            let fetched = fetch.fetch().await;
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            match fetched {
                Ok(fetched) => {
                    state.fetched = Some((Arc::new(fetched), clock.now_ms()));
                    state.failed_at_ms = None;
                }
                Err(reason) => {
                    tracing::warn!(reason, "the identity provider's keys could not be fetched");
                    state.failed_at_ms = Some(clock.now_ms());
                }
            }
        });
        let begun = task.map(|_| ()).boxed().shared();
        state.under_way = Some(begun.clone());
        begun
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
