//! The shared parts of all HTTP calls: clients, rules and limits.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Proxy, Url, redirect};
use runyard_engine::event::Failure;

use super::failure;
use super::resolve::Resolver;
use super::rules::{Named, Rules};
use crate::config::egress::Egress;

/// How long an unused connection stays open.
const IDLE: Duration = Duration::from_secs(30);
/// How many unused connections to one host stay open.
const IDLE_PER_HOST: usize = 8;

/// The HTTP clients, with their rules.
pub struct Outside {
    pub(super) rules: Arc<Rules>,
    /// Separate clients for inputs and for integrations, each with its own connections: a connection to a private
    /// address must never be reused for a call that may not go there.
    pub(super) clients: [Client; 3],
    pub(super) timeout_ms_max: u64,
    pub(super) bytes_max: usize,
}

/// The HTTP client could not be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client for steps that reach outside")]
pub struct OutsideError(#[source] reqwest::Error);

impl Outside {
    /// Creates the clients from the configuration.
    ///
    /// # Errors
    /// [`OutsideError`]: TLS is not available, or the proxy's address is not valid.
    pub fn new(egress: &Egress) -> Result<Self, OutsideError> {
        let rules = Arc::new(Rules::of(egress));
        let client = |named| client(egress, &rules, named).map_err(OutsideError);
        let clients = [
            client(Named::ByInputs)?,
            client(Named::ByConfiguration { private: false })?,
            client(Named::ByConfiguration { private: true })?,
        ];
        let (timeout_ms_max, bytes_max) = (egress.timeout_ms_max, egress.response_bytes_max);
        Ok(Self { rules, clients, timeout_ms_max, bytes_max })
    }

    /// The client for a service at this URL of the configuration, which it may call. For protocols that send their own
    /// requests; name resolution checks the addresses again.
    ///
    /// # Errors
    /// `egress_denied`.
    pub(in crate::nodes) fn client_of(&self, url: &Url, private: bool) -> Result<Client, Failure> {
        let named = Named::ByConfiguration { private };
        self.rules.url(url, named).map_err(|denied| failure::denied(&denied))?;
        Ok(self.client(named).clone())
    }

    /// The maximum bytes of an answer.
    pub(in crate::nodes) fn bytes_max(&self) -> usize {
        self.bytes_max
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
        // Each hop is checked again, in `exchange.rs`.
        .redirect(redirect::Policy::none())
        // The engine decides about retries, with another key.
        .retry(reqwest::retry::never())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST);
    match &egress.proxy {
        // Only the proxy's own name is resolved here, and it comes from the configuration.
        Some(proxy) => builder.proxy(Proxy::all(proxy)?).build(),
        None => builder.no_proxy().dns_resolver(Arc::new(Resolver { rules: rules.clone(), named })).build(),
    }
}
