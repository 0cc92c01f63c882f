//! Sends the requests of operations of OpenAPI documents, which `nodes/openapi/` makes, and reads their answers. Only
//! 200 to 299 is a success, and no redirect is followed: secrets go only to the service.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method};
use reqwest::Url;
use runyard_engine::event::Failure;
use serde_json::{Map, Value, json};

use super::exchange::{Ask, exchange};
use super::failure;
use super::mask::Masks;
use super::outside::Outside;
use super::request::{self, content_type, refused};
use super::rules::Named;
use crate::auth::Secret;
use crate::clock::Clock;
use crate::nodes::provider::NodeContext;

/// The time limit for reading a document, milliseconds.
const DOCUMENT_TIMEOUT_MS: u64 = 30_000;
/// How many redirects a document may have.
const DOCUMENT_REDIRECTS_MAX: u32 = 5;

/// A request with its secrets.
pub(in crate::nodes) struct OperationRequest {
    pub(in crate::nodes) service: String,
    pub(in crate::nodes) method: Method,
    pub(in crate::nodes) url: String,
    pub(in crate::nodes) headers: HeaderMap,
    pub(in crate::nodes) body: Option<Vec<u8>>,
    /// Whether the host may have a private address.
    pub(in crate::nodes) private: bool,
    pub(in crate::nodes) timeout_ms: u64,
    /// Masked in the answer.
    pub(in crate::nodes) secrets: Vec<Secret>,
}

/// An answer, without the secrets.
pub(in crate::nodes) struct OperationAnswer {
    pub(in crate::nodes) status: u16,
    pub(in crate::nodes) headers: Value,
    /// The output with the body, and its value.
    pub(in crate::nodes) body: Option<(&'static str, Value)>,
}

/// Sends a request.
pub(in crate::nodes) async fn send(
    outside: &Outside,
    request: OperationRequest,
    call: &NodeContext<'_>,
) -> Result<OperationAnswer, Failure> {
    let OperationRequest { service, method, url, mut headers, body, private, timeout_ms, secrets } = request;
    let url = Url::parse(&url).map_err(|_| failure::invalid(&service, "has a URL that is not valid"))?;
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json, text/plain;q=0.8, */*;q=0.5"));
    let named = Named::ByConfiguration { private };
    let ask = Ask { method, url, headers, body, named, timeout_ms, bytes_max: outside.bytes_max, redirects_max: 0 };
    let host = ask.host();
    let mut answer = exchange(outside, ask, call.clock).await?;
    let masks = Masks::of(secrets.iter().map(Secret::expose));
    masks.bytes(&mut answer.body);
    if !answer.status.is_success() {
        return Err(refused(&host, &answer, call.now_ms));
    }
    request::refuse_deep(&host, &answer)?;
    let mut seen = Map::new();
    for name in answer.headers.keys().filter(|name| **name != SET_COOKIE) {
        let texts = answer.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        seen.insert(name.as_str().to_owned(), json!(texts.collect::<Vec<_>>().join(", ")));
    }
    let mut headers = Value::Object(seen);
    masks.value(&mut headers);
    let kind = content_type(&answer.headers);
    let mut body = match request::json(kind.as_deref(), &answer.body) {
        _ if answer.body.is_empty() => None,
        Some(json) => Some(("body", json)),
        None => Some(match request::text(kind.as_deref(), &answer.body) {
            Some(text) => ("body", json!(text)),
            None => ("content_base64", json!(STANDARD.encode(&answer.body))),
        }),
    };
    if let Some((_, body)) = &mut body {
        masks.value(body);
    }
    Ok(OperationAnswer { status: answer.status.as_u16(), headers, body })
}

/// Reads a document at a URL that the operator names.
///
/// # Errors
/// It cannot be reached, or answers with another status than success.
pub async fn document(outside: &Outside, url: &str, bytes_max: usize, clock: &Clock) -> Result<Vec<u8>, Failure> {
    let url = Url::parse(url).map_err(|error| failure::invalid("the URL", &format!("is not valid: {error}")))?;
    let ask = Ask {
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: None,
        named: Named::ByConfiguration { private: true },
        timeout_ms: DOCUMENT_TIMEOUT_MS,
        bytes_max,
        redirects_max: DOCUMENT_REDIRECTS_MAX,
    };
    let host = ask.host();
    let answer = exchange(outside, ask, clock).await?;
    if answer.status.is_success() { Ok(answer.body) } else { Err(refused(&host, &answer, clock.now_ms())) }
}
