//! Calls over HTTP: any URL (`runyard.http.request`), reading one (`runyard.web.fetch`), and what integrations offer.
//!
//! | file             | what |
//! |------------------|------|
//! | this one         | [`Outside`]: the clients that everything is sent with |
//! | `request.rs`     | `runyard.http.request` and `runyard.web.fetch`: inputs to a question, an answer to outputs |
//! | `integration.rs` | the same for node types of integrations, with their secrets |
//! | `credentials.rs` | what a run adds to the calls of an integration |
//! | `exchange.rs`    | one call: hops, bounds, decoding |
//! | `mask.rs`        | secrets that a service repeats, taken out of its answer |
//! | `rules.rs`       | where calls may go; `address.rs`: which addresses are special |
//! | `resolve.rs`     | names to addresses, judged where they are connected to |
//! | `failure.rs`     | every way in which it fails, with its code |
//!
//! What is recorded of a call: the inputs as given, the outputs, and of a failure what `failure.rs` says. Secrets are added here, after
//! the inputs were recorded, and are taken out of whatever a service repeats of them.

mod address;
mod credentials;
mod exchange;
mod failure;
mod integration;
mod mask;
mod request;
mod resolve;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use credentials::{Additions, Credentials, NoCredentials};
use reqwest::{Client, Proxy, redirect};
use runyard_engine::Routed;
use runyard_engine::event::Failure;

use crate::config::egress::Egress;
use crate::integrations::Integrations;
use crate::nodes::provider::{NodeContext, Provider};
use crate::nodes::web::{FETCH, REQUEST};
use resolve::Resolver;
use rules::{Named, Rules};

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// How many unused connections are kept to one host.
const IDLE_PER_HOST: usize = 8;

/// The way outside over HTTP, with its rules, and who is known there.
pub struct Outside {
    rules: Arc<Rules>,
    /// For what inputs and integrations name, each with its own connections: one that may go to a private place is never lent to
    /// somebody who may not.
    clients: [Client; 3],
    timeout_ms_max: u64,
    bytes_max: usize,
    integrations: Integrations,
    credentials: Arc<dyn Credentials>,
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

    fn client(&self, named: Named) -> &Client {
        let [inputs, public, private] = &self.clients;
        match named {
            Named::ByInputs => inputs,
            Named::ByConfiguration { private: false } => public,
            Named::ByConfiguration { private: true } => private,
        }
    }
}

#[async_trait]
impl Provider for Outside {
    async fn perform(&self, cx: &NodeContext<'_>) -> Option<Result<Routed, Failure>> {
        let outputs = match cx.node_type.id.as_str() {
            REQUEST => request::request(self, cx).await,
            FETCH => request::fetch(self, cx).await,
            id => integration::perform(self, self.integrations.operation(id)?, cx).await,
        };
        Some(outputs.map(|outputs| Routed { outputs, ..Routed::default() }))
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
