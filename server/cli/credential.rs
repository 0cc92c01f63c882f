//! What a command shows of who calls: the token that it was given, or the data folder's own.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use runyard_client::{Behaviour, Plain};

use crate::auth::Secret;

/// The environment variable that may give a token.
pub(super) const VARIABLE: &str = "RUNYARD_TOKEN";

/// Shows a token with each call.
#[derive(Debug)]
struct Shown(Secret);

impl Behaviour for Shown {
    fn before<'a>(
        &'a self,
        _operation: &'static str,
        request: &'a mut reqwest::Request,
    ) -> BoxFuture<'a, Result<(), String>> {
        // The value is not repeated: it is a secret even where it is none.
        let value = HeaderValue::try_from(format!("Bearer {}", self.0.expose()))
            .map_err(|_| format!("the token (--token or {VARIABLE}) has characters that no token has"));
        let shown = value.map(|mut value| {
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        });
        Box::pin(std::future::ready(shown))
    }
}

/// Calls that show this token, where there is one.
pub(super) fn behaviour(token: Option<&Secret>) -> Arc<dyn Behaviour> {
    match token {
        Some(token) => Arc::new(Shown(token.clone())),
        None => Plain::shared(),
    }
}
