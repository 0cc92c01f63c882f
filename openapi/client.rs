//! What every generated client is built on: what happens around a call.
//!
//! Behaviour (credentials before a call, repetition around it, a look at what comes back) is given to a client when it is made,
//! never written into what is generated. Crate `runyard-client` has the behaviours that people want; here is only the seam.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
pub use progenitor_client::{ByteStream, Error, ResponseValue};

/// What a client does around each call.
pub trait Behaviour: fmt::Debug + Send + Sync {
    /// Called once per call, with the request that is about to be sent. `operation` is the document's `operationId`.
    ///
    /// # Errors
    /// The text becomes [`Error::Custom`], and nothing is sent.
    fn before<'a>(
        &'a self,
        operation: &'static str,
        request: &'a mut reqwest::Request,
    ) -> BoxFuture<'a, Result<(), String>> {
        let _ = (operation, request);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Sends the request, once or more often, and may look at the answer or replace it.
    ///
    /// # Errors
    /// What kept the request from being answered.
    fn send<'a>(
        &'a self,
        client: &'a reqwest::Client,
        operation: &'static str,
        request: reqwest::Request,
    ) -> BoxFuture<'a, reqwest::Result<reqwest::Response>> {
        let _ = operation;
        Box::pin(client.execute(request))
    }
}

/// Nothing beside the call itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Behaviour for Plain {}

impl Plain {
    /// As a client takes it.
    #[must_use]
    pub fn shared() -> Arc<dyn Behaviour> {
        Arc::new(Self)
    }
}
