//! Fetches the metadata (OpenID Connect Discovery 1.0) of an identity provider, then its keys. Two GETs, bounded in
//! time and size, that follow no redirect and send no data. `token_endpoint.rs` fetches tokens.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Response, Url, redirect};
use serde_json::Value;

use super::jwks::KeySet;
use super::source::{Fetch, FetchedKeys};
use crate::config::Auth;
use crate::config::urls::{is_private_way, is_this_machine};

/// The timeout of an answer, from the connection to its last byte.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The largest answer, bytes.
const BYTES_MAX: usize = 512 * 1024;
/// The path of an issuer's metadata, below the issuer.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// A configured provider.
#[derive(Debug)]
pub(super) struct Provider {
    http: Client,
    place: Place,
    insecure_allow_http: bool,
}

/// Where the keys are found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// The address of the keys.
    Keys(Url),
    /// The address of the metadata, which must name this issuer if they were found by it.
    Metadata { url: Url, issuer: Option<String> },
}

/// Why a provider can never be called.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// An address is not valid.
    #[error("the identity provider's address cannot be used: {0}")]
    Address(String),
    /// Keys prove who signed, but not for whom: any `iss` would be accepted.
    #[error("auth.jwks_uri needs auth.issuer: without it a token of any issuer would be believed")]
    IssuerMissing,
    /// There is no HTTP client.
    #[error("cannot make an HTTP client for the identity provider")]
    Client(#[source] reqwest::Error),
}

impl Provider {
    /// The configured provider, if any.
    ///
    /// # Errors
    /// [`ProviderError`] for settings that loading the configuration would have refused.
    pub(super) fn of(auth: &Auth) -> Result<Option<Self>, ProviderError> {
        let Some(place) = place(auth)? else { return Ok(None) };
        if auth.jwks_uri.is_some() && auth.issuer.is_none() {
            return Err(ProviderError::IssuerMissing);
        }
        let http = client(place.url(), ANSWER_WITHIN)?;
        Ok(Some(Self { http, place, insecure_allow_http: auth.insecure_allow_http }))
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, String> {
        if !self.insecure_allow_http && !is_private_way(url.as_str()) {
            return Err(format!("{url} is plain http to another machine (auth.insecure_allow_http)"));
        }
        let failed = |error: reqwest::Error| format!("{url}: {}", causes(&error));
        let answer = self.http.get(url.clone()).send().await.map_err(failed)?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!("{url} answered {}", answer.status()));
        }
        body(answer).await.map_err(|reason| format!("{url}: {reason}"))
    }

    async fn metadata(&self, url: &Url, issuer: Option<&str>) -> Result<(Url, Option<String>), String> {
        let metadata: Value = serde_json::from_slice(&self.get(url.clone()).await?)
            .map_err(|_| format!("{url} answered metadata that are not JSON"))?;
        let found = metadata["issuer"].as_str();
        if issuer.is_some_and(|wanted| found != Some(wanted)) {
            return Err(format!("{url} answered metadata of another issuer than auth.issuer"));
        }
        let keys = metadata["jwks_uri"].as_str().and_then(|keys| Url::parse(keys).ok());
        Ok((keys.ok_or_else(|| format!("{url} does not say where its keys are"))?, found.map(str::to_owned)))
    }
}

#[async_trait]
impl Fetch for Provider {
    async fn fetch(&self) -> Result<FetchedKeys, String> {
        let (keys, issuer) = match &self.place {
            Place::Keys(url) => (url.clone(), None),
            Place::Metadata { url, issuer } => self.metadata(url, issuer.as_deref()).await?,
        };
        let read = KeySet::read(&self.get(keys.clone()).await?);
        let keys = read.map_err(|reason| format!("{keys}: {reason}"))?;
        tracing::debug!("the identity provider's keys were fetched");
        Ok(FetchedKeys { keys, issuer })
    }
}

impl Place {
    fn url(&self) -> &Url {
        match self {
            Self::Keys(url) | Self::Metadata { url, .. } => url,
        }
    }
}

/// A client for one address of a provider.
pub(super) fn client(url: &Url, within: Duration) -> Result<Client, ProviderError> {
    let builder = Client::builder().timeout(within).redirect(redirect::Policy::none());
    // This machine is called without a proxy.
    let builder = if is_this_machine(url.as_str()) { builder.no_proxy() } else { builder };
    builder.build().map_err(ProviderError::Client)
}

/// The body of an answer, within the bound.
pub(super) async fn body(mut answer: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| causes(&error))? {
        if bytes.len() + chunk.len() > BYTES_MAX {
            return Err(format!("it answered more than {BYTES_MAX} bytes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The configured address of the keys wins over that of the metadata, which wins over the one below the issuer.
fn place(auth: &Auth) -> Result<Option<Place>, ProviderError> {
    let parsed = |url: &str| Url::parse(url).map_err(|error| ProviderError::Address(error.to_string()));
    Ok(match (&auth.jwks_uri, &auth.discovery_url, &auth.issuer) {
        (Some(keys), _, _) => Some(Place::Keys(parsed(keys)?)),
        (None, Some(metadata), _) => Some(Place::Metadata { url: parsed(metadata)?, issuer: None }),
        (None, None, Some(issuer)) => {
            let url = parsed(&format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/')))?;
            Some(Place::Metadata { url, issuer: Some(issuer.clone()) })
        }
        (None, None, None) => None,
    })
}

/// An error with its causes, in one line.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |cause| cause.source())
        .last()
        .map_or_else(|| error.to_string(), |cause| cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(issuer: Option<&str>, discovery_url: Option<&str>, jwks_uri: Option<&str>) -> Auth {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Auth { issuer: text(issuer), discovery_url: text(discovery_url), jwks_uri: text(jwks_uri), ..Auth::default() }
    }

    #[test]
    fn the_address_of_the_keys_wins() {
        let (issuer, metadata, keys) = (Some("https://id/r/"), Some("https://meta/x"), Some("https://keys/y"));
        let url = |auth: &Auth| place(auth).unwrap().map(|place| place.url().to_string());
        assert_eq!(url(&auth(issuer, metadata, keys)).as_deref(), keys);
        assert_eq!(url(&auth(issuer, metadata, None)).as_deref(), metadata);
        let derived = place(&auth(issuer, None, None)).unwrap().unwrap();
        assert_eq!(derived.url().as_str(), "https://id/r/.well-known/openid-configuration");
        assert!(matches!(derived, Place::Metadata { issuer: Some(issuer), .. } if issuer == "https://id/r/"));
        assert_eq!(url(&auth(None, None, None)), None);
    }
}
