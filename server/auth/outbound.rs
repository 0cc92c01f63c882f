//! What is shown to a server that this one calls, and for whom: one [`Outbound`] for each such server.
//!
//! | setting | what is shown | whose runs are seen there |
//! |---|---|---|
//! | `pass` | the caller's token, as it is | the caller's |
//! | `exchange` | a token that the provider gives for the caller's (RFC 8693); without one, as the next | the caller's |
//! | `client_credentials` | a token of this server's own client | this server's |
//! | `none` | nothing | whatever is open to everybody |
//!
//! Where this server speaks for itself, all its callers are one to the other server. So it does that for the tenant of everybody who
//! has none alone: what is another tenant's must not be seen through a gateway either. The data folder's own token never leaves.
//!
//! Tokens are kept until shortly before their end, each under the hash of the one that it was given for; the least used goes first.
//! Requests for one at the same time wait for one fetch, and a token that is refused is fetched once again, both by
//! [`Fetched`].

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
use super::gate::DEFAULT_TENANT;
use super::keys::Keys;
use super::provider::ProviderError;
use super::refused::Refused;
use super::token_endpoint::{Application, Grant, TokenEndpoint, TokenError, Wanted};
use super::{LocalToken, Secret};
use crate::clock::Clock;
use crate::config::{Auth, Credentials};

/// For how many callers tokens are kept.
const KEPT_MAX: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// When to try again where the provider does not answer.
const AGAIN: Duration = Duration::from_secs(2);

/// Whom this server calls.
#[derive(Debug, Clone)]
pub struct Target {
    /// What is shown there.
    pub credentials: Credentials,
    /// The audience and the scope of tokens that are fetched for it.
    pub wanted: Wanted,
}

/// What is shown to one server. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<Shown>);

struct Shown {
    credentials: Credentials,
    local: LocalToken,
    tokens: Option<Tokens>,
}

/// Tokens that are fetched.
struct Tokens {
    endpoint: Arc<TokenEndpoint>,
    wanted: Arc<Wanted>,
    own: Arc<Kept>,
    exchanged: Mutex<LruCache<[u8; 32], Arc<Kept>>>,
}

type Kept = Fetched<Box<dyn Fn() -> BoxFuture<'static, Result<Token, OutboundError>> + Send + Sync>>;

/// Who speaks in a call: who is to blame when it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The caller, in their own words.
    Caller,
    /// The caller, by a token that was given for theirs.
    Exchanged,
    /// This server.
    Server,
}

/// What one call shows, if anything, and who speaks.
#[derive(Clone)]
pub struct Credential {
    /// Who speaks.
    pub speaker: Speaker,
    /// Where the token comes from.
    pub token: Option<TokenSource>,
}

/// Where a call's token comes from: what the client of the call asks.
#[derive(Clone)]
pub struct TokenSource(Origin);

#[derive(Clone)]
enum Origin {
    Caller(Secret),
    Provider(Arc<Kept>),
}

/// Why a call cannot be made for a caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// This server would speak for itself, and the caller is of another tenant.
    #[error(
        "this gateway speaks to the run coordinator for itself, which is for tenant {DEFAULT_TENANT} alone: show a token of the identity \
         provider"
    )]
    Tenant,
    /// The provider does not take the caller's token.
    #[error("the identity provider does not exchange this token")]
    Caller,
    /// The provider does not take this server's client, or what it asks for.
    #[error("the identity provider refuses this server's own client: {error}")]
    Client {
        /// OAuth's word for it.
        error: String,
    },
    /// The provider does not answer, or not with a token.
    #[error("the identity provider does not give tokens now; try again")]
    Unavailable,
}

impl OutboundError {
    /// The fault that an API answers, where it is one that APIs have: 401, or 503.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Caller => Some(Refused::Exchange.into()),
            Self::Unavailable => Some(Fault::Unavailable { reason: self.to_string(), retry_after: Some(AGAIN) }),
            Self::Tenant | Self::Client { .. } => None,
        }
    }
}

impl Outbound {
    /// What is shown to this target. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`ProviderError`] for what loading the configuration would have refused.
    pub fn new(target: &Target, settings: &Auth, local: LocalToken, clock: Clock) -> Result<Self, ProviderError> {
        let fetches = matches!(target.credentials, Credentials::Exchange | Credentials::ClientCredentials);
        let tokens = if fetches { Some(Tokens::new(target, settings, clock)?) } else { None };
        Ok(Self(Arc::new(Shown { credentials: target.credentials, local, tokens })))
    }

    /// What is shown for this caller.
    ///
    /// # Errors
    /// [`OutboundError::Tenant`]. What goes wrong with tokens is told when one is needed.
    pub fn of(&self, caller: &Caller) -> Result<Credential, OutboundError> {
        let shown = &*self.0;
        // The folder's own token opens this server and no other.
        let bearer = Schemes::token(&caller.headers).filter(|bearer| !shown.local.is(bearer));
        let provided = |kept| Some(TokenSource(Origin::Provider(kept)));
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
        let own = kept(Arc::clone(&endpoint), Arc::clone(&wanted), None);
        Ok(Self { endpoint, wanted, own, exchanged: Mutex::new(LruCache::new(KEPT_MAX)) })
    }

    /// The token that is given for this one.
    fn of(&self, subject: &Secret) -> Arc<Kept> {
        let mut exchanged = self.exchanged.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || kept(Arc::clone(&self.endpoint), Arc::clone(&self.wanted), Some(subject.clone()));
        Arc::clone(exchanged.get_or_insert(subject.sha256(), new))
    }
}

fn kept(endpoint: Arc<TokenEndpoint>, wanted: Arc<Wanted>, subject: Option<Secret>) -> Arc<Kept> {
    Arc::new(Fetched::new(Box::new(move || {
        let (endpoint, wanted, subject) = (Arc::clone(&endpoint), Arc::clone(&wanted), subject.clone());
        Box::pin(async move {
            let grant = subject.as_ref().map_or(Grant::ClientCredentials, Grant::Exchange);
            let issued = endpoint.token(grant, &wanted).await.map_err(|error| told(error, subject.is_some()))?;
            Ok(Token::new(issued.token.expose()).expires_in(issued.lives))
        })
    })))
}

/// What an error of the provider means to a caller. The log has the rest, without the provider's own words.
fn told(error: TokenError, exchanged: bool) -> OutboundError {
    match error {
        TokenError::Unavailable(reason) => {
            tracing::warn!(reason, "the identity provider gives no token");
            OutboundError::Unavailable
        }
        // RFC 8693, section 2.2.2, has one word for whatever is wrong with the caller's token; providers have two more.
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
            Origin::Provider(kept) => kept.token().await,
        }
    }

    async fn refresh(&self, refused: &str) -> Result<String, BoxError> {
        match &self.0 {
            // There is no other.
            Origin::Caller(token) => Ok(token.expose().to_owned()),
            Origin::Provider(kept) => kept.refresh(refused).await,
        }
    }
}
