//! A service of the configuration with its loaded secrets and its base URL.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::document::Document;
use super::security::basic;
use crate::auth::Secret;
use crate::config::integrations::SecretSource;
use crate::config::tools::openapi::OpenapiService;
use crate::nodes::credentials::Additions;
use crate::nodes::integrations::secret;

/// The default time limit of one call, milliseconds.
const TIMEOUT_MS: u64 = 30_000;

/// One service.
pub(super) struct Target {
    pub(super) configured: OpenapiService,
    /// The base URL, without a slash at its end.
    pub(super) url: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) secret_headers: Vec<(String, Secret)>,
    /// By the name of the security scheme.
    pub(super) credentials: BTreeMap<String, Secret>,
    pub(super) idempotency: Option<HeaderName>,
    pub(super) timeout_ms: u64,
}

impl Target {
    /// Reads the secrets. `environment` looks up a variable.
    pub(super) fn open(
        configured: &OpenapiService,
        document: &Document,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let read = |(name, source): (&String, &SecretSource)| match secret(source, environment) {
            Ok(value) => Ok((name.clone(), value)),
            Err(reason) => Err(format!("`{name}` {reason}")),
        };
        let url = configured.url.clone().or_else(|| base_url(document));
        let url = url.ok_or("the document has no server with a whole URL; set `url`")?;
        let header = |(name, value): (&String, &String)| {
            name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok()).ok_or("a header cannot be sent")
        };
        Ok(Target {
            url: url.trim_end_matches('/').to_owned(),
            headers: configured.headers.iter().map(header).collect::<Result<_, _>>()?,
            secret_headers: configured.secret_headers.iter().map(read).collect::<Result<_, _>>()?,
            credentials: configured.credentials.iter().map(read).collect::<Result<_, _>>()?,
            idempotency: configured.idempotency_header.as_deref().and_then(|name| name.parse().ok()),
            timeout_ms: configured.timeout_ms.unwrap_or(TIMEOUT_MS),
            configured: configured.clone(),
        })
    }

    /// Everything that an answer must not repeat.
    pub(super) fn secrets(&self, additions: &Additions) -> Vec<Secret> {
        let own = self.secret_headers.iter().map(|(_, secret)| secret).chain(self.credentials.values());
        let added = additions.headers.iter().chain(&additions.query).map(|(_, secret)| secret);
        let pairs = self.credentials.values().map(|secret| Secret::new(basic(secret.expose())));
        own.chain(added).map(|secret| Secret::new(secret.expose().to_owned())).chain(pairs).collect()
    }
}

/// The first server of a document that has a whole URL, with the defaults of its variables.
pub fn base_url(document: &Document) -> Option<String> {
    document.root["servers"].as_array().into_iter().flatten().find_map(|server| {
        let mut url = server["url"].as_str()?.to_owned();
        for (name, variable) in server["variables"].as_object().into_iter().flatten() {
            url = url.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default());
        }
        let is_whole = (url.starts_with("https://") || url.starts_with("http://")) && !url.contains(['{', '?', '#']);
        is_whole.then_some(url)
    })
}

/// The title of a document, or the name of its service.
pub(super) fn title(document: &Document, name: &str) -> Value {
    Value::String(document.title().unwrap_or(name).to_owned())
}
