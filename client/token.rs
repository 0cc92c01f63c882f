//! Token providers: a fixed token, one that is fetched when needed, or a custom provider.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use runyard_api::client::BoxError;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long before its expiry a token is replaced, at most. A short-lived one is replaced in the last fifth of its
/// life.
const EARLY: Duration = Duration::from_secs(30);

/// Provides bearer tokens. [`Fetched`] caches the tokens that it fetches; implement this trait for other token stores.
pub trait TokenProvider: Send + Sync + 'static {
    /// The token to send now. The client calls this before each call, so it should return a cached token.
    ///
    /// # Errors
    /// The call ends with [`CallError::NoToken`](crate::CallError::NoToken) and nothing is sent.
    fn token(&self) -> impl Future<Output = Result<String, BoxError>> + Send;

    /// Another token, because the server refused this one with a 401; from then on [`token`](Self::token) must return
    /// the new one. It is never called concurrently, and not if another call has got a new token meanwhile.
    ///
    /// # Errors
    /// The call ends with the server's 401.
    fn refresh(&self, refused: &str) -> impl Future<Output = Result<String, BoxError>> + Send {
        let _ = refused;
        self.token()
    }
}

/// A token and its lifetime.
#[derive(Clone)]
pub struct Token {
    value: String,
    lives: Option<Duration>,
}

impl Token {
    /// A token that is valid until a server refuses it.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), lives: None }
    }

    /// The same token with this lifetime from now on: `expires_in` of OAuth 2.0.
    #[must_use]
    pub fn expires_in(mut self, lives: Duration) -> Self {
        self.lives = Some(lives);
        self
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("lives", &self.lives).finish_non_exhaustive()
    }
}

/// A provider that caches the token that it fetched until shortly before its expiry. It fetches another one when a
/// server refuses it. Concurrent calls share one fetch.
pub struct Fetched<F> {
    fetch: F,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    value: String,
    until: Option<Instant>,
}

impl<F> Fetched<F> {
    /// Fetches tokens with this function.
    pub fn new(fetch: F) -> Self {
        Self { fetch, kept: Mutex::new(None) }
    }
}

impl<F, Fetching, E> TokenProvider for Fetched<F>
where
    F: Fn() -> Fetching + Send + Sync + 'static,
    Fetching: Future<Output = Result<Token, E>> + Send,
    E: Into<BoxError>,
{
    async fn token(&self) -> Result<String, BoxError> {
        let mut kept = self.kept.lock().await;
        match &*kept {
            Some(Kept { value, until }) if until.is_none_or(|until| Instant::now() < until) => Ok(value.clone()),
            _ => self.fetched(&mut kept).await,
        }
    }

    async fn refresh(&self, refused: &str) -> Result<String, BoxError> {
        let mut kept = self.kept.lock().await;
        match &*kept {
            Some(Kept { value, .. }) if value != refused => Ok(value.clone()),
            _ => self.fetched(&mut kept).await,
        }
    }
}

impl<F, Fetching, E> Fetched<F>
where
    F: Fn() -> Fetching,
    Fetching: Future<Output = Result<Token, E>>,
    E: Into<BoxError>,
{
    async fn fetched(&self, kept: &mut Option<Kept>) -> Result<String, BoxError> {
        // Removed before the fetch: if that fails, the next call tries again.
        *kept = None;
        let Token { value, lives } = (self.fetch)().await.map_err(Into::into)?;
        let until = lives.and_then(|lives| Instant::now().checked_add(lives.saturating_sub(EARLY.min(lives / 5))));
        *kept = Some(Kept { value: value.clone(), until });
        Ok(value)
    }
}

impl<F> fmt::Debug for Fetched<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").finish_non_exhaustive()
    }
}

/// A token that does not change.
pub(crate) struct Fixed(pub(crate) String);

impl TokenProvider for Fixed {
    async fn token(&self) -> Result<String, BoxError> {
        Ok(self.0.clone())
    }
}

/// A provider in the form that calls use: one refresh at a time.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<Shared<dyn Provides>>);

struct Shared<P: ?Sized> {
    refreshing: Mutex<()>,
    provider: P,
}

impl Tokens {
    pub(crate) fn of(provider: impl TokenProvider) -> Self {
        Self(Arc::new(Shared { refreshing: Mutex::new(()), provider }))
    }

    pub(crate) async fn now(&self) -> Result<String, BoxError> {
        self.0.provider.now().await
    }

    /// A token other than the refused one, if the provider has one.
    pub(crate) async fn other_than(&self, refused: &str) -> Option<String> {
        let _alone = self.0.refreshing.lock().await;
        let other = |token: &String| token != refused;
        // Another call may have refreshed the token meanwhile.
        if let Some(token) = self.now().await.ok().filter(other) {
            return Some(token);
        }
        self.0.provider.renewed(refused).await.ok().filter(other)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

/// [`TokenProvider`] as a trait object.
trait Provides: Send + Sync {
    fn now(&self) -> BoxFuture<'_, Result<String, BoxError>>;
    fn renewed<'a>(&'a self, refused: &'a str) -> BoxFuture<'a, Result<String, BoxError>>;
}

impl<P: TokenProvider> Provides for P {
    fn now(&self) -> BoxFuture<'_, Result<String, BoxError>> {
        Box::pin(self.token())
    }

    fn renewed<'a>(&'a self, refused: &'a str) -> BoxFuture<'a, Result<String, BoxError>> {
        Box::pin(self.refresh(refused))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn counting(lives: Option<Duration>) -> (Arc<AtomicU32>, impl TokenProvider) {
        let count = Arc::new(AtomicU32::new(0));
        let fetches = Arc::clone(&count);
        let fetch = move || {
            let number = fetches.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                tokio::task::yield_now().await;
                let token = Token::new(format!("t{number}"));
                Ok::<_, BoxError>(lives.map_or(token.clone(), |lives| token.expires_in(lives)))
            }
        };
        (count, Fetched::new(fetch))
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetched_token_is_kept_until_shortly_before_its_end() {
        let (_, provider) = counting(Some(Duration::from_secs(300)));
        assert_eq!(provider.token().await.unwrap(), "t1");
        tokio::time::advance(Duration::from_secs(269)).await;
        assert_eq!(provider.token().await.unwrap(), "t1");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(provider.token().await.unwrap(), "t2");
    }

    #[tokio::test]
    async fn calls_at_the_same_time_share_a_fetch_and_a_refresh() {
        let (count, provider) = counting(None);
        let tokens = Tokens::of(provider);
        let all = futures::future::join_all((0..8).map(|_| tokens.now())).await;
        assert!(all.into_iter().all(|token| token.unwrap() == "t1"));
        let all = futures::future::join_all((0..8).map(|_| tokens.other_than("t1"))).await;
        assert!(all.into_iter().all(|token| token.unwrap() == "t2"));
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_fixed_token_has_no_other_and_no_token_is_ever_printed() {
        let tokens = Tokens::of(Fixed("secret".to_owned()));
        assert_eq!(tokens.other_than("secret").await, None);
        let shown = format!("{tokens:?} {:?} {:?}", Token::new("secret"), counting(None).1.token().await.is_ok());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
