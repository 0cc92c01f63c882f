//! The parts of a client, stored beside the generated one so that another client can be made from them.

use std::sync::Arc;

use runyard_api::client::Behaviour;

use crate::calls::Calls;
use crate::token::{TokenProvider, Tokens};

/// A client's parts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Assembly {
    pub(crate) url: Arc<str>,
    pub(crate) http: reqwest::Client,
    pub(crate) calls: Arc<Calls>,
}

impl Assembly {
    /// The parts in the form that generated clients take.
    pub(crate) fn parts(&self) -> (&str, reqwest::Client, Arc<dyn Behaviour>) {
        (&self.url, self.http.clone(), self.calls.clone())
    }

    /// The same parts with this token provider.
    pub(crate) fn with_token_provider(&self, provider: impl TokenProvider) -> Self {
        let calls = Calls { tokens: Some(Tokens::of(provider)), ..Calls::clone(&self.calls) };
        Self { calls: Arc::new(calls), ..self.clone() }
    }
}
