//! Calls over HTTP: any URL (`runyard.http.request`), reading one (`runyard.web.fetch`), and what integrations offer.
//!
//! | file             | what |
//! |------------------|------|
//! | this one         | the provider of calls over HTTP |
//! | `outside.rs`     | [`Outside`]: the clients that everything is sent with |
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
