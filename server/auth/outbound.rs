//! The credentials that this server sends to a server that it calls, by caller: one [`Outbound`] for each such server.
//!
//! | setting | credential | whose runs are visible there |
//! |---|---|---|
//! | `pass` | the caller's token, unchanged | the caller's |
//! | `exchange` | the provider's token for the caller's (RFC 8693); without one, as the next | the caller's |
//! | `client_credentials` | a token of this server's own client | this server's |
//! | `none` | none | those that need no credential |
//!
//! If this server sends its own credential, all its callers are the same to the other server. So it does that only for
//! the default tenant: data of another tenant must not be visible through a gateway. The data folder's own token is
//! never sent.
//!
//! Tokens are cached until shortly before they expire, each under the hash of the token that it was exchanged for; the
//! least recently used is evicted first. Concurrent requests for one wait for one fetch, and a token that is refused
//! is fetched once again, both by [`Fetched`].

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use lru::LruCache;
use runyard_api::client::BoxError;
use runyard_api::host::{Caller, Fault};
use runyard_client::TokenProvider;
use runyard_client::token::{Fetched, Token};

use super::credential::Schemes;
use super::keys::Keys;
use super::provider::ProviderError;
use super::refused::Refused;
use super::tenant::DEFAULT_TENANT;
use super::token_endpoint::{Application, Grant, TokenEndpoint, TokenError, TokenRequest};
use super::{LocalToken, Secret};
use crate::clock::Clock;
use crate::config::{Auth, Credentials};

/// The most callers with cached tokens.
const CACHED_MAX: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// The pause after the provider did not answer.
const AGAIN: Duration = Duration::from_secs(2);

/// A server that this one calls.
#[derive(Debug, Clone)]
pub struct Target {
    /// The kind of credential.
    pub credentials: Credentials,
    /// The audience and the scope of the tokens that are fetched for it.
    pub wanted: TokenRequest,
}

/// The credentials for one server. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<OutboundState>);

struct OutboundState {
    credentials: Credentials,
    local: LocalToken,
    tokens: Option<Tokens>,
}

/// The fetched tokens.
struct Tokens {
    endpoint: Arc<TokenEndpoint>,
    wanted: Arc<TokenRequest>,
    own: Arc<CachedToken>,
    exchanged: Mutex<LruCache<[u8; 32], Arc<CachedToken>>>,
}

type CachedToken = Fetched<Box<dyn Fn() -> BoxFuture<'static, Result<Token, OutboundError>> + Send + Sync>>;

/// Whose credential a call sends: who is to blame when it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The caller's own token.
    Caller,
    /// A token that was exchanged for the caller's.
    Exchanged,
    /// This server's own.
    Server,
}

/// The credential of one call, if any, and whose it is.
#[derive(Clone)]
pub struct Credential {
    /// Whose it is.
    pub speaker: Speaker,
    /// The source of the token.
    pub token: Option<TokenSource>,
}

/// The source of a call's token, which the client of the call uses.
#[derive(Clone)]
pub struct TokenSource(Origin);

#[derive(Clone)]
enum Origin {
    Caller(Secret),
    Provider(Arc<CachedToken>),
}

/// Why a call cannot be made for a caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// This server would send its own credential, and the caller has another tenant.
    #[error(
        "this gateway speaks to the run coordinator for itself, which is for tenant {DEFAULT_TENANT} alone: show a token of the identity \
         provider"
    )]
    Tenant,
    /// The provider refuses the caller's token.
    #[error("the identity provider does not exchange this token")]
    Caller,
    /// The provider refuses this server's client, or its request.
    #[error("the identity provider refuses this server's own client: {error}")]
    Client {
        /// OAuth's error code.
        error: String,
    },
    /// The provider does not answer, or not with a token.
    #[error("the identity provider does not give tokens now; try again")]
    Unavailable,
}

impl OutboundError {
    /// The fault that an API answers, if APIs have one for it: 401, or 503.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Caller => Some(Refused::Exchange.into()),
            Self::Unavailable => Some(Fault::Unavailable { reason: self.to_string(), retry_after: Some(AGAIN) }),
            Self::Tenant | Self::Client { .. } => None,
        }
    }
}

impl Outbound {
    /// The credentials for this target. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`ProviderError`] for settings that loading the configuration would have refused.
    pub fn new(target: &Target, settings: &Auth, local: LocalToken, clock: Clock) -> Result<Self, ProviderError> {
        let fetches = matches!(target.credentials, Credentials::Exchange | Credentials::ClientCredentials);
        let tokens = if fetches { Some(Tokens::new(target, settings, clock)?) } else { None };
        Ok(Self(Arc::new(OutboundState { credentials: target.credentials, local, tokens })))
    }

