//! Authentication and authorization of requests. One [`Guard`] per server, one [`Gate`] per API.

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use runyard_api::host::{Caller, Document, Fault, Head, Operation};

use super::credential::Schemes;
use super::jwks::KeyMatch;
use super::jwt::{Rules, UnverifiedToken};
use super::keys::Keys;
use super::provider::{Provider, ProviderError};
use super::refused::Refused;
use super::scopes::{OWNER, Scope, needed};
use super::source::{Ages, Source};
use super::tenant::DEFAULT_TENANT;
use super::{LocalToken, Secret};
use crate::clock::Clock;
use crate::config::Auth;
use crate::config::auth::Mode;
use crate::store::api_key::KeyStore;

/// How long the provider's keys are used after their age while the provider does not answer, milliseconds.
const STALE_MS: i64 = 3_600_000;
/// The interval of fetches that are caused by unknown keys, milliseconds.
const UNKNOWN_MS: i64 = 10_000;
/// The pause after a failed fetch, milliseconds.
const AGAIN_MS: i64 = 2_000;

/// The parts of a guard.
pub struct Parts {
    /// Stores API keys.
    pub store: Arc<dyn KeyStore>,
    /// Tells the time.
    pub clock: Clock,
    /// The data folder's own token.
    pub local: LocalToken,
}

/// What all APIs of a server share. Cheap to clone.
#[derive(Clone)]
pub struct Guard(Arc<GuardState>);

struct GuardState {
    keys: Keys,
    local: LocalToken,
    tokens: Option<Tokens>,
    settings: Auth,
    clock: Clock,
}

/// How tokens of the provider are checked.
struct Tokens {
    rules: Rules,
    source: Source,
}

/// The authentication of one API. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    guard: Guard,
    document: &'static str,
    mode: Mode,
    /// A token must name one of these. Absent: any token is accepted.
    audiences: Option<Arc<[String]>>,
    schemes: Arc<Schemes>,
}

/// The identity behind a credential.
struct Identity {
    tenant: Arc<str>,
    subject: Option<Arc<str>>,
    scopes: Arc<[Arc<str>]>,
    /// The scope that it lacks for the operation, as the provider names it.
    lacks: Option<String>,
}

impl Guard {
    /// Builds the guard. The provider is not called yet.
    ///
    /// # Errors
    /// [`ProviderError`] if the provider can never be called.
    pub fn new(settings: &Auth, parts: Parts) -> Result<Self, ProviderError> {
        let tokens = Provider::of(settings)?.map(|provider| Tokens {
            rules: rules(settings),
            source: Source::new(Arc::new(provider), parts.clock.clone(), ages(settings)),
        });
        if tokens.is_some() && settings.authenticates_somewhere() && !settings.has_audience_everywhere() {
            tracing::warn!(
                "auth.audience is not set: some API accepts a token of the issuer for any other service, too"
            );
        }
        let keys = Keys::new(parts.store, parts.clock.clone());
        Ok(Self(Arc::new(GuardState {
            keys,
            local: parts.local,
            tokens,
            settings: settings.clone(),
            clock: parts.clock,
        })))
    }

    /// The gate of the API that serves this document.
    pub fn gate(&self, document: &'static Document) -> Gate {
        Gate {
            guard: self.clone(),
            document: document.name,
            mode: self.0.settings.mode(document.name),
            audiences: self.0.settings.audience(document.name).map(Into::into),
            schemes: Arc::new(Schemes::of(document)),
        }
    }

    /// All API keys.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    async fn identify(
        &self,
        shown: &Secret,
        from: &Head,
        scope: Scope,
        audiences: Option<&Arc<[String]>>,
    ) -> Result<Identity, Refused> {
        let known = &*self.0;
        if known.local.is(shown) {
            return if known.local.is_taken_from(from.remote) { Ok(owner()) } else { Err(Refused::NotLocal) };
        }
        if Keys::is_one(shown) {
            let key = known.keys.check(shown).await?;
            let has: Vec<Scope> = key.scopes.iter().filter_map(|word| Scope::from_word(word)).collect();
            let lacks = (!has.contains(&scope)).then(|| scope.word().to_owned());
            let scopes = words(has);
            let subject = Some(format!("key:{}", key.id).into());
            return Ok(Identity { tenant: key.tenant.as_str().into(), subject, scopes, lacks });
        }
        if !UnverifiedToken::is_one(shown) {
            return Err(Refused::Unknown);
        }
        let tokens = known.tokens.as_ref().ok_or(Refused::NoProvider)?;
        tokens.identify(shown, known, scope, audiences).await
    }
}

