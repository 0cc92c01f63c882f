//! The builder of clients.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use reqwest::redirect::Policy;

use crate::assembly::Assembly;
use crate::build_error::BuildError;
use crate::calls::Calls;
use crate::document::Document;
use crate::retry::Retry;
use crate::token::{Fixed, TokenProvider, Tokens};

/// The default time limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The default time limit for a response.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The default time limit for silence on a connection. Runyard's servers send a keep-alive every 15 s.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// Builds a client of one document: `run_gateway::Client::builder(url)`, then settings, then [`build`](Self::build).
///
/// Redirects are not followed, because a token for one server must not be sent to another. They are returned as
/// [`CallError::Status`](crate::CallError::Status).
#[must_use = "a builder makes a client when `build` is called"]
pub struct Builder<C> {
    url: String,
    tokens: Option<Tokens>,
    connect_timeout: Duration,
    timeout: Option<Duration>,
    silence_timeout: Duration,
    headers: HeaderMap,
    /// The first setting that is not valid; `build` returns it, so that settings need no `?`.
    unusable: Option<BuildError>,
    retry: Retry,
    proxy: bool,
    certificates: Vec<Vec<u8>>,
    http: Option<reqwest::Client>,
    makes: PhantomData<fn() -> C>,
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

    /// Gets a bearer token from this provider before every call. When the server answers 401, the client gets another
    /// token and repeats the call once. Calls that were refused at the same time share one refresh.
    pub fn token_provider(self, provider: impl TokenProvider) -> Self {
        Self { tokens: Some(Tokens::of(provider)), ..self }
    }

    /// The time limit for connecting. Default 10 s.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout, ..self }
    }

    /// The time limit for a response, from sending the request to the last byte, for each attempt; `None`: no limit.
    /// Default 60 s. It does not apply to streams, which last as long as their run.
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        Self { timeout: timeout.into(), ..self }
    }

    /// How long a connection may be silent, within a response or a stream, before it counts as broken. Default 60 s. It
    /// must be longer than the server's keep-alive interval, which is 15 s for Runyard.
    pub fn silence_timeout(self, timeout: Duration) -> Self {
        Self { silence_timeout: timeout, ..self }
    }

    /// Sends this header with every call that does not set it itself.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        match (HeaderName::try_from(name), HeaderValue::try_from(value.as_ref())) {
            (Ok(name), Ok(mut value)) => {
                // The value may be a key, so it is hidden from logs.
                value.set_sensitive(name != USER_AGENT);
                self.headers.insert(name, value);
                self
            }
            (Err(error), _) => self.refusing(name, &error),
            (_, Err(error)) => self.refusing(name, &error),
        }
    }

    /// The `User-Agent`. Default `runyard-client/VERSION`.
    pub fn user_agent(self, agent: impl AsRef<str>) -> Self {
        self.header(USER_AGENT.as_str(), agent)
    }

    /// Which calls are retried, and how often: [`Retry`].
    pub fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Connects directly, and ignores proxy settings of the environment.
    pub fn no_proxy(self) -> Self {
        Self { proxy: false, ..self }
    }

    /// Trusts these certificates (PEM, one or more) in addition to the platform's.
    #[cfg(feature = "tls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Uses this HTTP client. It then decides on connections: connect and silence timeouts, proxies, TLS, redirects.
    /// All other settings still come from this builder.
    pub fn http(self, client: reqwest::Client) -> Self {
        Self { http: Some(client), ..self }
    }

    /// Builds the client, without sending anything.
    ///
    /// # Errors
    /// The first setting that is not valid.
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

/// The settings of connections.
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
        // The error does not repeat the user, which may be a password.
        let reason = "it has a user; give a token or a header instead".to_owned();
        return Err(BuildError::Url { url: format!("{}://", url.scheme()), reason });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    Ok(url)
}

/// Omits headers and token, which may be secret.
impl<C> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("url", &self.url)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
