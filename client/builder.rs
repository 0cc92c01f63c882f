//! How a client is made.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use reqwest::redirect::Policy;
use runyard_api::client::BoxError;

use crate::assembly::Assembly;
use crate::calls::Calls;
use crate::document::Document;
use crate::retry::Retry;
use crate::token::{Fixed, TokenProvider, Tokens};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may be silent. Servers of ours say something every 15 s.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// Makes a client of one document: `run_gateway::Client::builder(url)`, then settings, then [`build`](Self::build).
///
/// Redirects are not followed: they are [`CallError::Status`](crate::CallError::Status), because a token that is meant for one
/// server is not another's business.
#[must_use = "a builder makes a client when `build` is called"]
pub struct Builder<C> {
    url: String,
    tokens: Option<Tokens>,
    connect_timeout: Duration,
    timeout: Option<Duration>,
    silence_timeout: Duration,
    headers: HeaderMap,
    /// The first that could not be taken; told by `build`, so that settings need no `?`.
    unusable: Option<BuildError>,
    retry: Retry,
    proxy: bool,
    certificates: Vec<Vec<u8>>,
    http: Option<reqwest::Client>,
    makes: PhantomData<fn() -> C>,
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The address is none: absolute, http or https, without a user, a query or a fragment.
    #[error("{url:?} is no base URL: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address is https, and this program was built without that.
    #[error("{url:?} is https, and runyard-client was built without its feature `tls`")]
    NoTls {
        /// What was given.
        url: String,
    },
    /// A name or a value that cannot be a header's.
    #[error("header {name:?} cannot be sent: {reason}")]
    Header {
        /// Its name, as given.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// What was given as a root certificate is none.
    #[error("the root certificate is no PEM: {0}")]
    Certificate(String),
    /// TLS cannot be set up, for example because there are no root certificates.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] BoxError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Http(#[source] reqwest::Error),
}

impl<C: Document> Builder<C> {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        let agent = HeaderValue::from_static(concat!("runyard-client/", env!("CARGO_PKG_VERSION")));
        Self {
            url: url.into(),
            tokens: None,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: Some(TIMEOUT),
            silence_timeout: SILENCE_TIMEOUT,
            headers: HeaderMap::from_iter([(USER_AGENT, agent)]),
            unusable: None,
            retry: Retry::default(),
            proxy: true,
            certificates: Vec::new(),
            http: None,
            makes: PhantomData,
        }
    }

    /// Sends this bearer token with every call.
    pub fn token(self, token: impl Into<String>) -> Self {
        let token = token.into();
        let checked = match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(_) => self,
            Err(error) => self.refusing(AUTHORIZATION.as_str(), &error),
        };
        Self { tokens: Some(Tokens::of(Fixed(token))), ..checked }
    }

    /// Asks this provider for a bearer token before every call, and for another one when the server answers 401; the call is
    /// then repeated once. Calls that were refused at the same time share one refresh.
    pub fn token_provider(self, provider: impl TokenProvider) -> Self {
        Self { tokens: Some(Tokens::of(provider)), ..self }
    }

    /// How long a connection may take. Default 10 s.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout, ..self }
    }

    /// How long an answer may take, from sending the request to the last byte, each attempt by itself; `None` for as long as
    /// it takes. Default 60 s. Never for streams, which last as long as their run.
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        Self { timeout: timeout.into(), ..self }
    }

    /// How long a connection may be silent, within an answer or a stream, before it counts as dead. Default 60 s; longer than
    /// the server's keep-alive, which is 15 s here.
    pub fn silence_timeout(self, timeout: Duration) -> Self {
        Self { silence_timeout: timeout, ..self }
    }

    /// Sends this header with every call that does not have it itself.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        match (HeaderName::try_from(name), HeaderValue::try_from(value.as_ref())) {
            (Ok(name), Ok(mut value)) => {
                // It may be a key. What is not shown is not in anyone's log.
                value.set_sensitive(name != USER_AGENT);
                self.headers.insert(name, value);
                self
            }
            (Err(error), _) => self.refusing(name, &error),
            (_, Err(error)) => self.refusing(name, &error),
        }
    }

    /// What the client calls itself. Default `runyard-client/VERSION`.
    pub fn user_agent(self, agent: impl AsRef<str>) -> Self {
        self.header(USER_AGENT.as_str(), agent)
    }

    /// What is repeated, and how often: [`Retry`].
    pub fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Goes to the server itself, whatever the environment says about proxies.
    pub fn no_proxy(self) -> Self {
        Self { proxy: false, ..self }
    }

    /// Trusts these certificates (PEM, one or more) beside the platform's.
    #[cfg(feature = "tls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Uses this HTTP client. What concerns connections is then its business: connect and silence timeouts, proxies, TLS,
    /// redirects. All else stays this builder's.
    pub fn http(self, client: reqwest::Client) -> Self {
        Self { http: Some(client), ..self }
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn build(self) -> Result<C, BuildError> {
        if let Some(unusable) = self.unusable {
            return Err(unusable);
        }
        let url = base_url(&self.url)?;
        let http = match self.http {
            Some(client) => client,
            None => Connections {
                is_https: url.scheme() == "https",
                connect_timeout: self.connect_timeout,
                silence_timeout: self.silence_timeout,
                proxy: self.proxy,
                certificates: self.certificates,
            }
            .client(&self.url)?,
        };
        let calls = Calls { headers: self.headers, tokens: self.tokens, timeout: self.timeout, retry: self.retry };
        let url = url.as_str().trim_end_matches('/').into();
        Ok(C::assembled(Assembly { url, http, calls: Arc::new(calls) }))
    }

    fn refusing(mut self, name: &str, reason: &dyn fmt::Display) -> Self {
        let header = BuildError::Header { name: name.to_owned(), reason: reason.to_string() };
        self.unusable.get_or_insert(header);
        self
    }
}

/// How connections are made.
struct Connections {
    is_https: bool,
    connect_timeout: Duration,
    silence_timeout: Duration,
    proxy: bool,
    certificates: Vec<Vec<u8>>,
}

impl Connections {
    fn client(&self, url: &str) -> Result<reqwest::Client, BuildError> {
        let building = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.silence_timeout)
            .redirect(Policy::none());
        let building = if self.proxy { building } else { building.no_proxy() };
        self.with_tls(building, url)?.build().map_err(BuildError::Http)
    }

    #[cfg(feature = "tls")]
    fn with_tls(&self, building: reqwest::ClientBuilder, _: &str) -> Result<reqwest::ClientBuilder, BuildError> {
        Ok(building.tls_backend_preconfigured(crate::tls::config(self.is_https, &self.certificates)?))
    }

    #[cfg(not(feature = "tls"))]
    fn with_tls(&self, building: reqwest::ClientBuilder, url: &str) -> Result<reqwest::ClientBuilder, BuildError> {
        debug_assert!(self.certificates.is_empty(), "there is no way to give one");
        if self.is_https { Err(BuildError::NoTls { url: url.to_owned() }) } else { Ok(building) }
    }
}

fn base_url(text: &str) -> Result<Url, BuildError> {
    let refused = |reason: &str| BuildError::Url { url: text.to_owned(), reason: reason.to_owned() };
    let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: it may be a password.
        let reason = "it has a user; give a token or a header instead".to_owned();
        return Err(BuildError::Url { url: format!("{}://", url.scheme()), reason });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    Ok(url)
}

/// Without headers and token, which may be secret.
impl<C> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("url", &self.url)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