impl Gate {
    /// The caller, if it is authenticated and may call this operation.
    ///
    /// # Errors
    /// A fault with 401, 403, or 503 if the identity provider or the store does not answer.
    pub async fn admit(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Fault> {
        Ok(self.judge(head, operation).await?)
    }

    /// As [`Gate::admit`], for an operation that needs no credential: `None` without one. A credential that is sent
    /// has to be valid.
    ///
    /// # Errors
    /// As [`Gate::admit`].
    pub async fn admit_if_shown(&self, head: &Head, operation: &'static Operation) -> Result<Option<Caller>, Fault> {
        if self.schemes.shown(&head.headers)?.is_none() {
            return Ok(None);
        }
        self.admit(head, operation).await.map(Some)
    }

    async fn judge(&self, head: &Head, operation: &'static Operation) -> Result<Caller, Refused> {
        let scope = needed(self.document, operation);
        let settings = &self.guard.0.settings;
        let anonymous = |subject: &str| {
            head.caller(DEFAULT_TENANT, Some(subject.into())).with_scopes(words([Scope::Read, Scope::Write]))
        };
        if self.mode == Mode::Disabled && !scope.always_needs_credential() {
            return Ok(anonymous(&settings.dev_subject));
        }
        let Some(shown) = self.schemes.shown(&head.headers)? else {
            let may_be_anonymous = self.mode == Mode::Optional && !scope.always_needs_credential();
            let missing = Refused::Missing { key_header: self.schemes.has_key_header() };
            return if may_be_anonymous { Ok(anonymous(&settings.anonymous_subject)) } else { Err(missing) };
        };
        let identity = self.guard.identify(&shown, head, scope, self.audiences.as_ref()).await?;
        match identity.lacks {
            Some(scope) => Err(Refused::Scope(scope)),
            None => Ok(head.caller(identity.tenant, identity.subject).with_scopes(identity.scopes)),
        }
    }
}

impl Tokens {
    async fn identify(
        &self,
        shown: &Secret,
        known: &GuardState,
        scope: Scope,
        audiences: Option<&Arc<[String]>>,
    ) -> Result<Identity, Refused> {
        let (settings, now_ms) = (&known.settings, known.clock.shown_ms());
        let token = UnverifiedToken::read(shown, &self.rules)?;
        let fetched = self.source.keys(token.key_id.as_deref()).await?;
        let keys = match fetched.keys.find(token.key_id.as_deref(), token.algorithm) {
            KeyMatch::Keys(keys) => keys,
            KeyMatch::Unknown => return Err(Refused::SigningKeyUnknown),
            KeyMatch::Mismatch => return Err(Refused::AlgorithmMismatch),
        };
        // If only the provider's metadata are configured, they name the issuer.
        let issuer = self.rules.issuer.clone().or_else(|| fetched.issuer.clone());
        let bearer =
            token.prove(&keys, &Rules { issuer, audiences: audiences.cloned(), ..self.rules.clone() }, now_ms)?;
        let has = |scope: &Scope| match wanted(settings, *scope) {
            Some(wanted) => bearer.scopes.iter().any(|one| one == wanted),
            None => *scope != Scope::Admin,
        };
        let lacks = (!has(&scope)).then(|| wanted(settings, scope).unwrap_or(scope.word()).to_owned());
        Ok(Identity {
            tenant: bearer.tenant.as_deref().unwrap_or(DEFAULT_TENANT).into(),
            subject: bearer.subject.map(Into::into),
            scopes: words(Scope::ALL.into_iter().filter(has)),
            lacks,
        })
    }
}

/// What a token must have in its scopes for a scope of this server. Not set: nothing, except that no token has
/// `admin`.
fn wanted(settings: &Auth, scope: Scope) -> Option<&str> {
    match scope {
        Scope::Read => settings.scopes.read.as_deref(),
        Scope::Write => settings.scopes.write.as_deref(),
        Scope::Admin => settings.scopes.admin.as_deref(),
    }
}

fn words(scopes: impl IntoIterator<Item = Scope>) -> Arc<[Arc<str>]> {
    scopes.into_iter().map(|scope| scope.word().into()).collect()
}

/// The owner of the data folder: every scope, over the keys of every tenant.
fn owner() -> Identity {
    let scopes = words(Scope::ALL).iter().cloned().chain([OWNER.into()]).collect();
    Identity { tenant: DEFAULT_TENANT.into(), subject: Some(OWNER.into()), scopes, lacks: None }
}

fn rules(settings: &Auth) -> Rules {
    Rules {
        issuer: settings.issuer.clone(),
        audiences: None,
        algorithms: settings.algorithms.split(',').filter_map(|name| name.parse::<Algorithm>().ok()).collect(),
        skew_seconds: u32::try_from(settings.clock_skew_seconds).unwrap_or(u32::MAX),
        tenant_claim: settings.tenant_claim.clone(),
    }
}

fn ages(settings: &Auth) -> Ages {
    let max_ms = i64::try_from(settings.jwks_max_age_seconds).unwrap_or(i64::MAX).saturating_mul(1000);
    Ages { max_ms, stale_ms: STALE_MS, unknown_ms: UNKNOWN_MS, again_ms: AGAIN_MS }
}
