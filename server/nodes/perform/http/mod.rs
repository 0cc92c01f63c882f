//! Calls over HTTP: any URL (`runyard.http.request`), fetching a page (`runyard.web.fetch`), and node types of
//! integrations.
//!
//! | file             | what |
//! |------------------|------|
//! | this one         | the provider of calls over HTTP |
//! | `outside.rs`     | [`Outside`]: the HTTP clients for all calls |
//! | `request.rs`     | `runyard.http.request` and `runyard.web.fetch`: from inputs to a request, from a response to outputs |
//! | `integration.rs` | the same for node types of integrations, with their secrets |
//! | `credentials.rs` | a run's credentials for the calls of an integration |
//! | `exchange.rs`    | one call: hops, bounds, decoding |
//! | `mask.rs`        | masks secrets that a service repeats in its response |
//! | `rules.rs`       | where calls may go; `address.rs`: which addresses are special |
//! | `resolve.rs`     | name resolution with a check of the addresses |
//! | `failure.rs`     | every failure, with its code |
//!
//! The record of a call has the inputs as given, the outputs, and the failure from `failure.rs`. Secrets are added
//! here, after the inputs were recorded, and are masked in the response.

mod address;
mod credentials;
mod exchange;
mod failure;
mod integration;
mod mask;
mod outside;
mod request;
mod resolve;
mod rules;

use async_trait::async_trait;
use runyard_engine::Routed;
use runyard_engine::event::Failure;

use crate::nodes::provider::{NodeContext, Provider};
use crate::nodes::web::{FETCH, REQUEST};

pub use credentials::{Additions, Credentials, NoCredentials};
pub use outside::{Outside, OutsideError};

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
