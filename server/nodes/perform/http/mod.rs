//! Calls over HTTP: any URL (`runyard.http.request`), fetching a page (`runyard.web.fetch`), and node types of
//! integrations.
//!
//! | file             | what |
//! |------------------|------|
//! | this one         | [`Http`]: the provider of calls to any URL |
//! | `outside.rs`     | [`Outside`]: the HTTP clients for all calls |
//! | `request.rs`     | `runyard.http.request` and `runyard.web.fetch`: from inputs to a request, from a response to outputs |
//! | `integration.rs` | the same for node types of integrations, with their secrets |
//! | `operation.rs`   | the same for operations of OpenAPI documents |
//! | `credentials.rs` | reads a run's credentials for the calls of an integration |
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
pub(in crate::nodes) mod failure;
mod integration;
mod mask;
mod operation;
mod outside;
mod request;
mod resolve;
mod rules;

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use runyard_engine::Routed;
use runyard_engine::event::Failure;

use crate::nodes::failures::unavailable;
use crate::nodes::provider::{NodeContext, Provider, Snapshot};
use crate::nodes::web::{FETCH, FETCH_BUILTIN, REQUEST, REQUEST_BUILTIN};

pub use crate::nodes::credentials::{Additions, Credentials, NoCredentials};
pub(in crate::nodes) use exchange::{Ask, exchange};
pub(in crate::nodes) use integration::perform as call_operation;
pub(in crate::nodes) use mask::Masks;
pub use operation::document as read_document;
pub(in crate::nodes) use operation::{OperationRequest, send as send_operation};
pub use outside::{Outside, OutsideError};
pub(in crate::nodes) use request::{key as idempotency_key, refuse_deep, refused};
pub(in crate::nodes) use rules::Named;

/// The provider of calls to any URL. Without clients its node types are listed and cannot be called.
#[derive(Debug, Clone, Default)]
pub struct Http(pub Option<Arc<Outside>>);

#[async_trait]
impl Provider for Http {
    fn node_types(&self, _tenant: &str) -> Arc<Snapshot> {
        static LISTED: LazyLock<Arc<Snapshot>> =
            LazyLock::new(|| Snapshot::fixed([(REQUEST_BUILTIN.entry)(), (FETCH_BUILTIN.entry)()]));
        LISTED.clone()
    }

    async fn perform(&self, cx: &NodeContext<'_>) -> Result<Routed, Failure> {
        let outputs = match (&self.0, cx.node_type.id.as_str()) {
            (Some(outside), REQUEST) => request::request(outside, cx).await,
            (Some(outside), FETCH) => request::fetch(outside, cx).await,
            _ => return Err(unavailable(cx.node_type)),
        };
        outputs.map(|outputs| Routed { outputs, ..Routed::default() })
    }
}
