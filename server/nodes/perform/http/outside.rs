//! What everything over HTTP is sent with: clients, rules, limits, and the integrations of the configuration.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Proxy, redirect};

use super::credentials::Credentials;
use super::resolve::Resolver;
use super::rules::{Named, Rules};
use crate::config::egress::Egress;
use crate::integrations::Integrations;

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// How many unused connections are kept to one host.
const IDLE_PER_HOST: usize = 8;

/// The way outside over HTTP, with its rules, and who is known there.
pub struct Outside {
    pub(super) rules: Arc<Rules>,
    /// For what inputs and integrations name, each with its own connections: one that may go to a private place is never lent to
    /// somebody who may not.
    pub(super) clients: [Client; 3],
    pub(super) timeout_ms_max: u64,
    pub(super) bytes_max: usize,
    pub(super) integrations: Integrations,
    pub(super) credentials: Arc<dyn Credentials>,
}

/// There is no HTTP client.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client for steps that reach outside")]
pub struct OutsideError(#[source] reqwest::Error);

impl Outside {
    /// The way outside as it is configured.
    ///
    /// # Errors
    /// [`OutsideError`]: there is no TLS, or the proxy's address is none.
    pub fn new(
        egress: &Egress,
        integrations: Integrations,
        credentials: Arc<dyn Credentials>,
    ) -> Result<Self, OutsideError> {
        let rules = Arc::new(Rules::of(egress));
        let client = |named| client(egress, &rules, named).map_err(OutsideError);
        let clients = [
            client(Named::ByInputs)?,
            client(Named::ByConfiguration { private: false })?,
            client(Named::ByConfiguration { private: true })?,
        ];
        let (timeout_ms_max, bytes_max) = (egress.timeout_ms_max, egress.response_bytes_max);
        Ok(Self { rules, clients, timeout_ms_max, bytes_max, integrations, credentials })
    }

    pub(super) fn client(&self, named: Named) -> &Client {
        let [inputs, public, private] = &self.clients;
        match named {
            Named::ByInputs => inputs,
            Named::ByConfiguration { private: false } => public,
            Named::ByConfiguration { private: true } => private,
        }
    }
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside").field("rules", &self.rules).finish_non_exhaustive()
    }
}

fn client(egress: &Egress, rules: &Arc<Rules>, named: Named) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .user_agent(concat!("runyard/", env!("CARGO_PKG_VERSION")))
        // Each hop is judged anew, in `exchange.rs`.
        .redirect(redirect::Policy::none())
        // Whether there is another try is the engine's to say, under another key.
        .retry(reqwest::retry::never())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST);
    match &egress.proxy {
        // Only the proxy's own name is resolved here, and it is the configuration's.
        Some(proxy) => builder.proxy(Proxy::all(proxy)?).build(),
        None => builder.no_proxy().dns_resolver(Arc::new(Resolver { rules: rules.clone(), named })).build(),
    }
}