    /// The credential for this caller.
    ///
    /// # Errors
    /// [`OutboundError::Tenant`]. Errors about tokens come when one is fetched.
    pub fn of(&self, caller: &Caller) -> Result<Credential, OutboundError> {
        let shown = &*self.0;
        // The data folder's own token is for this server alone.
        let bearer = Schemes::token(&caller.headers).filter(|bearer| !shown.local.is(bearer));
        let provided = |cached_token| Some(TokenSource(Origin::Provider(cached_token)));
        match (shown.credentials, &shown.tokens) {
            (Credentials::Pass, _) => Ok(Credential {
                speaker: Speaker::Caller,
                token: bearer.map(|token| TokenSource(Origin::Caller(token))),
            }),
            (Credentials::Exchange, Some(tokens)) => match bearer.filter(|bearer| !Keys::is_one(bearer)) {
                Some(bearer) => Ok(Credential { speaker: Speaker::Exchanged, token: provided(tokens.of(&bearer)) }),
                None => for_itself(caller, provided(Arc::clone(&tokens.own))),
            },
            (Credentials::ClientCredentials, Some(tokens)) => for_itself(caller, provided(Arc::clone(&tokens.own))),
            (Credentials::Exchange | Credentials::ClientCredentials | Credentials::None, _) => for_itself(caller, None),
        }
    }
}

fn for_itself(caller: &Caller, token: Option<TokenSource>) -> Result<Credential, OutboundError> {
    if &*caller.tenant == DEFAULT_TENANT {
        Ok(Credential { speaker: Speaker::Server, token })
    } else {
        Err(OutboundError::Tenant)
    }
}

impl Tokens {
    fn new(target: &Target, settings: &Auth, clock: Clock) -> Result<Self, ProviderError> {
        let missing = |what: &str| ProviderError::Address(format!("there is no {what}"));
        let outbound = &settings.outbound;
        let application = Application {
            id: outbound.client_id.clone().ok_or_else(|| missing("client"))?,
            secret: outbound.client_secret.clone().ok_or_else(|| missing("client secret"))?,
            auth: outbound.client_auth,
        };
        let url = settings.token_endpoint().ok_or_else(|| missing("token endpoint"))?;
        let within = Duration::from_secs(outbound.timeout_seconds);
        let endpoint = Arc::new(TokenEndpoint::new(&url, application, within, clock)?);
        let wanted = Arc::new(target.wanted.clone());
        let own = cached_token(Arc::clone(&endpoint), Arc::clone(&wanted), None);
        Ok(Self { endpoint, wanted, own, exchanged: Mutex::new(LruCache::new(CACHED_MAX)) })
    }

    /// The token that is exchanged for this one.
    fn of(&self, subject: &Secret) -> Arc<CachedToken> {
        let mut exchanged = self.exchanged.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || cached_token(Arc::clone(&self.endpoint), Arc::clone(&self.wanted), Some(subject.clone()));
        Arc::clone(exchanged.get_or_insert(subject.sha256(), new))
    }
}

fn cached_token(endpoint: Arc<TokenEndpoint>, wanted: Arc<TokenRequest>, subject: Option<Secret>) -> Arc<CachedToken> {
    Arc::new(Fetched::new(Box::new(move || {
        let (endpoint, wanted, subject) = (Arc::clone(&endpoint), Arc::clone(&wanted), subject.clone());
        Box::pin(async move {
            let grant = subject.as_ref().map_or(Grant::ClientCredentials, Grant::Exchange);
            let issued =
                endpoint.token(grant, &wanted).await.map_err(|error| outbound_error(error, subject.is_some()))?;
            Ok(Token::new(issued.token.expose()).expires_in(issued.lives))
        })
    })))
}

/// The meaning of a provider's error for a caller. The log has more, without the provider's own text.
fn outbound_error(error: TokenError, exchanged: bool) -> OutboundError {
    match error {
        TokenError::Unavailable(reason) => {
            tracing::warn!(reason, "the identity provider gives no token");
            OutboundError::Unavailable
        }
        // RFC 8693, section 2.2.2, has one code for every fault of the caller's token; providers have two more.
        TokenError::Refused { error, .. }
            if exchanged && ["invalid_request", "invalid_grant", "invalid_token"].contains(&&*error) =>
        {
            tracing::debug!(error, "the identity provider does not exchange a caller's token");
            OutboundError::Caller
        }
        TokenError::Refused { url, error, .. } => {
            tracing::error!(url, error, "the identity provider refuses this server's own client");
            OutboundError::Client { error }
        }
    }
}

impl TokenProvider for TokenSource {
    async fn token(&self) -> Result<String, BoxError> {
        match &self.0 {
            Origin::Caller(token) => Ok(token.expose().to_owned()),
            Origin::Provider(cached_token) => cached_token.token().await,
        }
    }

    async fn refresh(&self, refused: &str) -> Result<String, BoxError> {
        match &self.0 {
            // The caller has no other token.
            Origin::Caller(token) => Ok(token.expose().to_owned()),
            Origin::Provider(cached_token) => cached_token.refresh(refused).await,
        }
    }
}
