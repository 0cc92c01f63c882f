//! What the client does around each call: headers, token, idempotency key, timeout, retries.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::{Client, Request, Response};
use runyard_api::client::{Behaviour, Operation, Unanswered};
use uuid::Uuid;

use crate::pause::pause;
use crate::retry::{Outcome, Retry};
use crate::token::Tokens;

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The behaviour of every client that a [`Builder`](crate::Builder) makes.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) headers: HeaderMap,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Retry,
}

impl Behaviour for Calls {
    fn send<'a>(
        &'a self,
        http: &'a Client,
        operation: &'static Operation,
        mut request: Request,
    ) -> BoxFuture<'a, Result<Response, Unanswered>> {
        Box::pin(async move {
            self.prepare(operation, &mut request);
            let token = self.token(operation).await?;
            self.attempts(http, operation, request, token).await
        })
    }
}

impl Calls {
    /// Sets the parts of the request that all attempts share.
    fn prepare(&self, operation: &Operation, request: &mut Request) {
        if !operation.streams {
            *request.timeout_mut() = self.timeout;
        }
        let headers = request.headers_mut();
        for name in self.headers.keys() {
            // A header of the call overrides the default one.
            if !headers.contains_key(name) {
                for value in self.headers.get_all(name) {
                    headers.append(name, value.clone());
                }
            }
        }
        // A UUID is always a valid header value.
        if operation.keyed
            && self.retry.attempts_max > 1
            && !headers.contains_key(&IDEMPOTENCY_KEY)
            && let Ok(key) = HeaderValue::try_from(Uuid::new_v4().to_string())
        {
            headers.insert(IDEMPOTENCY_KEY.clone(), key);
        }
    }

    async fn token(&self, operation: &Operation) -> Result<Option<String>, Unanswered> {
        let Some(tokens) = &self.tokens else { return Ok(None) };
        match tokens.now().await {
            Ok(token) => Ok(Some(token)),
            // An operation without authentication, such as a health check, is sent even without a token.
            Err(_) if !operation.secured => Ok(None),
            Err(error) => Err(Unanswered::NoToken(error)),
        }
    }

    async fn attempts(
        &self,
        http: &Client,
        operation: &'static Operation,
        mut request: Request,
        mut token: Option<String>,
    ) -> Result<Response, Unanswered> {
        let (mut attempt, mut renewed) = (1, false);
        loop {
            if let Some(token) = &token {
                request.headers_mut().insert(AUTHORIZATION, bearer(token)?);
            }
            let spare = request.try_clone();
            let result = http.execute(request).await;
            let Some(next) = spare else { return Ok(result?) };
            // After a 401 the server has executed nothing, so every request may be repeated.
            let refused = result.as_ref().is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED);
            if refused && !renewed {
                let Some(other) = self.other_than(token.as_deref()).await else { return Ok(result?) };
                (token, renewed, request) = (Some(other), true, next);
                continue;
            }
            let Some(wait) = self.retry.wait(operation, attempt, Outcome::of(&result)) else { return Ok(result?) };
            drop(result);
            pause(wait).await;
            attempt += 1;
            request = next;
        }
    }

    async fn other_than(&self, refused: Option<&str>) -> Option<String> {
        self.tokens.as_ref()?.other_than(refused?).await
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Unanswered> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| Unanswered::NoToken(error.into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Omits headers, which may be secret.
impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("timeout", &self.timeout).field("retry", &self.retry).finish_non_exhaustive()
    }
}
